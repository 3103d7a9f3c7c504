/// How often each action was taken at each observation: forced exploration where observations repeat.
import Randomness
import Records

/// Counts by observation and action. ε-greedy reaches a place that only a long way without a mistake leads to once in a while,
/// and draws an action there once in 1/ε such visits: at the junction of a T-Maze of N cells never more often than once in about
/// 10 N episodes. An observation that was met a few times says so itself: what was hardly tried there is tried first (forced
/// sampling, as Lai & Robbins 1985 for bandits; counts of observations as Bellemare et al. 2016, but in the choice and not in the
/// reward, so that what is learned keeps its meaning).
///
/// What is tried early is forgotten by the time that it says something: at a junction that way the turn was worth a guess, when
/// nobody remembered the sign. `rareEpsilon` goes on trying there: ε is shared out among observations and not among steps.
struct ActionCounts {
  private let actionCount: Int
  /// How often an action is taken at an observation before it is left to the Q-values.
  private let leastTries: Int
  private let rareEpsilon: Double
  private var counts: [UInt64: [UInt32]] = [:]
  /// Of all observations.
  private var total = 0

  init(actionCount: Int, leastTries: Int, rareEpsilon: Double) {
    (self.actionCount, self.leastTries, self.rareEpsilon) = (actionCount, leastTries, rareEpsilon)
  }

  /// ε over the observation's share of all steps so far, at most `rareEpsilon` and at least ε.
  func epsilon(_ epsilon: Double, at key: UInt64) -> Double {
    guard epsilon < rareEpsilon else { return epsilon }
    let visits = counts[key]?.reduce(0) { $0 + Int($1) } ?? 0
    return epsilon * Double(total) >= rareEpsilon * Double(visits) ? rareEpsilon : epsilon * Double(total) / Double(visits)
  }

  /// What an observation is known by.
  static func key(_ observation: UnsafeBufferPointer<Float>) -> UInt64 {
    var mixer = SplitMix64(seed: 0)
    var key: UInt64 = 0
    for value in observation {
      mixer.state = key ^ UInt64((value + 0).bitPattern)  // 0 and −0 are one observation
      key = mixer.next()
    }
    return key
  }

  /// The allowed action that was taken least often, the first of several; nil where all were taken often enough.
  func leastTried(at key: UInt64, _ allowed: [Bool]?) -> Int? {
    let taken = counts[key]
    var found: (action: Int, times: UInt32)?
    for action in 0..<actionCount where allowed?[action] ?? true {
      let count = taken?[action] ?? 0
      if count < leastTries, count < found?.times ?? .max { found = (action, count) }
    }
    return found?.action
  }

  mutating func add(_ action: Int, at key: UInt64) {
    counts[key, default: Array(repeating: 0, count: actionCount)][action] &+= 1
    total += 1
  }

  // Keys in their order, so that equal counts are equal bytes.
  func save(to sink: inout some CheckpointSink) throws {
    let keys = counts.keys.sorted()
    try keys.withUnsafeBytes { try sink.write("agent/counts/keys", $0) }
    try keys.flatMap { counts[$0]! }.withUnsafeBytes { try sink.write("agent/counts/values", $0) }
  }

  mutating func restore(from source: some CheckpointSource) throws {
    let keys = try source.values("agent/counts/keys", as: UInt64.self)
    let values = try source.values("agent/counts/values", keys.count * actionCount, as: UInt32.self)
    counts = Dictionary(
      zip(keys, keys.indices.map { Array(values[$0 * actionCount..<($0 + 1) * actionCount]) }), uniquingKeysWith: { $1 })
    total = values.reduce(0) { $0 + Int($1) }
  }
}
