/// `mamba-dqn study` as a person or a cluster uses it: killed, locked, failing, stopped in time, and continued.
import Experiments
import Foundation
import Records
import TestSupport
import Testing

@Suite struct StudyCommandTests {
  private let space: Workspace
  init() throws { space = try Workspace() }

  /// A file that describes four tasks; 1,000 steps take a second or less.
  private func small(steps: Int, checkpointInterval: Int = 250) throws -> String {
    try space.text(
      "small.yaml",
      """
      name: small
      environment: highway-fast-v0
      preset: paper
      models: [dqn, mamba]
      settings: {stateSize: 8, modelSize: 32, hiddenSize: 32, checkpointInterval: \(checkpointInterval),
        evaluationInterval: 500, evaluationEpisodes: 1}
      seeds: [0, 1]
      steps: \(steps)
      """)
  }

  private func folder(_ task: String, root: String) -> RunFolder { RunFolder(path: space.file("\(root)/small/\(task)")) }
  private let names = ["dqn-s0", "dqn-s1", "mamba-s0", "mamba-s1"]

  /// Waits until nobody holds a task's lock, at most a minute.
  private func released(_ task: String, root: String) -> Bool {
    let lock = space.file("\(root)/small/.locks/\(task).lock")
    for _ in 0..<6000 where FileLock.holder(of: lock) != nil { usleep(10_000) }
    return FileLock.holder(of: lock) == nil
  }

  /// What must not depend on where and how often a run was interrupted.
  private func bytes(_ run: RunFolder) throws -> [Data?] {
    let progress = try String(contentsOfFile: run.progress, encoding: .utf8).split(separator: "\n").map {
      $0.split(separator: ",", omittingEmptySubsequences: false).prefix(12).joined(separator: ",")
    }
    let evaluation = try JSONDecoder().decode(
      EvaluationReport.self, from: FileManager.default.contents(atPath: run.evaluation) ?? Data())
    return [
      FileManager.default.contents(atPath: run.weights), FileManager.default.contents(atPath: run.evaluations),
      Data(progress.joined(separator: "\n").utf8), Data("\(evaluation.returns)".utf8),
    ]
  }

  @Test func aStudyKilledAgainAndAgainEndsInTheSameBytes() throws {
    let file = try small(steps: 2000)
    let straight = try mamba("study run \(file) --root \(space.file("straight"))")
    #expect(straight.status == 0 && straight.error.contains("4 finished"), "\(straight.error)")

    let broken = "study run \(file) --root \(space.file("broken"))"
    func steps(_ name: String) -> Int { savedSteps(folder(name, root: "broken").path) }
    // Each has its lock, which comes before the first line of its table.
    let all = try mamba(broken + " --jobs 4", signal: SIGKILL) {
      names.contains { steps($0) > 0 } && names.allSatisfy { lineCount(folder($0, root: "broken").progress) > 0 }
    }
    // A task saves when its study is killed; its lock falls with it.
    for name in names { #expect(released(name, root: "broken")) }
    let before = steps("mamba-s0"), whole = steps("mamba-s1")
    let one = try mamba(broken + " --index 2", signal: SIGKILL) { steps("mamba-s0") > before }
    #expect(all.status == SIGKILL && one.status == SIGKILL)
    let stopped = try mamba(broken + " --jobs 1", signal: SIGTERM) {
      steps("mamba-s0") + steps("mamba-s1") > before + whole + 250
    }
    #expect(stopped.status == 128 + SIGTERM && stopped.error.contains("/mamba-dqn \(broken)"), "\(stopped.error)")
    let last = try mamba(broken)
    #expect(last.status == 0 && last.error.contains("4 finished"), "\(last.error)")
    for name in names {
      #expect(try bytes(folder(name, root: "broken")) == bytes(folder(name, root: "straight")), "\(name)")
    }
    // And of the command that each folder says repeats it.
    let command = try String(contentsOfFile: folder("mamba-s1", root: "straight").command, encoding: .utf8)
    let words = command.trimmingCharacters(in: .whitespacesAndNewlines).dropFirst("mamba-dqn ".count)
    #expect(try mamba("\(words) --out \(space.file("alone"))").status == 0)
    #expect(try bytes(RunFolder(path: space.file("alone"))) == bytes(folder("mamba-s1", root: "straight")))

    let again = try mamba("study run \(file) --root \(space.file("straight")) --index 3")
    #expect(again.status == 0 && again.error.contains("is finished"))
    let status = try mamba("study status \(file) --root \(space.file("straight")) --json")
    let states = try status.output.split(separator: "\n").map { try JSONDecoder().decode(TaskStatus.self, from: Data($0.utf8)) }
    #expect(states.map(\.name) == names && states.allSatisfy { $0.state == .finished && $0.step == 2000 })

    let export = try mamba("study export \(file) --root \(space.file("straight")) --to \(space.file("out"))")
    #expect(export.output.contains("4 of 4 tasks exported"), "\(export.error)")
    #expect(try ExperimentConfig(path: space.file("out/mamba-s0/config.json")).seed == 0)
  }

  @Test func aTaskThatIsLockedIsLeftToItsHolder() throws {
    let file = try small(steps: 300), root = space.file("runs")
    let lock = try FileLock(path: root + "/small/.locks/dqn-s0.lock")
    let single = try mamba("study run \(file) --root \(root) --index 0")
    #expect(single.status == 1 && single.error.contains("is being run by process \(getpid())"), "\(single.error)")
    let resumed = try mamba("resume \(root)/small/dqn-s0")
    #expect(resumed.status == 1 && resumed.error.contains("is being run by process \(getpid())"), "\(resumed.error)")
    let status = try mamba("study status \(file) --root \(root)")
    #expect(status.output.contains("dqn-s0: run by process \(getpid())"))
    let all = try mamba("study run \(file) --root \(root) --seeds 0")
    withExtendedLifetime(lock) {}
    #expect(all.status == 0 && all.error.contains("dqn-s0 was left out: process \(getpid())"), "\(all.error)")
    #expect(all.error.contains("2 tasks, 1 finished, 1 running"))
    #expect(!folder("dqn-s0", root: "runs").exists && !folder("mamba-s1", root: "runs").exists)
  }

  @Test func oneFailureLeavesTheOthersAlone() throws {
    let file = try small(steps: 300)
    // A folder of another run, a damaged checkpoint, a file where a folder belongs.
    let other = folder("dqn-s0", root: "runs"), damaged = folder("dqn-s1", root: "runs")
    for run in [other, damaged] {
      try FileManager.default.createDirectory(atPath: run.checkpoints, withIntermediateDirectories: true)
    }
    let tasks = try Studies.study(file).tasks
    var config = tasks[0].config
    config.discount = 0.5
    try config.json.write(to: URL(fileURLWithPath: other.config))
    try tasks[1].config.json.write(to: URL(fileURLWithPath: damaged.config))
    try Data("damaged".utf8).write(to: URL(fileURLWithPath: damaged.checkpoints + "/step-0000000250.checkpoint"))
    _ = try space.write("runs/small/mamba-s0", [1])

    let result = try mamba("study run \(file) --root \(space.file("runs"))")
    #expect(result.status == 1)
    #expect(result.error.contains("dqn-s0 failed: \(other.config): discount is 0.5, and 0.8 in the study"), "\(result.error)")
    #expect(
      result.error.contains("dqn-s1 failed: \(damaged.checkpoints)/step-0000000250.checkpoint: is damaged"), "\(result.error)")
    #expect(result.error.contains("mamba-s0 failed: ") && result.error.contains("is a file, not a folder"), "\(result.error)")
    #expect(FileManager.default.fileExists(atPath: folder("mamba-s1", root: "runs").evaluation))
    #expect(try FileManager.default.contentsOfDirectory(atPath: other.path).sorted() == ["checkpoints", "config.json"])
    let status = try mamba("study status \(file) --root \(space.file("runs"))")
    #expect(status.output.contains("1 finished, 1 waiting, 2 failed"), "\(status.output)")

    // What was wrong is put right: only the failed ones run, and nothing remembers their errors.
    for path in [other.path, damaged.checkpoints, folder("mamba-s0", root: "runs").path] {
      try FileManager.default.removeItem(atPath: path)
    }
    let repaired = try mamba("study run \(file) --root \(space.file("runs"))")
    #expect(repaired.status == 0 && repaired.error.contains("4 tasks, 4 finished"), "\(repaired.error)")
    #expect(!repaired.error.contains("mamba-s1"))
  }

