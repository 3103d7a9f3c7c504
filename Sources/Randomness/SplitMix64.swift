/// SplitMix64 (Steele, Lea, Flood 2014): our generator wherever no reference prescribes another. One word of state,
/// which a checkpoint stores. Always passed in, never global.
public struct SplitMix64: RandomNumberGenerator, Codable, Equatable, Sendable {
  public var state: UInt64

  public init(seed: UInt64) { state = seed }

  public mutating func next() -> UInt64 {
    state &+= 0x9e37_79b9_7f4a_7c15
    var z = state
    z = (z ^ (z >> 30)) &* 0xbf58_476d_1ce4_e5b9
    z = (z ^ (z >> 27)) &* 0x94d0_49bb_1331_11eb
    return z ^ (z >> 31)
  }

  /// Uniform in [0, 1), 53 bits.
  public mutating func uniform() -> Double { Double(next() >> 11) * 0x1p-53 }

  /// Uniform in [low, high).
  public mutating func uniform(_ low: Double, _ high: Double) -> Double { low + (high - low) * uniform() }

  /// A generator whose stream is independent of this one's and of other `stream`s'.
  public func split(stream: UInt64) -> SplitMix64 {
    var child = SplitMix64(seed: state ^ (stream &+ 1) &* 0xd134_2543_de82_ef95)
    return SplitMix64(seed: child.next())
  }
}
