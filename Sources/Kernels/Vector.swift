/// Eight floats at a time (one AVX2 register, two NEON ones) and the transcendental functions the kernels share.
/// Every helper is always inlined; loops that use them live in this module only (Package.swift says why).

import MachineSupport

package typealias Vector = SIMD8<Float>
package typealias Input = UnsafePointer<Float>
package typealias Output = UnsafeMutablePointer<Float>

/// Floats in a vector.
let lanes = 8
let log2e: Float = 1.442_695_040_888_963_4
let ln2: Float = 0.693_147_180_559_945_3

/// Unchecked pointer offsets, so that `p + i &+ 8` reads like the index arithmetic beside it.
@inline(__always) func &+ (_ p: Input, _ i: Int) -> Input { p + i }
@inline(__always) func &+ (_ p: Output, _ i: Int) -> Output { p + i }

/// Asks for `count` floats that will be read soon, in rows so far apart that the processor does not foresee them. They need not exist.
@inline(__always) func prefetch(_ p: Input, _ count: Int) {
  var i = 0
  while i < count {
    machine_prefetch(p + i)
    i &+= 16
  }
}

/// Whether there are thirty-two registers of sixteen floats, or sixteen of eight.
#if KERNELS_USE_AVX512
  let hasWideRegisters = true
#else
  let hasWideRegisters = false
#endif

/// Sixteen floats: one AVX-512 register, or two of AVX2. The scan's inner loops use it.
typealias Wide = SIMD16<Float>
@inline(__always) func loadWide(_ p: Input) -> Wide { UnsafeRawPointer(p).loadUnaligned(as: Wide.self) }
@inline(__always) func loadWide(_ p: Output) -> Wide { UnsafeRawPointer(p).loadUnaligned(as: Wide.self) }
@inline(__always) func store(_ p: Output, _ v: Wide) { UnsafeMutableRawPointer(p).storeBytes(of: v, as: Wide.self) }
@inline(__always) func wide(_ x: Float) -> Wide { Wide(repeating: x) }
@inline(__always) func fma(_ a: Wide, _ b: Wide, _ c: Wide) -> Wide { c.addingProduct(a, b) }

/// Four floats.
@inline(__always) func loadFour(_ p: Input) -> SIMD4<Float> { UnsafeRawPointer(p).loadUnaligned(as: SIMD4<Float>.self) }
@inline(__always) func store(_ p: Output, _ v: SIMD4<Float>) {
  UnsafeMutableRawPointer(p).storeBytes(of: v, as: SIMD4<Float>.self)
}
@inline(__always) func fma(_ a: SIMD4<Float>, _ b: SIMD4<Float>, _ c: SIMD4<Float>) -> SIMD4<Float> { c.addingProduct(a, b) }

@inline(__always) func load(_ p: Input) -> Vector { UnsafeRawPointer(p).loadUnaligned(as: Vector.self) }
@inline(__always) func load(_ p: Output) -> Vector { UnsafeRawPointer(p).loadUnaligned(as: Vector.self) }
@inline(__always) func store(_ p: Output, _ v: Vector) { UnsafeMutableRawPointer(p).storeBytes(of: v, as: Vector.self) }
@inline(__always) func splat(_ x: Float) -> Vector { Vector(repeating: x) }
/// a·b + c in one rounding.
@inline(__always) func fma(_ a: Vector, _ b: Vector, _ c: Vector) -> Vector { c.addingProduct(a, b) }
@inline(__always) func larger(_ a: Vector, _ b: Vector) -> Vector { a.replacing(with: b, where: b .> a) }
@inline(__always) func smaller(_ a: Vector, _ b: Vector) -> Vector { a.replacing(with: b, where: b .< a) }
@inline(__always) func sum(_ v: Vector) -> Float {
  let four = v.lowHalf + v.highHalf
  let two = four.lowHalf + four.highHalf
  return two.x + two.y
}

