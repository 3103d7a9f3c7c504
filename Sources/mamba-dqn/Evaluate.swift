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
    discussion: "Of a run, of a .safetensors file (with --env), or of a policy without a network (--policy, --env).")

  @Argument(help: "A run folder, or a .safetensors file.")
  var subject: String?
  @Option(help: "random, heuristic or always:ACTION, instead of a network.")
  var policy: String?
  @Option(
    name: .customLong("env"), help: "The environment, natively or as gymnasium:ID or gymnasium:MODULE:ID. (default: the run's)")
  var environment: String?
  @Option(help: "Episodes.")
  var episodes = 100
  @Option(parsing: .unconditional, help: "Seed of the first episode; the others count up from it.")
  var seed: UInt64 = 0
  @Flag(help: "As JSON.")
  var json = false
  @OptionGroup var trust: TrustOptions
  @OptionGroup var patience: TimeoutOptions

  func run() throws {
    guard episodes > 0, episodes <= 1_000_000 else {
      throw UsageError("--episodes \(episodes): must be a whole number from 1 to 1000000")
    }
    let name: String, results: [Episode], label: String
    switch (subject, policy) {
    case (nil, let policy?):
      guard let environment else { throw UsageError("--policy \(policy) needs --env ENVIRONMENT") }
      let entry = try patience.entry(environment), world = try entry.make()
      let make = try PolicyCatalog.policy(policy, for: entry, actions: world.actionSpace)
      (name, label) = (environment, "policy \(policy)")
      results = try evaluate(
        { EpisodeActor(make) }, in: entry.make, episodes: episodes, seed: seed, parallel: entry.parallelEpisodes)
    case (let subject?, nil):
      let actor = try TrainedActor(
        path: subject, environment: environment, isTrusted: trust.trust, timeout: patience.timeout)
      (name, label) = (actor.environment, subject)
      results = try evaluate(
        { EpisodeActor(actor.makeActor()) }, in: actor.entry.make, episodes: episodes, seed: seed,
        parallel: actor.entry.parallelEpisodes)
    default: throw UsageError("give a run folder, a .safetensors file, or --policy NAME: exactly one of them")
    }
    let report = EvaluationReport(subject: label, environment: name, seed: seed, results)
    try output(json ? String(decoding: report.json, as: UTF8.self) : report.table, terminator: json ? "" : "\n")
  }
}
