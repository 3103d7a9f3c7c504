import ArgumentParser
import Environments
import Experiments
import Foundation
import Networks
import Records
import Training

struct Evaluate: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Run greedy episodes and report their returns.",
    discussion: """
      Of runs, of .safetensors files (with --env), or of a policy without a network (--policy, --env). Several runs are a row
      each: `mamba-dqn evaluate runs/study/*`.

      --checkpoint chooses among a run's weights, also while it trains: best (of the evaluations during training), last (the
      newest checkpoint) or an environment step. Without it they are those at the run's end.

      --env may name another environment than the run's where what is seen and done has the same size: an agent trained on
      TMaze-100 in TMaze-400 shows how far its memory reaches.
      """)

  @Argument(help: ArgumentHelp("Run folders or .safetensors files.", valueName: "run"))
  var subjects: [String] = []
  @Option(help: "random, heuristic or always:ACTION, instead of a network.")
  var policy: String?
  @Option(
    name: .customLong("env"), help: "The environment, natively or as gymnasium:ID or gymnasium:MODULE:ID. (default: the run's)")
  var environment: String?
  @OptionGroup var weights: WeightsOptions
  @Option(parsing: .unconditional, help: "Episodes.")
  var episodes = 100
  @Option(parsing: .unconditional, help: "Seed of the first episode; the others count up from it.")
  var seed: UInt64 = 0
  @Flag(help: "As JSON; of several runs a line each.")
  var json = false
  @OptionGroup var trust: TrustOptions
  @OptionGroup var patience: TimeoutOptions

  func run() throws {
    guard episodes > 0, episodes <= 1_000_000 else {
      throw UsageError("--episodes \(episodes): must be a whole number from 1 to 1000000")
    }
    let choice = try weights.choice(policy: policy)
    guard subjects.isEmpty != (policy == nil) else {
      throw UsageError("give run folders, .safetensors files, or --policy NAME: exactly one of them")
    }
    guard subjects.count < 2 else { return try evaluateAll(choice) }
    let report = try policy.map { try evaluate(policy: $0) } ?? evaluate(subjects[0], choice)
    try output(json ? String(decoding: report.json, as: UTF8.self) : report.table, terminator: json ? "" : "\n")
  }

  /// A run that cannot be evaluated costs its own row only; what keeps it from one is said at the end.
  private func evaluateAll(_ choice: WeightsChoice) throws {
    let folders = subjects.map { URL(fileURLWithPath: $0).resolvingSymlinksInPath().path }
    if let twice = folders.indices.first(where: { folders[..<$0].contains(folders[$0]) }) {
      throw UsageError("\(subjects[twice]) is there twice: give each run once")
    }
    var reports: [EvaluationReport] = [], failures: [any Error] = []
    for subject in subjects where !(failures.last is EnvironmentInterruption) {
      do { reports.append(try evaluate(subject, choice)) } catch {
        if !failures.contains(where: { "\($0)" == "\(error)" }) { failures.append(error) }
        continue
      }
      if json, let newest = reports.last { try output(newest.jsonLine) }
    }
    if !json, !reports.isEmpty { try output(reports.table) }
    for failure in failures.dropLast() { say("error: \(failure)") }
    if let last = failures.last { throw last }
  }

  private func evaluate(policy: String) throws -> EvaluationReport {
    guard let environment else { throw UsageError("--policy \(policy) needs --env ENVIRONMENT") }
    let entry = try patience.entry(environment), world = try entry.make()
    let make = try PolicyCatalog.policy(policy, for: entry, actions: world.actionSpace)
    let results = try Training.evaluate(
      { EpisodeActor(make) }, in: entry.make, episodes: episodes, seed: seed, parallel: entry.parallelEpisodes)
    return EvaluationReport(subject: "policy \(policy)", environment: environment, seed: seed, results)
  }

  private func evaluate(_ subject: String, _ choice: WeightsChoice) throws -> EvaluationReport {
    let actor = try TrainedActor(
      path: subject, choice, environment: environment, isTrusted: trust.trust, timeout: patience.timeout)
    let results = try Training.evaluate(
      { EpisodeActor(actor.makeActor()) }, in: actor.entry.make, episodes: episodes, seed: seed,
      parallel: actor.entry.parallelEpisodes)
    var report = EvaluationReport(subject: actor.label, environment: actor.environment, seed: seed, results)
    (report.trainingSeed, report.trainedSteps) = (actor.trainingSeed, actor.step)
    return report
  }
}