  @Test func aTimeLimitStopsInTimeAndIsNoFailure() throws {
    let file = try small(steps: 1_000_000), root = space.file("runs")
    // Both that the study begins with: one may be asked to stop again before it has begun again.
    for index in [0, 1] {
      let single = try mamba("study run \(file) --root \(root) --index \(index) --time-limit 0.5s")
      #expect(single.status == 0 && single.error.contains("checkpoint saved"), "\(single.error)")
    }
    let all = try mamba("study run \(file) --root \(root) --jobs 2 --time-limit 0.8s")
    #expect(
      all.status == 0 && all.error.contains("time limit 0.8s reached") && all.error.contains("4 tasks to go"), "\(all.error)")
    #expect(all.error.contains("2 waiting, 2 stopped"), "\(all.error)")
  }

  /// SIGKILL cannot be passed on: the tasks must see it themselves, and save.
  @Test func noTaskOutlivesItsStudy() throws {
    let file = try small(steps: 1_000_000, checkpointInterval: 1_000_000), root = space.file("runs")
    let two = names.prefix(2)
    // The scheduler itself makes the folders; a row of the table is the task's own, and no checkpoint is due before the end.
    let killed = try mamba("study run \(file) --root \(root) --jobs 2", signal: SIGKILL) {
      two.allSatisfy { lineCount(folder($0, root: "runs").progress) > 2 }
    }
    #expect(killed.status == SIGKILL)
    for name in two {
      #expect(released(name, root: "runs"))
      #expect(savedSteps(folder(name, root: "runs").path) > 0)
    }
  }

  @Test func mistakesExitWithSixtyFour() throws {
    let cases = [
      ("study run paper-higway", "did you mean paper-highway?"), ("study show nothing", "unknown study nothing"),
      ("study run paper-highway --index 60", "has the tasks 0 to 59"),
      ("study run paper-highway --index 1 --jobs 2", "leave --jobs"),
      ("study run paper-highway --seeds 0,9", "has the seeds 0,1,2,3,4"), ("study run paper-highway --jobs 0", "--jobs 0"),
      ("study run paper-highway --time-limit 5", "write a number and s, m or h"),
    ]
    for (arguments, expected) in cases {
      let result = try mamba(arguments + (arguments.contains("run") ? " --root \(space.file("never"))" : ""))
      #expect(result.status == 64 && result.error.contains(expected), "\(arguments): \(result.error)")
    }
    #expect(!FileManager.default.fileExists(atPath: space.file("never")))
    let list = try mamba("study list"), show = try mamba("study show paper-lunarlander")
    #expect(list.output.contains("paper-highway: 60 tasks") && show.output.contains("16  mamba-s1"))
  }
}
