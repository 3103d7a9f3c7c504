import ArgumentParser
import Experiments
import Foundation
import MachineSupport
import Records

struct Train: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Train an agent on an environment.",
    discussion: """
      Makes a run folder with the configuration, logs, TensorBoard events, checkpoints and final weights.
      Ctrl-C saves a checkpoint and says how to go on. Ends with a greedy evaluation of the final weights.
      Environments through Python: \(EnvironmentCatalog.foreignNames).
      """)

  @Argument(help: ArgumentHelp(environmentHelp))
  var environment: String
  @Option(help: "Where the settings start from; `mamba-dqn list presets` shows all.")
  var preset = "default"
  @Option(parsing: .unconditional, help: "Everything random follows from it: same seed, same run.")
  var seed: UInt64 = 0
  @Option(parsing: .unconditional, help: "Environment steps. (default: the preset's)", transform: wholeNumber)
  var steps: Int?
  @Option(help: "The run folder. (default: runs/<environment>__<preset>__s<seed>__<time>)")
  var out: String?
  @Option(
    name: .customLong("set"), parsing: .singleValue,
    help: ArgumentHelp(
      "Override a setting; may be repeated. `mamba-dqn list settings` shows all.", valueName: "key=value"))
  var assignments: [String] = []

  func run() throws {
    machine_catch_stop_signals()
    var config = try Presets.config(environment: EnvironmentCatalog.entry(environment).name, preset: preset)
    config.seed = seed
    if let steps { config.totalSteps = steps }
    for assignment in assignments { try Settings.apply(assignment, to: &config) }
    try trainToEnd(
      Run(config, in: out.map(RunFolder.init(path:)), command: ["mamba-dqn"] + CommandLine.arguments.dropFirst()))
  }
}

struct Resume: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Go on with a run from its newest checkpoint.",
    discussion: "A resumed run ends in the same bytes as one that was never stopped.")

  @Argument(help: ArgumentHelp("The run folder.", valueName: "run"))
  var folder: String
  @OptionGroup var trust: TrustOptions

  func run() throws {
    machine_catch_stop_signals()
    let folder = RunFolder(path: folder)
    try withExtendedLifetime(FileLock.ofStudy(folder)) { try trainToEnd(Run(resuming: folder, isTrusted: trust.trust)) }
  }
}

private func trainToEnd(_ run: Run) throws {
  if case .stopped = try finish(run, goOn: Run.resumeCommand(run.folder, run.config)) { throw stoppedBySignal }
}
