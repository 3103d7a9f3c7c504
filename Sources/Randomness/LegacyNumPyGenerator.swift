/// NumPy's older `RandomState`: the Mersenne twister, for environments that still draw from it (bsuite's; those that call
/// `np.random.seed`). Everything newer draws from `NumPyGenerator`.

/// `numpy.random.RandomState(seed)`: the methods that environments call.
///
/// MT19937 (Matsumoto and Nishimura, "Mersenne twister", 1998). A value of this type is the whole state.
public struct LegacyNumPyGenerator: Equatable, Sendable {
  private var words: [UInt32]
  private var position: Int

  private static let count = 624
  private static let shift = 397

  /// As `RandomState(seed)`. NumPy takes no whole number above 32 bits; such a seed is `RandomState([low, high])` here.
  public init(seed: UInt64) {
    position = Self.count
    let low = UInt32(truncatingIfNeeded: seed), high = UInt32(truncatingIfNeeded: seed >> 32)
    words = Self.fill(high == 0 ? low : 19_650_218)
    guard high != 0 else { return }
    // Reference code's `init_by_array`: both halves of the key, in turn, through the whole state.
    var index = 1
    func mix(_ multiplier: UInt32) -> UInt32 {
      words[index] ^ (words[index - 1] ^ words[index - 1] >> 30) &* multiplier
    }
    func next() {
      index += 1
      guard index == Self.count else { return }
      words[0] = words[Self.count - 1]
      index = 1
    }
    for step in 0..<Self.count {
      words[index] = mix(1_664_525) &+ (step % 2 == 0 ? low : high &+ 1)
      next()
    }
    for _ in 1..<Self.count {
      words[index] = mix(1_566_083_941) &- UInt32(index)
      next()
    }
    words[0] = 1 << 31
  }

  /// The state that one word grows into (`init_genrand`).
  private static func fill(_ seed: UInt32) -> [UInt32] {
    var words = [UInt32](repeating: seed, count: count)
    for index in 1..<count {
      let previous = words[index - 1]
      words[index] = (previous ^ previous >> 30) &* 1_812_433_253 &+ UInt32(index)
    }
    return words
  }

  /// The next 624 words.
  private mutating func twist() {
    words.withUnsafeMutableBufferPointer { words in
      for index in 0..<Self.count {
        let mixed = words[index] & 0x8000_0000 | words[(index + 1) % Self.count] & 0x7fff_ffff
        words[index] = words[(index + Self.shift) % Self.count] ^ mixed >> 1 ^ (mixed & 1) &* 0x9908_b0df
      }
    }
    position = 0
  }

  /// 32 random bits.
  public mutating func nextUInt32() -> UInt32 {
    if position == Self.count { twist() }
    var value = words[position]
    position += 1
    value ^= value >> 11
    value ^= value << 7 & 0x9d2c_5680
    value ^= value << 15 & 0xefc6_0000
    return value ^ value >> 18
  }

  /// Uniform in [0, 1), 53 bits (`random_sample`).
  public mutating func uniform() -> Double {
    let high = nextUInt32() >> 5, low = nextUInt32() >> 6
    return (Double(high) * 0x1p26 + Double(low)) * 0x1p-53
  }

  /// A whole number in 0 ..< count (`randint(count)`, and the index that `choice(array)` takes): masked rejection. One
  /// possible value draws nothing.
  public mutating func integer(below count: UInt32) -> Int {
    precondition(count > 0, "integer(below: 0) has no value to draw")
    guard count > 1 else { return 0 }
    let mask = UInt32.max >> UInt32((count - 1).leadingZeroBitCount)
    while true {
      let value = nextUInt32() & mask
      if value < count { return Int(value) }
    }
  }

  /// 0 or 1 with equal chances, as `binomial(1, 0.5)` inverts its distribution.
  public mutating func coin() -> Int { uniform() > 0.5 ? 1 : 0 }
}