/// The sums of four vectors.
@inline(__always) func sums(_ a: Vector, _ b: Vector, _ c: Vector, _ d: Vector) -> SIMD4<Float> {
  let ab = pairs(a.lowHalf + a.highHalf, b.lowHalf + b.highHalf), cd = pairs(c.lowHalf + c.highHalf, d.lowHalf + d.highHalf)
  return pairs(ab, cd)
}
/// (a₀ + a₁, a₂ + a₃, b₀ + b₁, b₂ + b₃).
@inline(__always) private func pairs(_ a: SIMD4<Float>, _ b: SIMD4<Float>) -> SIMD4<Float> {
  SIMD4(lowHalf: a.evenHalf, highHalf: b.evenHalf) + SIMD4(lowHalf: a.oddHalf, highHalf: b.oddHalf)
}

@inline(__always) func largest(_ v: Vector) -> Float {
  let four = v.lowHalf.replacing(with: v.highHalf, where: v.highHalf .> v.lowHalf)
  let two = four.lowHalf.replacing(with: four.highHalf, where: four.highHalf .> four.lowHalf)
  return max(two.x, two.y)
}

@inline(__always) func largest(_ v: Wide) -> Float { largest(larger(v.lowHalf, v.highHalf)) }

/// The first `count` (< 8) floats, the rest zero.
@inline(__always) func loadPartial(_ p: Input, _ count: Int) -> Vector {
  var v = count & 4 == 0 ? Vector.zero : Vector(lowHalf: loadFour(p), highHalf: .zero)
  var i = count & 4
  while i < count {
    v[i] = p[i]
    i &+= 1
  }
  return v
}
@inline(__always) func storePartial(_ p: Output, _ v: Vector, _ count: Int) {
  if count & 4 != 0 { store(p, v.lowHalf) }
  var i = count & 4
  while i < count {
    p[i] = v[i]
    i &+= 1
  }
}

/// Calls `body` for whole vectors, then once for what is left. `body(offset, load, store)` sees partial ones as full.
@inline(__always) func forEachVector(
  _ count: Int, _ body: (_ offset: Int, _ active: Int) -> Void
) {
  var i = 0
  while i &+ lanes <= count {
    body(i, lanes)
    i &+= lanes
  }
  if i < count { body(i, count &- i) }
}
@inline(__always) func load(_ p: Input, _ active: Int) -> Vector { active == lanes ? load(p) : loadPartial(p, active) }
@inline(__always) func load(_ p: Output, _ active: Int) -> Vector { load(UnsafePointer(p), active) }
@inline(__always) func store(_ p: Output, _ v: Vector, _ active: Int) {
  if active == lanes { store(p, v) } else { storePartial(p, v, active) }
}

/// 2^t for t in [-126, 127]: round to the nearest integer by adding 1.5·2^23, a degree-5 polynomial on the fraction
/// (relative error 2.5e-7), the integer added into the exponent. Below −126 the result is 2^−126: zero for every use.
@inline(__always) func exp2(_ t: Vector) -> Vector {
  let clamped = larger(t, splat(-126))
  let magic = splat(12_582_912)
  let shifted = clamped + magic
  let f = clamped - (shifted - magic)
  var p = fma(splat(0.001_327_647_178), f, splat(0.009_675_541_333))
  p = fma(p, f, splat(0.055_507_132_74))
  p = fma(p, f, splat(0.240_221_197_2))
  p = fma(p, f, splat(0.693_146_967_1))
  p = fma(p, f, splat(1.000_000_072))
  let exponent = unsafeBitCast(shifted, to: SIMD8<Int32>.self) &<< 23
  return unsafeBitCast(unsafeBitCast(p, to: SIMD8<Int32>.self) &+ exponent, to: Vector.self)
}

/// 2^(s·a) / `decayScale`, for s·a ≤ 0: the polynomial of `exp2` divided by its leading coefficient saves an instruction.
/// Two types and not a flag, so that a loop is compiled for each by itself.
protocol ScaledDecay {
  static func of(_ s: Wide, _ a: Wide) -> Wide
}
let decayScale: Float = 0.001_327_647_178

/// The product is folded into the rounding, which also makes the fraction exact to one rounding. Garbage below 2^−134: the
/// caller looks at the smallest s·a of a block and takes the clamped form where it must.
enum UnclampedDecay: ScaledDecay {
  @inline(__always) static func of(_ s: Wide, _ a: Wide) -> Wide {
    let magic = wide(12_582_912)
    let shifted = fma(s, a, magic)
    return scaledPower(fma(s, a, magic - shifted), shifted)
  }
}

