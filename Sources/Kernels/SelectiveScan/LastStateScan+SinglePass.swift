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
    let last = wide(lastWeight(row))
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
    _ row: Row, _ packedA: Input, _ g: Input, _ d: Int, _ last: Wide, _ q: Output, _ r: Output, _ t: Output,
    _ w: Output, clamped: Bool
  ) {
    let width = paddedChannels
    let end = (time &- 1) &* width &+ d
    let direction = loadWide(g + d)
    var y = loadWide(row.v + end) * last
    store(q + end, last)
    var l = 0
    while l < time &- 1 {
      let here = l &* width &+ d
      let v = loadWide(row.v + here)
      let moment = timeSlice(
        a: packedA + d &* states, weight: row.weight + l &* states, t: t + d &* states, w: w + l &* states &* 8,
        suffix: loadWide(row.suffix + here), x: direction * v, clamped: clamped, first: l == 0)
      y = fma(v, moment.q, y)
      store(q + here, moment.q)
      store(r + here, moment.r)
      l &+= 1
    }
    store(row.y + d, y)
  }

  /// All states of sixteen channels at one position. `x` is g·v. The first position writes T, the others add to it.
  @inline(__always) private func timeSlice(
    a: Input, weight: Input, t: Output, w: Output, suffix: Wide, x: Wide, clamped: Bool, first: Bool
  ) -> (q: Wide, r: Wide) {
    if first { t.update(repeating: 0, count: 16 &* states) }
    let z = x * suffix
    let scaled = x * wide(decayScale)
    var q = Wide.zero, r = Wide.zero
    var a = a, weight = weight, t = t, w = w
    var n = 0
    while n < states {
      let decay = loadWide(a)
      let p = scaledDecay(suffix, decay, clamped: clamped)
      store(w, fma(p.highHalf, scaled.highHalf, fma(p.lowHalf, scaled.lowHalf, load(w))))
      let m = p * wide(weight.pointee)
      q += m
      r = fma(m, decay, r)
      store(t, fma(m, z, loadWide(t)))
      a += 16
      t += 16
      w += 8
      weight += 1
      n &+= 1
    }
    return (q, r)
  }
}
