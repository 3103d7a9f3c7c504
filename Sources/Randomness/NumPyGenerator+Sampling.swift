/// Shuffles and normal draws as numpy's `Generator` makes them: what the memory tasks' decks and noise hang on.

#if canImport(Glibc)
  import Glibc
#else
  import Darwin
#endif

extension NumPyGenerator {
  /// Puts one-dimensional `values` into a random order (`shuffle`): from the end, each with one at or before it.
  public mutating func shuffle(_ values: inout [Int]) {
    values.withUnsafeMutableBufferPointer { values in
      var last = values.count &- 1
      while last > 0 {
        let other = Int(interval(UInt32(truncatingIfNeeded: last)))
        let value = values[last]
        values[last] = values[other]
        values[other] = value
        last &-= 1
      }
    }
  }

  /// Uniform in 0 ... `largest` by masked rejection (`random_interval`); `integers` and `choice` use Lemire's method, which
  /// takes other bits of the same stream.
  private mutating func interval(_ largest: UInt32) -> UInt32 {
    let mask = UInt32.max >> UInt32(largest.leadingZeroBitCount)
    while true {
      let value = nextUInt32() & mask
      if value <= largest { return value }
    }
  }

  /// Normal with this mean and standard deviation (`normal`).
  public mutating func normal(mean: Double, deviation: Double) -> Double { mean + deviation * standardNormal() }

  /// Normal with mean 0 and variance 1 (`standard_normal`): the ziggurat of Marsaglia and Tsang ("The ziggurat method for
  /// generating random variables", 2000) with 256 layers of equal area. 99% of all draws end at the first comparison.
  public mutating func standardNormal() -> Double {
    while true {
      let bits: UInt64 = next()
      let layer = Int(bits & 0xff)
      let isNegative = bits >> 8 & 1 == 1
      let position = bits >> 9 & 0x000f_ffff_ffff_ffff
      let x = Double(position) * Double(bitPattern: Ziggurat.widths[layer])
      if position < Ziggurat.insides[layer] { return isNegative ? -x : x }
      if layer == 0 {
        // Beyond the last layer: the tail, whose sign numpy takes from another bit.
        return position >> 8 & 1 == 1 ? -tail() : tail()
      }
      // Between a layer's rectangle and the curve.
      let (upper, lower) = (Ziggurat.height(layer - 1), Ziggurat.height(layer))
      if (upper - lower) * uniform() + lower < exp(-0.5 * x * x) { return isNegative ? -x : x }
    }
  }

  /// From the part of the normal distribution beyond the ziggurat.
  private mutating func tail() -> Double {
    while true {
      let x = -log1p(-uniform()) * Ziggurat.inverseEdge
      let y = -log1p(-uniform())
      if y + y > x * x { return Ziggurat.edge + x }
    }
  }
}
