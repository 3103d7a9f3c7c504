/// 2^(s·a) for s·a ≤ 0, the exponential of every scan over all positions: a degree-5 polynomial on the fraction that is
/// exactly 1 at 0, so that decays near 1, which are multiplied with themselves for thousands of positions, are exact in their
/// rate (relative error of the power 1.1e-7, of the rate 8e-7). Multiplications and additions are balanced: x86 has separate
/// units for them.
///
/// Two types and not a flag, so that a loop is compiled for each by itself.
protocol DecayPower {
  static func of(_ s: Wide, _ a: Wide) -> Wide
}

/// Below this s·a `UnclampedPower` is garbage: the caller looks at the smallest of a block and takes the clamped form.
let smallestExponent: Float = -126

enum UnclampedPower: DecayPower {
  @inline(__always) static func of(_ s: Wide, _ a: Wide) -> Wide { power(s * a) }
}

/// Below 2^−126 the result is 2^−126: zero for every use.
enum ClampedPower: DecayPower {
  @inline(__always) static func of(_ s: Wide, _ a: Wide) -> Wide { power(clamped(s * a)) }
}

@inline(__always) private func power(_ t: Wide) -> Wide {
  let (f, exponent) = reduced(t)
  return timesPower(fma(fraction(f), f, wide(1)), exponent)
}

/// t = n + f, |f| ≤ 1/2, by adding 1.5·2^23; n where it is added to a float's exponent.
@inline(__always) private func reduced(_ t: Wide) -> (f: Wide, exponent: SIMD16<Int32>) {
  let magic = wide(12_582_912)
  let shifted = t + magic
  return (t - (shifted - magic), unsafeBitCast(shifted, to: SIMD16<Int32>.self) &<< 23)
}
@inline(__always) private func timesPower(_ p: Wide, _ exponent: SIMD16<Int32>) -> Wide {
  unsafeBitCast(unsafeBitCast(p, to: SIMD16<Int32>.self) &+ exponent, to: Wide.self)
}

/// (2^f − 1) / f.
@inline(__always) private func fraction(_ f: Wide) -> Wide {
  var p = fma(wide(0.001_326_472_731_307_149), f, wide(0.009_671_512_991_189_957))
  p = fma(p, f, wide(0.055_507_335_811_853_41))
  p = fma(p, f, wide(0.240_222_424_268_722_53))
  return fma(p, f, wide(0.693_147_003_650_665_3))
}

@inline(__always) private func clamped(_ t: Wide) -> Wide {
  wide(smallestExponent).replacing(with: t, where: t .> wide(smallestExponent))
}

/// 1 / (1 + e^−x), sixteen at a time.
@inline(__always) func sigmoid(_ x: Wide) -> Wide {
  let t = x * wide(-log2e)
  return wide(1) / (wide(1) + power(clamped(wide(126).replacing(with: t, where: t .< wide(126)))))
}

/// log(1 + e^x), sixteen at a time; `softplus(_: Vector)` has the series.
@inline(__always) func softplus(_ x: Wide) -> Wide {
  let magnitude = unsafeBitCast(unsafeBitCast(x, to: SIMD16<UInt32>.self) & 0x7fff_ffff, to: Wide.self)
  let t = power(clamped(magnitude * wide(-log2e)))
  let s = t / (wide(2) + t)
  let q = s * s
  var p = fma(wide(2.0 / 15), q, wide(2.0 / 13))
  p = fma(p, q, wide(2.0 / 11))
  p = fma(p, q, wide(2.0 / 9))
  p = fma(p, q, wide(2.0 / 7))
  p = fma(p, q, wide(2.0 / 5))
  p = fma(p, q, wide(2.0 / 3))
  p = fma(p, q, wide(2))
  return fma(s, p, wide(0).replacing(with: x, where: x .> wide(0)))
}

/// The slope of softplus, of which y ≥ 0 is the value: σ(x) = 1 − e^−y. With e^−y = 2^n (1 + f q) this is
/// (1 − 2^n) − 2^n f q, which is exact where y is small and 1 − e^−y would cancel.
@inline(__always) func slopeOfSoftplus(y: Wide) -> Wide {
  let (f, exponent) = reduced(clamped(y * wide(-log2e)))
  let whole = timesPower(wide(1), exponent)
  return fma(-whole, f * fraction(f), wide(1) - whole)
}

/// The first `active` floats (all sixteen where there are more), the rest zero.
@inline(__always) func loadWide(_ p: Input, _ active: Int) -> Wide { active >= 16 ? loadWide(p) : loadWidePartial(p, active) }
@inline(__always) func store(_ p: Output, _ v: Wide, _ active: Int) {
  if active >= 16 { store(p, v) } else { storeWidePartial(p, v, active) }
}

/// Calls, for the last vector of a row: inlined, their branches make a loop so large that activations in it are called.
@inline(never) private func loadWidePartial(_ p: Input, _ active: Int) -> Wide {
  Wide(lowHalf: load(p, min(active, lanes)), highHalf: active > lanes ? loadPartial(p + lanes, active &- lanes) : .zero)
}
@inline(never) private func storeWidePartial(_ p: Output, _ v: Wide, _ active: Int) {
  store(p, v.lowHalf, min(active, lanes))
  if active > lanes { storePartial(p + lanes, v.highHalf, active &- lanes) }
}
