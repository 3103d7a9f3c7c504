/// `StateSpaceDual` one position at a time: the recurrence itself.

extension StateSpaceDual {
  /// x [heads × head size], b and c [groups × states], step [heads] → y [heads × head size]; `state` [heads × head size ×
  /// states] moves on in place.
  @inline(never) public static func step(
    heads: Int, headSize: Int, groups: Int, states: Int, x: UnsafePointer<Float>, b: UnsafePointer<Float>,
    c: UnsafePointer<Float>, step: UnsafePointer<Float>, stepBias: UnsafePointer<Float>, aLog: UnsafePointer<Float>,
    skip: UnsafePointer<Float>, state: UnsafeMutablePointer<Float>, y: UnsafeMutablePointer<Float>
  ) {
    let perGroup = heads / groups
    var head = 0
    while head < heads {
      let b = b + head / perGroup &* states, c = c + head / perGroup &* states
      let delta = softplus(splat(step[head] + stepBias[head]))
      let a = decay(delta * rate(aLog[head])), skip = skip[head]
      let x = x + head &* headSize, y = y + head &* headSize, state = state + head &* headSize &* states
      var p = 0
      while p &+ 4 <= headSize {
        let h0 = state + p &* states
        let h1 = h0 + states, h2 = h1 + states, h3 = h2 + states
        let u0 = splat(x[p]) * delta, u1 = splat(x[p &+ 1]) * delta
        let u2 = splat(x[p &+ 2]) * delta, u3 = splat(x[p &+ 3]) * delta
        var y0 = Vector.zero, y1 = Vector.zero, y2 = Vector.zero, y3 = Vector.zero
        forEachVector(states) { n, active in
          let input = load(b + n, active), output = load(c + n, active)
          y0 = fma(output, move(h0 + n, a, u0, input, active), y0)
          y1 = fma(output, move(h1 + n, a, u1, input, active), y1)
          y2 = fma(output, move(h2 + n, a, u2, input, active), y2)
          y3 = fma(output, move(h3 + n, a, u3, input, active), y3)
        }
        let inputs = loadFour(x + p)
        let total = sums(y0, y1, y2, y3).addingProduct(SIMD4(repeating: skip), inputs)
        store(y + p, total)
        p &+= 4
      }
      while p < headSize {
        var total = Vector.zero
        let u = splat(x[p]) * delta
        forEachVector(states) { n, active in
          total = fma(load(c + n, active), move(state + p &* states &+ n, a, u, load(b + n, active), active), total)
        }
        y[p] = sum(total) + skip * x[p]
        p &+= 1
      }
      head &+= 1
    }
  }

  @inline(__always) private static func move(_ h: Output, _ a: Vector, _ u: Vector, _ b: Vector, _ active: Int) -> Vector {
    let moved = fma(u, b, load(h, active) * a)
    store(h, moved, active)
    return moved
  }

  /// A · log₂e.
  @inline(__always) static func rate(_ aLog: Float) -> Vector { splat(-log2e) * exp(splat(aLog)) }

  /// 2^t for t ≤ 0 to the last bit or two, and exactly 1 at 0: a thousand slow decays are multiplied with one another, where
  /// the error of `exp2`, always of one sign near 0, would add up.
  @inline(__always) static func decay(_ t: Vector) -> Vector {
    let clamped = larger(t, splat(-126))
    let magic = splat(12_582_912)
    let shifted = clamped + magic
    let f = clamped - (shifted - magic)
    var p = fma(splat(1.525_273_4e-5), f, splat(1.540_353_0e-4))
    p = fma(p, f, splat(1.333_355_8e-3))
    p = fma(p, f, splat(9.618_129_1e-3))
    p = fma(p, f, splat(5.550_410_9e-2))
    p = fma(p, f, splat(0.240_226_507))
    p = fma(p, f, splat(0.693_147_181))
    p = fma(p, f, splat(1))
    let exponent = unsafeBitCast(shifted, to: SIMD8<Int32>.self) &<< 23
    return unsafeBitCast(unsafeBitCast(p, to: SIMD8<Int32>.self) &+ exponent, to: Vector.self)
  }
}
