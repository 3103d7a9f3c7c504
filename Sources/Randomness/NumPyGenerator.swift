/// NumPy's `default_rng`: PCG64 behind a `Generator`, draw for draw, so that a native environment starts the episode
/// that Gymnasium starts from the same seed. For everything of our own there is `SplitMix64`.

/// `numpy.random.Generator(PCG64(seed))`: the methods that environments call.
///
/// PCG64 is the 128-bit linear congruential generator with the XSL-RR output function (O'Neill 2014). A value of
/// this type is the whole state: copying it forks the stream, encoding it saves the stream.
public struct NumPyGenerator: RandomNumberGenerator, Equatable, Sendable {
  private var state: UInt128
  private var increment: UInt128
  /// The high half of a 64-bit draw whose low half was handed out by `nextUInt32`.
  private var bufferedHalf: UInt32?

  private static let multiplier: UInt128 = 0x2360_ed05_1fc6_5da4_4385_df64_9fcc_f645

  /// As `numpy.random.default_rng(seed)`, and as Gymnasium's `reset(seed=seed)`.
  public init(seed: UInt64) { self.init(SeedSequence(seed)) }

  public init(_ sequence: SeedSequence) {
    let words = sequence.doubleWords(4)
    let initialState = UInt128(words[0]) << 64 | UInt128(words[1])
    let stream = UInt128(words[2]) << 64 | UInt128(words[3])
    increment = stream << 1 | 1
    state = 0
    advance()
    state &+= initialState
    advance()
  }

  private mutating func advance() { state = state &* Self.multiplier &+ increment }

  /// 64 random bits (`next_uint64`). Leaves a buffered half alone.
  public mutating func next() -> UInt64 {
    advance()
    let folded = UInt64(truncatingIfNeeded: state >> 64) ^ UInt64(truncatingIfNeeded: state)
    let rotation = UInt64(truncatingIfNeeded: state >> 122)
    return folded >> rotation | folded << ((64 &- rotation) & 63)
  }

  /// 32 random bits (`next_uint32`): the low half of a 64-bit draw, then its high half.
  public mutating func nextUInt32() -> UInt32 {
    if let half = bufferedHalf {
      bufferedHalf = nil
      return half
    }
    let word = next()
    bufferedHalf = UInt32(truncatingIfNeeded: word >> 32)
    return UInt32(truncatingIfNeeded: word)
  }

  /// Uniform in [0, 1), 53 bits (`random`).
  public mutating func uniform() -> Double { Double(next() >> 11) * 0x1p-53 }

  /// Uniform in [low, high) (`uniform(low, high)`).
  public mutating func uniform(_ low: Double, _ high: Double) -> Double { low + (high - low) * uniform() }

  /// A whole number in low ..< high (`integers(low, high)` with its default, int64).
  /// One possible value draws nothing.
  public mutating func integers(_ low: Int, _ high: Int) -> Int {
    precondition(low < high, "integers(\(low), \(high)) has no value to draw")
    let span = UInt64(bitPattern: Int64(high)) &- UInt64(bitPattern: Int64(low))
    let offset: UInt64 =
      if span == 1 {
        0
      } else if span < 1 << 32 {
        UInt64(bounded(by: UInt32(span)))
      } else if span == 1 << 32 {
        UInt64(nextUInt32())
      } else {
        bounded(by: span)
      }
    return Int(Int64(bitPattern: UInt64(bitPattern: Int64(low)) &+ offset))
  }

  /// A whole number in 0 ..< count (`choice(count)`), and so the index that `choice(array)` would take.
  public mutating func choice(_ count: Int) -> Int { integers(0, count) }

  // Lemire's method ("Fast random integer generation in an interval", 2019): the high half of a product, rejecting
  // the few products whose low half would make some value more likely.

  private mutating func bounded(by span: UInt32) -> UInt32 {
    var product = span.multipliedFullWidth(by: nextUInt32())
    if product.low < span {
      let threshold = (0 &- span) % span
      while product.low < threshold { product = span.multipliedFullWidth(by: nextUInt32()) }
    }
    return product.high
  }

  private mutating func bounded(by span: UInt64) -> UInt64 {
    var product = span.multipliedFullWidth(by: next())
    if product.low < span {
      let threshold = (0 &- span) % span
      while product.low < threshold { product = span.multipliedFullWidth(by: next()) }
    }
    return product.high
  }
}

/// Saved as 64-bit halves, because few formats have 128-bit numbers.
extension NumPyGenerator: Codable {
  private enum Key: String, CodingKey { case stateHigh, stateLow, incrementHigh, incrementLow, bufferedHalf }

  public init(from decoder: any Decoder) throws {
    let values = try decoder.container(keyedBy: Key.self)
    func wide(_ high: Key, _ low: Key) throws -> UInt128 {
      UInt128(try values.decode(UInt64.self, forKey: high)) << 64 | UInt128(try values.decode(UInt64.self, forKey: low))
    }
    state = try wide(.stateHigh, .stateLow)
    increment = try wide(.incrementHigh, .incrementLow)
    bufferedHalf = try values.decodeIfPresent(UInt32.self, forKey: .bufferedHalf)
    guard increment & 1 == 1 else {
      throw DecodingError.dataCorruptedError(
        forKey: .incrementLow, in: values, debugDescription: "the increment of a PCG64 generator is odd; this one is even")
    }
  }

  public func encode(to encoder: any Encoder) throws {
    var values = encoder.container(keyedBy: Key.self)
    try values.encode(UInt64(truncatingIfNeeded: state >> 64), forKey: .stateHigh)
    try values.encode(UInt64(truncatingIfNeeded: state), forKey: .stateLow)
    try values.encode(UInt64(truncatingIfNeeded: increment >> 64), forKey: .incrementHigh)
    try values.encode(UInt64(truncatingIfNeeded: increment), forKey: .incrementLow)
    try values.encodeIfPresent(bufferedHalf, forKey: .bufferedHalf)
  }
}
