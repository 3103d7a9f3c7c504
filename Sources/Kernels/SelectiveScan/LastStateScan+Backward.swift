/// Gradients of `LastStateScan`, given g = dL/dy [B, D]:
///     du_l = g Δ_l q_l (+ g D at the last)      dΔ_l = g u_l q_l + Σ_(j<l) g v_j r_j      dD = Σ_b g u_(L−1)
///     dA = Σ_(b,l) g v_l S_l C B_l P_l          W_l[n] = Σ_d g v_l P_l:  dB_l = C W_l,  dC = Σ_l B_l W_l
/// P is recomputed: at these sizes an exponential is cheaper than reading it back from memory.

extension LastStateScan {
  /// All gradients are added to, but for `du` and `dDelta` [B, L, D], for which `accumulation` says.
  /// `db` rows are `dbStride` apart, `dc` rows `dcStride`.
  @inline(never) public func backward(
    u: UnsafePointer<Float>, delta: UnsafePointer<Float>, packedA: UnsafePointer<Float>, b: UnsafePointer<Float>,
    bStride: Int, c: UnsafePointer<Float>, cStride: Int, skip: UnsafePointer<Float>, q: UnsafePointer<Float>,
    r: UnsafePointer<Float>, dy: UnsafePointer<Float>, du: UnsafeMutablePointer<Float>,
    dDelta: UnsafeMutablePointer<Float>, _ accumulation: Accumulation, packedGradient: UnsafeMutablePointer<Float>,
    db: UnsafeMutablePointer<Float>,
    dbStride: Int, dc: UnsafeMutablePointer<Float>, dcStride: Int, dSkip: UnsafeMutablePointer<Float>,
    scratch: UnsafeMutablePointer<Float>
  ) {
    let row = Row(self, scratch)
    let width = paddedChannels
    var i = 0
    while i < batch {
      let base = i &* time &* channels
      let bRow = b + i &* time &* bStride, cRow = c + i &* cStride, g = dy + i &* channels
      prepare(row, u: u + base, delta: delta + base, b: bRow, bStride: bStride, c: cRow)
      let lastW = elementwise(
        row, u: u + base, delta: delta + base, skip: skip, q: q + i &* time &* width, r: r + i &* time &* width, g: g,
        du: du + base, dDelta: dDelta + base, accumulation,
        dSkip: dSkip)
      exponentials(row, packedA: packedA, packedGradient: packedGradient, g: g)
      let dbRow = db + i &* time &* dbStride, dcRow = dc + i &* dcStride
      finish(b: bRow, bStride: bStride, c: cRow, db: dbRow, dbStride: dbStride, dc: dcRow) { l, n in
        l == time &- 1 ? lastW : sum(load(row.lanesOfW + (n &* time &+ l) &* 8))
      }
      i &+= 1
    }
  }

  /// dB_l += C W_l and dC += Σ_l B_l W_l of one row.
  @inline(__always) func finish(
    b: Input, bStride: Int, c: Input, db: Output, dbStride: Int, dc: Output, w: (_ l: Int, _ n: Int) -> Float
  ) {
    var n = 0
    while n < states {
      var total: Float = 0
      var l = 0
      while l < time {
        let value = w(l, n)
        db[l &* dbStride &+ n] += c[n] * value
        total += b[l &* bStride &+ n] * value
        l &+= 1
      }
      dc[n] += total
      n &+= 1
    }
  }

  /// Everything that needs no exponential. Returns W at the last position, Σ_d g v_(L−1).
  @inline(__always) func elementwise(
    _ row: Row, u: Input, delta: Input, skip: Input, q: Input, r: Input, g: Input, du: Output, dDelta: Output,
    _ accumulation: Accumulation, dSkip: Output
  ) -> Float {
    if accumulation == .overwrite {
      du.update(repeating: 0, count: time &* channels)
      dDelta.update(repeating: 0, count: time &* channels)
    }
    let width = paddedChannels
    var lastW = Vector.zero
    forEachVector(channels) { d, active in
      let gradient = load(g + d, active)
      var earlier = Vector.zero  // Σ_(j<l) g v_j r_j
      var l = 0
      while l < time {
        let p = l &* channels &+ d, padded = l &* width &+ d
        let input = load(u + p, active), step = load(delta + p, active)
        let gq = gradient * load(q + padded)
        store(dDelta + p, load(dDelta + p, active) + fma(input, gq, earlier), active)
        let gv = gradient * step * input
        if l == time &- 1 {
          store(du + p, load(du + p, active) + fma(step, gq, gradient * load(skip + d, active)), active)
          store(dSkip + d, fma(gradient, input, load(dSkip + d, active)), active)
          lastW += gv
        } else {
          store(du + p, fma(step, gq, load(du + p, active)), active)
          earlier = fma(gv * splat(ln2), load(r + padded), earlier)
        }
        l &+= 1
      }
    }
    return sum(lastW)
  }

  /// W's eight partial sums and the packed dA: A and its gradient stay in registers while time passes.
  @inline(__always) private func exponentials(_ row: Row, packedA: Input, packedGradient: Output, g: Input) {
    let width = paddedChannels
    let last = time &- 1
    row.lanesOfW.update(repeating: 0, count: states &* time &* 8)
    var d = 0
    while d < width {
      let g0 = load(g + d, max(0, min(lanes, channels &- d))), g1 = load(g + d &+ 8, max(0, min(lanes, channels &- d &- 8)))
      var l = 0
      while l < last {
        let here = l &* width &+ d
        let p = row.packed + l &* 48
        let s0 = load(row.suffix + here), s1 = load(row.suffix + here &+ 8)
        let v0 = g0 * load(row.v + here), v1 = g1 * load(row.v + here &+ 8)
        store(p, s0)
        store(p + 8, s1)
        store(p + 16, v0 * splat(decayScale))
        store(p + 24, v1 * splat(decayScale))
        store(p + 32, v0 * s0)
        store(p + 40, v1 * s1)
        l &+= 1
      }
      if needsClamp(row, packedA, d) {
        block(row, a: packedA + d &* states, dA: packedGradient + d &* states, last, clamped: true)
      } else {
        block(row, a: packedA + d &* states, dA: packedGradient + d &* states, last, clamped: false)
      }
      d &+= 16
    }
  }

  @inline(__always) private func block(_ row: Row, a: Input, dA: Output, _ last: Int, clamped: Bool) {
    var n = 0
    while n < states {
      let a0 = load(a + n &* 16), a1 = load(a + n &* 16 &+ 8)
      var t0 = load(dA + n &* 16), t1 = load(dA + n &* 16 &+ 8)
      var w = row.lanesOfW + n &* time &* 8
      var p = row.packed
      var weight = row.weight + n
      var l = 0
      while l < last {
        let p0 = scaledDecay(load(p), a0, clamped: clamped), p1 = scaledDecay(load(p + 8), a1, clamped: clamped)
        store(w, load(w) + fma(p1, load(p + 24), p0 * load(p + 16)))
        let cb = splat(weight.pointee)
        t0 = fma(p0 * cb, load(p + 32), t0)
        t1 = fma(p1 * cb, load(p + 40), t1)
        p += 48
        w += 8
        weight += states
        l &+= 1
      }
      store(dA + n &* 16, t0)
      store(dA + n &* 16 &+ 8, t1)
      n &+= 1
    }
  }
}
