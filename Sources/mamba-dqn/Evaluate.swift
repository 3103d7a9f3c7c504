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
  @Option(help: "Episodes.")
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
    let reports = try policy.map { [try evaluate(policy: $0)] } ?? subjects.map { try evaluate($0, choice) }
    if reports.count > 1 { return try output(json ? reports.map { try $0.jsonLine }.joined(separator: "\n") : reports.table) }
    try output(json ? String(decoding: reports[0].json, as: UTF8.self) : reports[0].table, terminator: json ? "" : "\n")
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
