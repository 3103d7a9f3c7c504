/// Output and every gradient of `LastStateScan` in one pass of exponentials, where the loss is a `LinearReadout` of y.
/// With g = direction, a row's W and T = Σ_l g v_l S_l C B_l P_l are prepared beside q and r; once the row's y is known,
/// its slope scales them. LastStateScan+Backward.swift has the formulas and is what this is tested against.

extension LastStateScan {
  /// Floats of scratch that `forwardAndBackward` wants.
  public var singlePassScratchCount: Int {
    scratchCount + 2 * time * paddedChannels + paddedChannels * states + 8 * time * states + 64
  }

  /// y is written; every gradient is added to, but for `du` and `dDelta`, for which `accumulation` says. Strides as in `forward` and `backward`.
  @inline(never) public func forwardAndBackward(
    u: UnsafePointer<Float>, delta: UnsafePointer<Float>, packedA: UnsafePointer<Float>, b: UnsafePointer<Float>,
    bStride: Int, c: UnsafePointer<Float>, cStride: Int, skip: UnsafePointer<Float>, readout: LinearReadout,
    y: UnsafeMutablePointer<Float>, du: UnsafeMutablePointer<Float>, dDelta: UnsafeMutablePointer<Float>,
    _ accumulation: Accumulation, packedGradient: UnsafeMutablePointer<Float>, db: UnsafeMutablePointer<Float>, dbStride: Int,
    dc: UnsafeMutablePointer<Float>, dcStride: Int, dSkip: UnsafeMutablePointer<Float>,
    scratch: UnsafeMutablePointer<Float>
  ) {
    let row = Row(self, scratch)
    let q = scratch + scratchCount
    let r = q + time &* paddedChannels
    let t = r + time &* paddedChannels
    let w = t + paddedChannels &* states
    let g = row.packed  // slope · direction of the row, [padded]
    var i = 0
    while i < batch {
      let base = i &* time &* channels
      let bRow = b + i &* time &* bStride, cRow = c + i &* cStride, direction = readout.direction + i &* channels
      prepare(row, u: u + base, delta: delta + base, b: bRow, bStride: bStride, c: cRow)
      forEachVector(paddedChannels) { d, _ in store(g + d, load(direction + d, max(0, min(lanes, channels &- d)))) }
      pass(row, packedA: packedA, g: g, q: q, r: r, t: t, w: w)

      var value = Vector.zero
      forEachVector(channels) { d, active in
        let last = load(u + base &+ (time &- 1) &* channels &+ d, active)
        let output = fma(load(skip + d, active), last, load(row.y + d))
        store(y + i &* channels &+ d, output, active)
        value = fma(output, load(direction + d, active), value)
      }
      let slope = readout.slope(i, q: sum(value) + readout.offset[i])
      forEachVector(paddedChannels) { d, _ in store(g + d, load(g + d) * splat(slope)) }
      var p = 0
      while p < paddedChannels &* states {
        store(packedGradient + p, fma(load(t + p), splat(slope), load(packedGradient + p)))
        p &+= lanes
      }
      let lastW = elementwise(
        row, u: u + base, delta: delta + base, skip: skip, q: q, r: r, g: g, du: du + base, dDelta: dDelta + base,
        accumulation, dSkip: dSkip)
      finish(
        b: bRow, bStride: bStride, c: cRow, db: db + i &* time &* dbStride, dbStride: dbStride, dc: dc + i &* dcStride
      ) { l, n in l == time &- 1 ? lastW : slope * sum(load(w + (l &* states &+ n) &* 8)) }
      i &+= 1
    }
  }

  /// q, r, the row's y, T [padded, states] packed as A is, and W [time, states] as eight partial sums.
  @inline(never) private func pass(_ row: Row, packedA: Input, g: Input, q: Output, r: Output, t: Output, w: Output) {
    let last = splat(lastWeight(row))
    w.update(repeating: 0, count: (time &- 1) &* states &* 8)
    if time == 1 { t.update(repeating: 0, count: paddedChannels &* states) }
    var d = 0
    while d < paddedChannels {
      if needsClamp(row, packedA, d) {
        block(row, packedA, g, d, last, q, r, t, w, clamped: true)
      } else {
        block(row, packedA, g, d, last, q, r, t, w, clamped: false)
      }
      d &+= 16
    }
  }

  @inline(__always) private func block(
    _ row: Row, _ packedA: Input, _ g: Input, _ d: Int, _ last: Vector, _ q: Output, _ r: Output, _ t: Output,
    _ w: Output, clamped: Bool
  ) {
    let width = paddedChannels
    let end = (time &- 1) &* width &+ d
    let g0 = load(g + d), g1 = load(g + d &+ 8)
    var y0 = load(row.v + end) * last, y1 = load(row.v + end &+ 8) * last
    store(q + end, last)
    store(q + end &+ 8, last)
    var l = 0
    while l < time &- 1 {
      let here = l &* width &+ d
      let s0 = load(row.suffix + here), s1 = load(row.suffix + here &+ 8)
      let v0 = load(row.v + here), v1 = load(row.v + here &+ 8)
      let moment = timeSlice(
        a: packedA + d &* states, weight: row.weight + l &* states, t: t + d &* states, w: w + l &* states &* 8, s0: s0,
        s1: s1, x0: g0 * v0, x1: g1 * v1, clamped: clamped, first: l == 0)
      y0 = fma(v0, moment.q0, y0)
      y1 = fma(v1, moment.q1, y1)
      store(q + here, moment.q0)
      store(q + here &+ 8, moment.q1)
      store(r + here, moment.r0)
      store(r + here &+ 8, moment.r1)
      l &+= 1
    }
    store(row.y + d, y0)
    store(row.y + d &+ 8, y1)
  }

  /// All states of sixteen channels at one position. `x` is g·v. The first position writes T, the others add to it.
  @inline(__always) private func timeSlice(
    a: Input, weight: Input, t: Output, w: Output, s0: Vector, s1: Vector, x0: Vector, x1: Vector, clamped: Bool,
    first: Bool
  ) -> (q0: Vector, q1: Vector, r0: Vector, r1: Vector) {
    if first { t.update(repeating: 0, count: 16 &* states) }
    let z0 = x0 * s0, z1 = x1 * s1
    let scaled0 = x0 * splat(decayScale), scaled1 = x1 * splat(decayScale)
    var q0 = Vector.zero, q1 = Vector.zero, r0 = Vector.zero, r1 = Vector.zero
    var a = a, weight = weight, t = t, w = w
    var n = 0
    while n < states {
      let a0 = load(a), a1 = load(a + 8)
      let p0 = scaledDecay(s0, a0, clamped: clamped), p1 = scaledDecay(s1, a1, clamped: clamped)
      store(w, fma(p1, scaled1, fma(p0, scaled0, load(w))))
      let cb = splat(weight.pointee)
      let m0 = p0 * cb, m1 = p1 * cb
      q0 += m0
      q1 += m1
      r0 = fma(m0, a0, r0)
      r1 = fma(m1, a1, r1)
      store(t, fma(m0, z0, load(t)))
      store(t + 8, fma(m1, z1, load(t + 8)))
      a += 16
      t += 16
      w += 8
      weight += 1
      n &+= 1
    }
    return (q0, q1, r0, r1)
  }
}
