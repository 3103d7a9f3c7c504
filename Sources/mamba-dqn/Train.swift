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

      A preset of your own is a .yaml file (`scripts/tune.py` writes one):
        environment: highway-fast-v0
        preset: paper                     # optional: the built-in one that it starts from
        steps: 20000                      # optional
        settings: {discount: 0.9}         # `mamba-dqn list settings` shows all
      """)

  @Argument(help: ArgumentHelp(environmentHelp))
  var environment: String
  @Option(help: "Where the settings start from; `mamba-dqn list presets` shows all. Or a .yaml file.")
  var preset = "default"
  @Option(parsing: .unconditional, help: "Everything random follows from it: same seed, same run.")
  var seed: UInt64 = 0
  @Option(parsing: .unconditional, help: "Environment steps. (default: the preset's)", transform: wholeNumber)
  var steps: Int?
  @Option(help: "The run folder. (default: runs/<environment>__<preset>__s<seed>__<time>)")
  var out: String?
  @Option(
    parsing: .unconditional,
    help: ArgumentHelp("Record a greedy episode every so many steps, for `watch` and as pages.", valueName: "steps"))
  var recordEvery: Int?
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
    let recording = recordEvery.map { ["recordInterval=\($0)"] } ?? []
    for assignment in recording + assignments { try Settings.apply(assignment, to: &config) }
    try trainToEnd(Run(config, in: out.map(RunFolder.init(path:)), command: typedCommand))
  }
}

struct Resume: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Go on with a run from its newest checkpoint.",
    discussion: """
      A resumed run ends in the same bytes as one that was never stopped.

      --steps trains on beyond the end. What is spread over a whole run (the fall of the learning rate to learningRateEnd, the
      rise of β) stands from then on where it would in a run of so many steps from the start; ε goes on as it was. The earlier
      final weights stay, as model-stepN.safetensors.

      --set may change: \(Settings.changeable.joined(separator: ", ")).
      """)

  @Argument(help: ArgumentHelp("The run folder.", valueName: "run"))
  var folder: String
  @Option(
    parsing: .unconditional, help: "Environment steps from the run's beginning. (default: as it was begun)",
    transform: wholeNumber)
  var steps: Int?
  @Option(
    name: .customLong("set"), parsing: .singleValue,
    help: ArgumentHelp("Change a setting from here on; may be repeated.", valueName: "key=value"))
  var assignments: [String] = []
  @OptionGroup var trust: TrustOptions

  func run() throws {
    machine_catch_stop_signals()
    let folder = RunFolder(path: folder)
    try withExtendedLifetime(FileLock.ofStudy(folder)) {
      try trainToEnd(
        Run(resuming: folder, isTrusted: trust.trust, steps: steps, settings: assignments, command: typedCommand))
    }
  }
}

private let typedCommand = ["mamba-dqn"] + CommandLine.arguments.dropFirst()

private func trainToEnd(_ run: Run) throws {
  let outcome: Run.Outcome
  do {
    outcome = try withHeartbeat(run.folder, run.config) { heartbeat in
      try finish(run, goOn: Run.resumeCommand(run.folder, run.config), report: heartbeat.update)
    }
  } catch {
    run.abandonUnlessBegun()
    throw error
  }
  if case .stopped = outcome { throw stoppedBySignal }
}
