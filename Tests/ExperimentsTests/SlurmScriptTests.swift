/// The array job that `study slurm` prints. `scripts/check-slurm.sh` submits one to a real Slurm.
import Experiments
import Foundation
import TestSupport
import Testing

@Suite struct SlurmScriptTests {
  @Test func itNamesTheTasksAndTheLimit() throws {
    let printed = try mamba("study slurm paper-highway --seeds 0,1,3 --time 1:30:00 --partition short --root runs")
    #expect(printed.status == 0, "\(printed.error)")
    let lines = printed.output.split(separator: "\n").map(String.init)
    for line in [
      "#SBATCH --job-name=paper-highway", "#SBATCH --time=1:30:00", "#SBATCH --partition=short", "#SBATCH --cpus-per-task=1",
      "#SBATCH --signal=B:USR1@60", "#SBATCH --requeue",
    ] {
      #expect(lines.contains(line), "\(line): \(printed.output)")
    }
    #expect(lines.contains { $0.hasPrefix("#SBATCH --array=0-1,3,5-6,8,") }, "\(printed.output)")
    #expect(printed.output.contains("study run paper-highway --root runs --index \"$SLURM_ARRAY_TASK_ID\" &"))
  }

  /// What the script does when its time is nearly over, with a stand-in for Slurm's requeue and its signal.
  @Test func aTaskThatIsToldOfItsLimitSavesIsRequeuedAndGoesOn() throws {
    let space = try Workspace()
    let study = try space.text(
      "short.yaml",
      """
      name: short
      environment: highway-fast-v0
      preset: fast
      models: dqn
      settings: {learningStarts: 100, evaluationEpisodes: 1, checkpointInterval: 500, hiddenSize: 16, modelSize: 16}
      seeds: [0]
      steps: 200000
      """)
    let printed = try mamba("study slurm \(study) --root \(space.file("runs"))")
    let script = try space.text("job", printed.output), requeued = space.file("requeued")
    try FileManager.default.createDirectory(atPath: space.file("bin"), withIntermediateDirectories: true)
    let scontrol = try space.text("bin/scontrol", "#!/bin/sh\necho \"$@\" >> \(requeued)\n")
    #expect(chmod(scontrol, 0o755) == 0)
    let task = space.file("runs/short/dqn-s0")
    for number in 1...2 {
      let before = savedSteps(task)
      // A test's thread blocks signals, and a shell, unlike our program, leaves them blocked.
      let unblocked =
        "import os, signal, sys; signal.pthread_sigmask(signal.SIG_SETMASK, []); os.execvp(sys.argv[1], sys.argv[1:])"
      let told = try run(
        "/usr/bin/env",
        [
          "PATH=\(space.file("bin")):/usr/bin:/bin", "SLURM_ARRAY_TASK_ID=0", "SLURM_JOB_ID=17", "python3", "-c", unblocked,
          "bash", script,
        ], signal: SIGUSR1
      ) { savedSteps(task) > before }
      #expect(told.status == 0 && told.error.contains("checkpoint saved"), "\(told.error)")
      #expect(savedSteps(task) > before)
      #expect(try String(contentsOfFile: requeued, encoding: .utf8) == String(repeating: "requeue 17\n", count: number))
    }
  }

  @Test(arguments: ["0", "4h", "1:2:3:4", "-5", "x-1", "1-", "::"])
  func aLimitThatSlurmWouldNotTakeIsRefused(_ time: String) throws {
    let result = try mamba("study slurm paper-highway --time=\(time)")
    #expect(result.status == 64 && result.error.contains("--time \(time): write minutes"), "\(result.error)")
  }
}
