import ArgumentParser
import Environments
import Experiments
import Foundation
import Records

struct Rollout: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Play one episode and print every step as a JSON line.",
    discussion: """
      Step 0 is the reset. Numbers are printed so that reading them back gives the same bits.
      Ends with the episode, or when the given actions are used up. `action_mask` is there where the environment masks actions.
      Environments through Python: \(EnvironmentCatalog.foreignNames).
      """)

  @Argument(help: ArgumentHelp(environmentHelp))
  var environment: String
  @Option(parsing: .unconditional, help: "Seed of the reset.")
  var seed: UInt64
  @Option(help: "Actions by name or number, separated by commas.")
  var actions: String?
  @Option(help: "random, heuristic or always:ACTION.")
  var policy: String?
  @OptionGroup var patience: TimeoutOptions

  func run() throws {
    let entry = try patience.entry(environment)
    var world = try entry.make()
    let space = world.actionSpace
    let given = try actions.map {
      try $0.split(separator: ",").map { try PolicyCatalog.action($0.trimmingCharacters(in: .whitespaces), of: space) }
    }
    guard (given == nil) != (policy == nil) else { throw UsageError("give --actions or --policy: exactly one of them") }
    var chooser = try policy.map { try PolicyCatalog.policy($0, for: entry, actions: space)(seed) }

    var observation = try world.reset(seed: seed)
    try line(0, observation, Step(reward: 0, terminated: false, truncated: false), world.actionMask)
    var step = 0
    while given.map({ step < $0.count }) ?? true {
      let allowed = world.actionMask
      let action =
        given.map { $0[step] } ?? observation.withUnsafeBufferPointer { chooser?.action(for: $0, allowed: allowed) } ?? 0
      if let allowed, !allowed[action] {
        let names = space.names.indices.filter { allowed[$0] }.map { space.names[$0] }
        throw UsageError(
          "step \(step + 1): the action \(space.names[action]) is masked here; allowed: \(names.joined(separator: ", "))")
      }
      let (next, result) = try world.step(action)
      step += 1
      observation = next
      try line(step, observation, result, world.actionMask)
      if result.isLast { break }
    }
  }

  /// Swift prints the shortest decimals that read back as the same float, which JSON takes as they are; what is no number is null.
  private func line(_ step: Int, _ observation: [Float], _ result: Step, _ mask: [Bool]?) throws {
    let numbers = observation.map { $0.isFinite ? "\($0)" : "null" }.joined(separator: ",")
    let reward = result.reward.isFinite ? "\(result.reward)" : "null"
    let allowed = mask.map { ",\"action_mask\":[\($0.map { $0 ? "1" : "0" }.joined(separator: ","))]" } ?? ""
    try output(
      "{\"step\":\(step),\"observation\":[\(numbers)],\"reward\":\(reward),"
        + "\"terminated\":\(result.terminated),\"truncated\":\(result.truncated)\(allowed)}")
  }
}
