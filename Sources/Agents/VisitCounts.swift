/// How often each observation was met: exploration where observations repeat.
import Randomness
import Records

/// ε shared out among observations and not among steps. With one ε for all, chance reaches a place that only a long way without a
/// mistake leads to once in a while, and draws an action there once in 1/ε such visits: at the junction of a T-Maze of N cells never
/// more often than once in about 10 N episodes. An observation that is met rarely says so itself, as its count has it (counts of
/// observations as Bellemare et al. 2016, but in the choice and not in the reward, so that what is learned keeps its meaning).
struct VisitCounts {
  private let rareEpsilon: Double
  private var counts: [UInt64: UInt64] = [:]
  /// Of all observations.
  private var total: UInt64 = 0

  init(rareEpsilon: Double) { self.rareEpsilon = rareEpsilon }

  /// ε over the observation's share of all steps so far, at most `rareEpsilon` and at least ε.
  func epsilon(_ epsilon: Double, at key: UInt64) -> Double {
    guard epsilon < rareEpsilon else { return epsilon }
    let visits = Double(counts[key] ?? 0), total = Double(total)
    return epsilon * total >= rareEpsilon * visits ? rareEpsilon : epsilon * total / visits
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

  mutating func add(_ key: UInt64) {
    counts[key, default: 0] &+= 1  // a checkpoint may say anything
    total &+= 1
  }

  // Keys in their order, so that equal counts are equal bytes.
  func save(to sink: inout some CheckpointSink) throws {
    let sorted = counts.sorted { $0.key < $1.key }
    try sorted.map(\.key).withUnsafeBytes { try sink.write("agent/visits/keys", $0) }
    try sorted.map(\.value).withUnsafeBytes { try sink.write("agent/visits/counts", $0) }
  }

  mutating func restore(from source: some CheckpointSource) throws {
    let keys = try source.values("agent/visits/keys", as: UInt64.self)
    let values = try source.values("agent/visits/counts", keys.count, as: UInt64.self)
    counts = Dictionary(zip(keys, values), uniquingKeysWith: { $1 })
    total = values.reduce(0, &+)
  }
}
