/// Sine and cosine of eight floats, and angles kept within half a turn.

/// Sine and cosine together for |x| ≤ 100, to 1e-7: to the nearest multiple of π/2, Cephes' polynomials on what is left, and
/// the two change places and signs by the multiple's last two bits.
@inline(__always) func sineCosine(_ x: Vector) -> (sine: Vector, cosine: Vector) {
  let magic = splat(12_582_912)
  let shifted = fma(x, splat(0.636_619_772_4), magic)
  let multiple = shifted - magic
  let r = fma(multiple, splat(4.371_139e-8), fma(multiple, splat(-1.570_796_370_5), x)), z = r * r
  let s = fma(z * r, fma(z, fma(z, splat(-1.951_529_589_1e-4), splat(8.332_160_873_6e-3)), splat(-1.666_665_461_1e-1)), r)
  let c = fma(
    z * z, fma(z, fma(z, splat(2.443_315_711_8e-5), splat(-1.388_731_625_5e-3)), splat(4.166_664_568_3e-2)),
    fma(z, splat(-0.5), splat(1)))
  // On bits throughout: a comparison of integers as a mask is compiled lane by lane.
  let quadrant = unsafeBitCast(shifted, to: SIMD8<Int32>.self)
  let sineBits = unsafeBitCast(s, to: SIMD8<Int32>.self), cosineBits = unsafeBitCast(c, to: SIMD8<Int32>.self)
  let exchanged = (sineBits ^ cosineBits) & ((quadrant &<< 31) &>> 31)
  let sine = sineBits ^ exchanged ^ ((quadrant & 2) &<< 30)
  let cosine = cosineBits ^ exchanged ^ (((quadrant &+ 1) & 2) &<< 30)
  return (unsafeBitCast(sine, to: Vector.self), unsafeBitCast(cosine, to: Vector.self))
}

/// The same angle within [−π, π] and a rounding.
@inline(__always) func wrappedAngle(_ x: Vector) -> Vector {
  let magic = splat(12_582_912)
  let turns = fma(x, splat(0.159_154_943_1), magic) - magic
  return fma(turns, splat(1.748_455_6e-7), fma(turns, splat(-6.283_185_482), x))
}
