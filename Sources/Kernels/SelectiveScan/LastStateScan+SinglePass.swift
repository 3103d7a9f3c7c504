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
    var d = 0
    while d < paddedChannels {
      if needsClamp(row, packedA, d) {
        block(ClampedDecay.self, row, packedA, g, d, last, q, r, t, w)
      } else {
        block(UnclampedDecay.self, row, packedA, g, d, last, q, r, t, w)
      }
      d &+= 16
    }
  }

  /// Two positions at a time share the way of A and T through the registers.
  @inline(__always) private func block<Decay: ScaledDecay>(
    _: Decay.Type, _ row: Row, _ packedA: Input, _ g: Input, _ d: Int, _ last: Wide, _ q: Output, _ r: Output, _ t: Output,
    _ w: Output
  ) {
    let width = paddedChannels
    let end = (time &- 1) &* width &+ d
    let direction = loadWide(g + d)
    var y = loadWide(row.v + end) * last
    store(q + end, last)
    let a = packedA + d &* states, t = t + d &* states
    var l = 0
    // An odd position out comes first and writes T; else T is cleared.
    if time & 1 != 0 {
      t.update(repeating: 0, count: 16 &* states)
    } else {
      let v = loadWide(row.v + d)
      var only = Moments<Decay>(suffix: loadWide(row.suffix + d), x: direction * v)
      var n = 0
      while n < states {
        var total = Wide.zero
        only.add(loadWide(a + n &* 16), weight: row.weight[n], w: w + n &* 8, t: &total)
        store(t + n &* 16, total)
        n &+= 1
      }
      y = fma(v, only.q, y)
      only.store(q + d, r + d)
      l = 1
    }
    while l &+ 1 < time {
      let here = l &* width &+ d, next = here &+ width
      let v0 = loadWide(row.v + here), v1 = loadWide(row.v + next)
      var first = Moments<Decay>(suffix: loadWide(row.suffix + here), x: direction * v0)
      var second = Moments<Decay>(suffix: loadWide(row.suffix + next), x: direction * v1)
      let weight0 = row.weight + l &* states, weight1 = weight0 + states
      let w0 = w + l &* states &* 8, w1 = w0 + states &* 8
      var n = 0
      while n < states {
        let decay = loadWide(a + n &* 16)
        var total = loadWide(t + n &* 16)
        first.add(decay, weight: weight0[n], w: w0 + n &* 8, t: &total)
        second.add(decay, weight: weight1[n], w: w1 + n &* 8, t: &total)
        store(t + n &* 16, total)
        n &+= 1
      }
      y = fma(v1, second.q, fma(v0, first.q, y))
      first.store(q + here, r + here)
      second.store(q + next, r + next)
      l &+= 2
    }
    store(row.y + d, y)
  }

  /// q and r of sixteen channels at one position, state by state; W and T on the way. `x` is g·v.
  private struct Moments<Decay: ScaledDecay> {
    let suffix, z, scaled: Wide
    var q = Wide.zero, r = Wide.zero

    @inline(__always) init(suffix: Wide, x: Wide) {
      (self.suffix, z, scaled) = (suffix, x * suffix, x * wide(decayScale))
    }

    @inline(__always) mutating func add(_ decay: Wide, weight: Float, w: Output, t: inout Wide) {
      let p = Decay.of(suffix, decay)
      Kernels.store(w, fma(p.highHalf, scaled.highHalf, fma(p.lowHalf, scaled.lowHalf, load(w))))
      let m = p * wide(weight)
      q += m
      r = fma(m, decay, r)
      t = fma(m, z, t)
    }

    @inline(__always) func store(_ q: Output, _ r: Output) {
      Kernels.store(q, self.q)
      Kernels.store(r, self.r)
    }
  }
}
