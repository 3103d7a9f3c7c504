import ArgumentParser
import Environments
import Experiments
import Foundation
import MachineSupport
import Records

struct StudyRun: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "run", abstract: "Run a study, or one task of it.",
    discussion: """
      Finished tasks are skipped and stopped ones go on exactly where they were. Ctrl-C saves every task and stops.
      One task is one process: mamba-dqn study run STUDY --index 0. `study slurm` prints an array job of them.
      """)

  @OptionGroup var options: StudyOptions
  @OptionGroup var part: SeedOptions
  @Option(parsing: .unconditional, help: "Tasks side by side. (default: one a core)")
  var jobs: Int?
  @Option(parsing: .unconditional, help: "Run this task alone, in this process.")
  var index: Int?
  @Option(help: ArgumentHelp("Save and stop in time: 90s, 150m or 2h.", valueName: "time"))
  var timeLimit: String?
  @OptionGroup var trust: TrustOptions
  @Option(help: .hidden)
  var parent: Int32?

  func run() throws {
    let clock = ContinuousClock(), start = clock.now
    let limit = try timeLimit.map { Duration.seconds(TimeLimit.stopping(try TimeLimit.parse($0))) }
    let isOver = { limit.map { clock.now - start > $0 } ?? false }
    let study = try options.study()
    for name in study.environments { _ = try EnvironmentCatalog.entry(name, from: .file(options.name, isTrusted: trust.trust)) }
    guard let index else { return try runAll(study, isOver) }
    guard jobs == nil, part.seeds == nil else { throw UsageError("--index runs one task: leave --jobs and --seeds out") }
    let tasks = try study.tasks
    guard tasks.indices.contains(index) else {
      throw UsageError("--index \(index): \(study.name) has the tasks 0 to \(tasks.count - 1)")
    }
    try run(tasks[index], in: options.folder(study), isOver)
  }

  /// The command that goes on with what this one began.
  private var again: String {
    "\(programName) \(CommandLine.arguments.dropFirst().map(shellQuoted).joined(separator: " "))"
  }

  // MARK: - One task

  private func run(_ task: StudyTask, in folder: StudyFolder, _ isOver: () -> Bool) throws {
    machine_catch_stop_signals()
    let run = folder.run(task)
    try withExtendedLifetime(FileLock(path: folder.lock(task))) {
      try task.check(in: folder)
      try withHeartbeat(run, task.config) { heartbeat in
        guard let opened = try task.open(in: folder) else { return say("\(run.path) is finished") }
        let given = (options.root == "runs" ? "" : " --root \(options.root)") + (trust.trust ? " --trust" : "")
        // A scheduler that was killed cannot stop its tasks: they see that it is gone.
        let isOrphan = { parent.map { getppid() != $0 } ?? false }
        let outcome = try finish(
          opened, goOn: "\(programName) study run \(options.name)\(given) --index \(task.index)",
          stopRequested: { isOver() || isOrphan() }, report: heartbeat.update)
        if case .stopped = outcome, machine_stop_signal() != 0 || !isOver() { throw stoppedBySignal }
      }
    }
  }

  // MARK: - All tasks

  private func runAll(_ study: Study, _ isOver: () -> Bool) throws {
    let jobs = jobs ?? VectorEnvironment.coreCount
    guard (1...1024).contains(jobs) else { throw UsageError("--jobs \(jobs): must be a whole number from 1 to 1024") }
    guard let executable = Bundle.main.executablePath else { throw UsageError("cannot find this program's own file") }
    let scheduler = StudyScheduler(
      try part.tasks(of: study), in: options.folder(study), jobs: jobs, executable: executable,
      display: StudyDisplay(study, jobs: jobs)
    ) { task in
      ["study", "run", options.name, "--root", options.root, "--index", "\(task.index)", "--parent", "\(getpid())"]
        + (trust.trust ? ["--trust"] : [])
    }
    machine_catch_stop_signals()
    let outcome = scheduler.run { machine_stop_signal() != 0 || isOver() }
    for task in outcome.elsewhere { say("\(task.name) was left out: \(task.holder ?? "another process") runs it") }
    for task in outcome.failed { say("\(task.name) failed: \(task.error ?? "")") }
    if machine_stop_signal() != 0 || isOver(), outcome.unfinished > 0 {
      let why = machine_stop_signal() != 0 ? "stopped" : "time limit \(timeLimit ?? "") reached"
      say("\(why), checkpoints saved, \(outcome.unfinished) tasks to go. Go on with:\n  \(again)")
      if machine_stop_signal() != 0 { throw stoppedBySignal }
    }
    if !outcome.failed.isEmpty { throw ExitCode(1) }
  }
}
