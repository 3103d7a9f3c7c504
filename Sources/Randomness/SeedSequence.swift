/// NumPy's `SeedSequence` (M. O'Neill's `seed_seq_fe`): spreads the few words of a seed over the whole state of a
/// generator. Without spawning: nothing here needs child sequences.

/// A pool of four words mixed from a seed.
///
/// Source: `numpy/random/bit_generator.pyx`; vectors in `RandomnessTests/Golden`.
public struct SeedSequence: Sendable {
  private var pool: [UInt32]

  private static let poolSize = 4
  private static let initialA: UInt32 = 0x43b0_d7e5
  private static let multiplierA: UInt32 = 0x931e_8875
  private static let initialB: UInt32 = 0x8b51_f9dd
  private static let multiplierB: UInt32 = 0x58f3_8ded
  private static let mixLeft: UInt32 = 0xca01_f9dd
  private static let mixRight: UInt32 = 0x4973_f715

  /// As `SeedSequence(seed)`.
  public init(_ seed: UInt64) {
    let high = UInt32(truncatingIfNeeded: seed >> 32)
    self.init(entropy: [UInt32(truncatingIfNeeded: seed)] + (high == 0 ? [] : [high]))
  }

  /// - Parameter entropy: the seed's 32-bit words, least significant first, without leading zero words (at least one
  ///   word). Seeds of any length are allowed, as in NumPy.
  public init(entropy: [UInt32]) {
    precondition(!entropy.isEmpty, "a seed has at least one word")
    var multiplier = Self.initialA
    func hash(_ word: UInt32) -> UInt32 {
      var value = word ^ multiplier
      multiplier &*= Self.multiplierA
      value &*= multiplier
      return value ^ (value >> 16)
    }
    func mix(_ x: UInt32, _ y: UInt32) -> UInt32 {
      let value = Self.mixLeft &* x &- Self.mixRight &* y
      return value ^ (value >> 16)
    }

    pool = (0..<Self.poolSize).map { hash($0 < entropy.count ? entropy[$0] : 0) }
    // Every word influences every other.
    for source in 0..<Self.poolSize {
      for target in 0..<Self.poolSize where target != source {
        pool[target] = mix(pool[target], hash(pool[source]))
      }
    }
    for word in entropy.dropFirst(Self.poolSize) {
      for target in 0..<Self.poolSize { pool[target] = mix(pool[target], hash(word)) }
    }
  }

  /// `count` words of state, as `generate_state(count, uint32)`.
  public func words(_ count: Int) -> [UInt32] {
    var multiplier = Self.initialB
    return (0..<count).map { index in
      var value = pool[index % Self.poolSize] ^ multiplier
      multiplier &*= Self.multiplierB
      value &*= multiplier
      return value ^ (value >> 16)
    }
  }

  /// `count` words of state, as `generate_state(count, uint64)`: pairs of 32-bit words, the lower half first.
  public func doubleWords(_ count: Int) -> [UInt64] {
    let halves = words(2 * count)
    return (0..<count).map { UInt64(halves[2 * $0]) | UInt64(halves[2 * $0 + 1]) << 32 }
  }
}
