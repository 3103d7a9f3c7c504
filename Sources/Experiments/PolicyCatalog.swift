/// Policies that need no network: `random`, `heuristic`, `always:ACTION`.
import Environments
import Randomness
import Records

/// Policies without a network, by name.
public enum PolicyCatalog {
  /// For `list policies`.
  public static let summaries: [(name: String, summary: String)] = [
    ("random", "uniform over the actions that are allowed"),
    ("heuristic", "the hand-written policy that the environment comes with (LunarLander-v3, tasks of memory)"),
    ("always:ACTION", "one action, by name or number, such as always:NOTHING"),
  ]

  /// Makes the policy anew for every episode, from the episode's seed.
  public static func policy(_ name: String, for entry: EnvironmentEntry, actions: DiscreteSpace) throws
    -> (_ seed: UInt64) -> any Policy
  {
    if name == "random" { return { RandomPolicy(count: actions.count, generator: SplitMix64(seed: $0)) } }
    if name == "heuristic" {
      guard let heuristic = entry.heuristic else { throw UsageError("\(entry.name) has no heuristic policy") }
      return { _ in heuristic() }
    }
    guard name.hasPrefix("always:") else {
      throw UsageError(
        "unknown policy \(name)\(suggestion(for: name, in: ["random", "heuristic"])); there are: random, heuristic, always:ACTION"
      )
    }
    let constant = ConstantPolicy(action: try action(String(name.dropFirst(7)), of: actions))
    return { _ in constant }
  }

  /// An action by its name or number.
  public static func action(_ text: String, of actions: DiscreteSpace) throws -> Int {
    if let index = actions.names.firstIndex(where: { $0.lowercased() == text.lowercased() }) { return index }
    if let index = Int(text), actions.names.indices.contains(index) { return index }
    let names = actions.names.enumerated().map { "\($0) \($1)" }.joined(separator: ", ")
    throw UsageError("unknown action \(text)\(suggestion(for: text, in: actions.names)); there are: \(names)")
  }
}

private struct RandomPolicy: Policy {
  let count: Int
  var generator: SplitMix64
  mutating func action(for observation: UnsafeBufferPointer<Float>) -> Int {
    Int(generator.next(upperBound: UInt64(count)))
  }
  mutating func action(for observation: UnsafeBufferPointer<Float>, allowed: [Bool]?) -> Int {
    guard let allowed else { return action(for: observation) }
    let choices = allowed.indices.filter { allowed[$0] }
    return choices[Int(generator.next(upperBound: UInt64(choices.count)))]
  }
}

private struct ConstantPolicy: Policy {
  let action: Int
  func action(for observation: UnsafeBufferPointer<Float>) -> Int { action }
}
