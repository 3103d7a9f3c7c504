/// What the core can do at most, measured: the yardsticks beside what `bench` prints.

public enum PeakRate {
  /// Twelve independent chains of fused multiply-adds in registers. Returns floating-point operations done; `sink` keeps
  /// the compiler from dropping them.
  @inline(never) public static func multiplyAdds(rounds: Int, sink: UnsafeMutablePointer<Float>) -> Int {
    let a = splat(0.999_999), b = splat(1e-6)
    var c0 = splat(0), c1 = splat(1), c2 = splat(2), c3 = splat(3), c4 = splat(4), c5 = splat(5)
    var c6 = splat(6), c7 = splat(7), c8 = splat(8), c9 = splat(9), c10 = splat(10), c11 = splat(11)
    var i = 0
    while i < rounds {
      c0 = fma(c0, a, b)
      c1 = fma(c1, a, b)
      c2 = fma(c2, a, b)
      c3 = fma(c3, a, b)
      c4 = fma(c4, a, b)
      c5 = fma(c5, a, b)
      c6 = fma(c6, a, b)
      c7 = fma(c7, a, b)
      c8 = fma(c8, a, b)
      c9 = fma(c9, a, b)
      c10 = fma(c10, a, b)
      c11 = fma(c11, a, b)
      i &+= 1
    }
    sink.pointee = sum(c0 + c1 + c2 + c3) + sum(c4 + c5 + c6 + c7) + sum(c8 + c9 + c10 + c11)
    return rounds * 12 * lanes * 2
  }

  /// The sum of `count` floats, a multiple of 16, in eight chains: reading them is all the work there is.
  @inline(never) public static func total(_ count: Int, _ p: UnsafePointer<Float>) -> Float {
    var s0 = Wide.zero, s1 = Wide.zero, s2 = Wide.zero, s3 = Wide.zero
    var s4 = Wide.zero, s5 = Wide.zero, s6 = Wide.zero, s7 = Wide.zero
    var i = 0
    while i &+ 128 <= count {
      s0 += loadWide(p + i)
      s1 += loadWide(p + i &+ 16)
      s2 += loadWide(p + i &+ 32)
      s3 += loadWide(p + i &+ 48)
      s4 += loadWide(p + i &+ 64)
      s5 += loadWide(p + i &+ 80)
      s6 += loadWide(p + i &+ 96)
      s7 += loadWide(p + i &+ 112)
      i &+= 128
    }
    while i < count {
      s0 += loadWide(p + i)
      i &+= 16
    }
    let all = ((s0 + s1) + (s2 + s3)) + ((s4 + s5) + (s6 + s7))
    return sum(all.lowHalf + all.highHalf)
  }
}
