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
    let adds = accumulation == .add
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
        let stepGradient = fma(input, gq, earlier)
        store(dDelta + p, adds ? load(dDelta + p, active) + stepGradient : stepGradient, active)
        let gv = gradient * step * input
        if l == time &- 1 {
          let inputGradient = fma(step, gq, gradient * load(skip + d, active))
          store(du + p, adds ? load(du + p, active) + inputGradient : inputGradient, active)
          store(dSkip + d, fma(gradient, input, load(dSkip + d, active)), active)
          lastW += gv
        } else {
          store(du + p, adds ? fma(step, gq, load(du + p, active)) : step * gq, active)
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
      let upstream = Wide(
        lowHalf: load(g + d, max(0, min(lanes, channels &- d))),
        highHalf: load(g + d &+ 8, max(0, min(lanes, channels &- d &- 8))))
      var l = 0
      while l < last {
        let here = l &* width &+ d
        let p = row.packed + l &* 48
        let suffix = loadWide(row.suffix + here)
        let v = upstream * loadWide(row.v + here)
        store(p, suffix)
        store(p + 16, v * wide(decayScale))
        store(p + 32, v * suffix)
        l &+= 1
      }
      if needsClamp(row, packedA, d) {
        block(ClampedDecay.self, row, a: packedA + d &* states, dA: packedGradient + d &* states, last)
      } else {
        block(UnclampedDecay.self, row, a: packedA + d &* states, dA: packedGradient + d &* states, last)
      }
      d &+= 16
    }
  }

  @inline(__always) private func block<Decay: ScaledDecay>(
    _: Decay.Type, _ row: Row, a: Input, dA: Output, _ last: Int
  ) {
    var n = 0
    while n < states {
      let decay = loadWide(a + n &* 16)
      var t = loadWide(dA + n &* 16)
      var w = row.lanesOfW + n &* time &* 8
      var block = row.packed
      var weight = row.weight + n
      var l = 0
      while l < last {
        let p = Decay.of(loadWide(block), decay)
        let scaled = loadWide(block + 16)
        store(w, load(w) + fma(p.highHalf, scaled.highHalf, p.lowHalf * scaled.lowHalf))
        t = fma(p * wide(weight.pointee), loadWide(block + 32), t)
        block += 48
        w += 8
        weight += states
        l &+= 1
      }
      store(dA + n &* 16, t)
      n &+= 1
    }
  }
}
