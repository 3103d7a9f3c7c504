/// The gradient of the recurrence of one head over one chunk. With G_t = dL/dĝ_t, from the chunk's end,
///
///     dv[r] += G_t k̂[r]     dk̂[r] = G_tᵀ v[r]     dq̂[r] = ĝ_{t−1}ᵀ dy[r]     G_{t−1} = fade G_t + Σ_r dy[r] ⊗ q̂[r]
///
/// ĝ moves once more from the chunk's beginning for dq̂, and G from its end for dv and dk̂, a tile at a time, in registers.

extension Mamba3Core {
  /// Floats of scratch for `scanBackward`: the lanes of dk̂ and dq̂ of four states.
  var tileScratchCount: Int { Self.chunk &* 64 &* ranks }

  /// dv is overwritten; so are dk and dq (padding excepted), which lie as k and q do. `adjoint`, G as the state's tiles, moves
  /// from the chunk's end to its beginning.
  @inline(never) func scanBackward(
    _ c: Mamba3HeadChunk, from: Input, adjoint: Output, dy: Input, dv: Output, dvStride: Int, dk: Output, dq: Output,
    lanesOfKeys: Output
  ) {
    if isNarrow {
      return narrowScanBackward(c, from: from, adjoint: adjoint, dy: dy, dv: dv, dvStride: dvStride, dk: dk, dq: dq)
    }
    if ranks > 1 { ownTerm(c, of: dy, ranks &* width, into: dv, dvStride, transposed: true) }
    var block = 0
    while block < blocks {
      let slot = slot(ofBlock: block)
      lanesOfKeys.update(repeating: 0, count: c.count &* ranks &* 64)
      var p = 0
      while p < width {
        let tile = 4 &* (block &* width &+ p)
        if ranks > 1 {
          queries(ranks, c, slot, p, from + tile, dy + p, lanesOfKeys)
          keys(ranks, isFirst: false, c, slot, adjoint + tile, dy + p, p, dv + p, dvStride, lanesOfKeys)
        } else {
          queries(1, c, slot, p, from + tile, dy + p, lanesOfKeys)
          if block == 0 {
            keys(1, isFirst: true, c, slot, adjoint + tile, dy + p, p, dv + p, dvStride, lanesOfKeys)
          } else {
            keys(1, isFirst: false, c, slot, adjoint + tile, dy + p, p, dv + p, dvStride, lanesOfKeys)
          }
        }
        p &+= 16
      }
      var t = 0
      while t < c.count {
        var r = 0
        while r < ranks {
          let sums = laneSums(lanesOfKeys + (t &* ranks &+ r) &* 64)
          let at = (t &* ranks &+ r) &* padded &+ slot
          store(dk + at, sums.lowHalf)
          store(dq + at, sums.highHalf)
          r &+= 1
        }
        t &+= 1
      }
      block &+= 1
    }
  }

  /// dq̂, while ĝ moves on.
  @inline(__always) private func queries(
    _ ranks: Int, _ c: Mamba3HeadChunk, _ slot: Int, _ p: Int, _ from: Input, _ dy: Input, _ lanesOfKeys: Output
  ) {
    var g0 = loadWide(from), g1 = loadWide(from + 16), g2 = loadWide(from + 32), g3 = loadWide(from + 48)
    var fade = c.fade, k = c.k + slot, v = c.v + p, dy = dy, lanes = lanesOfKeys + 32
    var t = 0
    while t < c.count {
      var r = 0
      while r < ranks {
        let d = loadWide(dy + r &* width), lanes = lanes + r &* 64
        add(g0, d, to: lanes)
        add(g1, d, to: lanes + 8)
        add(g2, d, to: lanes + 16)
        add(g3, d, to: lanes + 24)
        r &+= 1
      }
      bringUp(by: fade[0], &g0, &g1, &g2, &g3)
      r = 0
      while r < ranks {
        let k = k + r &* padded, x = loadWide(v + r &* width)
        g0 = fma(x, wide(k[0]), g0)
        g1 = fma(x, wide(k[1]), g1)
        g2 = fma(x, wide(k[2]), g2)
        g3 = fma(x, wide(k[3]), g3)
        r &+= 1
      }
      fade += heads
      k += ranks &* padded
      v += c.valueStride
      dy += ranks &* width
      lanes += 64 &* ranks
      t &+= 1
    }
  }

  /// dv and dk̂, while G moves back.
  @inline(__always) private func keys(
    _ ranks: Int, isFirst: Bool, _ c: Mamba3HeadChunk, _ slot: Int, _ adjoint: Output, _ dy: Input, _ p: Int,
    _ dv: Output, _ dvStride: Int, _ lanesOfKeys: Output
  ) {
    var d0 = loadWide(adjoint), d1 = loadWide(adjoint + 16), d2 = loadWide(adjoint + 32), d3 = loadWide(adjoint + 48)
    var t = c.count &- 1
    while t >= 0 {
      let k = c.k + t &* ranks &* padded &+ slot, q = c.q + t &* ranks &* padded &+ slot
      let v = c.v + t &* c.valueStride &+ p, dv = dv + t &* dvStride, dy = dy + t &* ranks &* width
      var r = 0
      while r < ranks {
        let k = k + r &* padded, x = loadWide(v + r &* width), target = dv + r &* width
        let keys = lanesOfKeys + (t &* ranks &+ r) &* 64
        var total = fma(d0, wide(k[0]), isFirst ? wide(c.own[t &* heads]) * loadWide(dy) : loadWide(target))
        total = fma(d1, wide(k[1]), total)
        total = fma(d2, wide(k[2]), total)
        store(target, fma(d3, wide(k[3]), total))
        add(d0, x, to: keys)
        add(d1, x, to: keys + 8)
        add(d2, x, to: keys + 16)
        add(d3, x, to: keys + 24)
        r &+= 1
      }
      bringUp(by: c.fade[t &* heads], &d0, &d1, &d2, &d3)
      r = 0
      while r < ranks {
        let q = q + r &* padded, d = loadWide(dy + r &* width)
        d0 = fma(d, wide(q[0]), d0)
        d1 = fma(d, wide(q[1]), d1)
        d2 = fma(d, wide(q[2]), d2)
        d3 = fma(d, wide(q[3]), d3)
        r &+= 1
      }
      t &-= 1
    }
    store(adjoint, d0)
    store(adjoint + 16, d1)
    store(adjoint + 32, d2)
    store(adjoint + 48, d3)
  }

  @inline(__always) private func add(_ a: Wide, _ b: Wide, to p: Output) {
    store(p, fma(a.highHalf, b.highHalf, fma(a.lowHalf, b.lowHalf, load(p))))
  }

  /// The sum of each of eight vectors.
  @inline(__always) func laneSums(_ p: Input) -> Vector {
    let a = loadWide(p), b = loadWide(p + 16), c = loadWide(p + 32), d = loadWide(p + 48)
    let ab = Wide(lowHalf: a.evenHalf + a.oddHalf, highHalf: b.evenHalf + b.oddHalf)
    let cd = Wide(lowHalf: c.evenHalf + c.oddHalf, highHalf: d.evenHalf + d.oddHalf)
    let all = Wide(lowHalf: ab.evenHalf + ab.oddHalf, highHalf: cd.evenHalf + cd.oddHalf)
    return all.evenHalf + all.oddHalf
  }
}