/// Below 2^−134 the result is that of 2^−134: zero for every use.
enum ClampedDecay: ScaledDecay {
  @inline(__always) static func of(_ s: Wide, _ a: Wide) -> Wide {
    let magic = wide(12_582_912), product = s * a
    let t = wide(-134).replacing(with: product, where: product .> wide(-134))
    let shifted = t + magic
    return scaledPower(t - (shifted - magic), shifted)
  }
}

@inline(__always) private func scaledPower(_ f: Wide, _ shifted: Wide) -> Wide {
  var p = f + wide(7.287_735_395)
  p = fma(p, f, wide(41.808_647_4))
  p = fma(p, f, wide(180.937_527_1))
  p = fma(p, f, wide(522.086_724_9))
  p = fma(p, f, wide(753.212_214_9))
  let exponent = unsafeBitCast(shifted, to: SIMD16<Int32>.self) &<< 23
  return unsafeBitCast(unsafeBitCast(p, to: SIMD16<Int32>.self) &+ exponent, to: Wide.self)
}

@inline(__always) func exp(_ x: Vector) -> Vector { exp2(smaller(x * splat(log2e), splat(127))) }

@inline(__always) func sigmoid(_ x: Vector) -> Vector {
  splat(1) / (splat(1) + exp2(smaller(x * splat(-log2e), splat(126))))
}

/// d silu / dx = σ(x)(1 + x(1 − σ(x))), of x and σ(x).
@inline(__always) func siluSlope(_ x: Vector, sigmoid s: Vector) -> Vector { s * fma(x, splat(1) - s, splat(1)) }
@inline(__always) func siluSlope(_ x: Vector) -> Vector { siluSlope(x, sigmoid: sigmoid(x)) }
@inline(__always) func siluSlope(_ x: Wide, sigmoid s: Wide) -> Wide { s * fma(x, wide(1) - s, wide(1)) }

/// tanh(x) = 2σ(2x) − 1, and the odd series near zero, where that would cancel.
@inline(__always) func tanh(_ x: Vector) -> Vector {
  let far = splat(2) * sigmoid(x + x) - splat(1)
  let square = x * x
  let near = x * fma(square, fma(square, splat(2.0 / 15), splat(-1.0 / 3)), splat(1))
  return far.replacing(with: near, where: square .< splat(0.01))
}

/// log(1 + e^x) = max(x, 0) + log1p(e^−|x|); log1p(t) = 2 atanh(t / (2 + t)), an odd series in s ≤ 1/3.
@inline(__always) func softplus(_ x: Vector) -> Vector {
  let magnitude = larger(x, -x)
  let t = exp2(magnitude * splat(-log2e))
  let s = t / (splat(2) + t)
  let q = s * s
  var p = fma(splat(2.0 / 15), q, splat(2.0 / 13))
  p = fma(p, q, splat(2.0 / 11))
  p = fma(p, q, splat(2.0 / 9))
  p = fma(p, q, splat(2.0 / 7))
  p = fma(p, q, splat(2.0 / 5))
  p = fma(p, q, splat(2.0 / 3))
  p = fma(p, q, splat(2))
  return larger(x, .zero) + s * p
}

/// √x by three Newton steps on 1/√x: `SIMD8.squareRoot()` becomes eight scalar square roots. 0 gives 0.
@inline(__always) func squareRoot(_ x: Vector) -> Vector {
  let safe = larger(x, splat(1e-36))  // below, 1/√x squared would overflow
  let half = safe * splat(0.5)
  let guess = SIMD8<Int32>(repeating: 0x5f37_59df) &- (unsafeBitCast(safe, to: SIMD8<Int32>.self) &>> 1)
  var y = unsafeBitCast(guess, to: Vector.self)
  y = y * fma(-half, y * y, splat(1.5))
  y = y * fma(-half, y * y, splat(1.5))
  y = y * fma(-half, y * y, splat(1.5))
  return x * y
}
