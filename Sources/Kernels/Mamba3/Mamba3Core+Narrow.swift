/// The recurrence of a head of at most eight channels, and its gradient: what +Tile and +TileBackward do, with the states in the
/// lanes, in tiles of 4 channels × 16 states. k̂ and q̂ are read as they lie, dk̂ and dq̂ are sums over registers; y and dv are sums
/// over lanes, four at a time.

extension Mamba3Core {
  @inline(__always) func narrowScan(_ c: Mamba3HeadChunk, from: Input, to: Output, y: Output) {
    narrowOwnTerm(c, of: c.v, c.valueStride, into: y, width, columns: width)
    forEachNarrowTile { p, slot, tile in
      var g0 = loadWide(from + tile), g1 = loadWide(from + tile &+ 16)
      var g2 = loadWide(from + tile &+ 32), g3 = loadWide(from + tile &+ 48)
      var fade = c.fade, k = c.k + slot, q = c.q + slot, v = c.v + p, out = y + p
      var t = 0
      while t < c.count {
        store(out, loadFour(out) + channelSums(g0, g1, g2, g3, times: loadWide(q)))
        bringUp(by: fade[0], &g0, &g1, &g2, &g3)
        takeIn(v, times: loadWide(k), &g0, &g1, &g2, &g3)
        fade += heads
        k += padded
        q += padded
        v += c.valueStride
        out += width
        t &+= 1
      }
      store(to + tile, g0)
      store(to + tile &+ 16, g1)
      store(to + tile &+ 32, g2)
      store(to + tile &+ 48, g3)
    }
  }

  @inline(__always) func narrowScanBackward(
    _ c: Mamba3HeadChunk, from: Input, adjoint: Output, dy: Input, dv: Output, dvStride: Int, dk: Output, dq: Output
  ) {
    narrowOwnTerm(c, of: dy, width, into: dv, dvStride, columns: channels)
    forEachNarrowTile { p, slot, tile in
      narrowQueries(c, p, slot, from + tile, dy, dq)
      let adjoint = adjoint + tile
      var d0 = loadWide(adjoint), d1 = loadWide(adjoint + 16), d2 = loadWide(adjoint + 32), d3 = loadWide(adjoint + 48)
      var t = c.count &- 1
      while t >= 0 {
        let v = c.v + t &* c.valueStride &+ p, dy = dy + t &* width &+ p, at = t &* padded &+ slot
        let target = dv + t &* dvStride &+ p
        store(target, loadFour(target) + channelSums(d0, d1, d2, d3, times: loadWide(c.k + at)))
        var sums = p == 0 ? .zero : loadWide(dk + at)
        sums = fma(d0, wide(v[0]), sums)
        sums = fma(d1, wide(v[1]), sums)
        sums = fma(d2, wide(v[2]), sums)
        store(dk + at, fma(d3, wide(v[3]), sums))
        bringUp(by: c.fade[t &* heads], &d0, &d1, &d2, &d3)
        takeIn(dy, times: loadWide(c.q + at), &d0, &d1, &d2, &d3)
        t &-= 1
      }
      store(adjoint, d0)
      store(adjoint + 16, d1)
      store(adjoint + 32, d2)
      store(adjoint + 48, d3)
    }
  }

  /// dq̂, while ĝ moves on.
  @inline(__always) private func narrowQueries(
    _ c: Mamba3HeadChunk, _ p: Int, _ slot: Int, _ from: Input, _ dy: Input, _ dq: Output
  ) {
    var g0 = loadWide(from), g1 = loadWide(from + 16), g2 = loadWide(from + 32), g3 = loadWide(from + 48)
    var fade = c.fade, k = c.k + slot, v = c.v + p, dy = dy + p, dq = dq + slot
    var t = 0
    while t < c.count {
      var sums = p == 0 ? .zero : loadWide(dq)
      sums = fma(g0, wide(dy[0]), sums)
      sums = fma(g1, wide(dy[1]), sums)
      sums = fma(g2, wide(dy[2]), sums)
      store(dq, fma(g3, wide(dy[3]), sums))
      bringUp(by: fade[0], &g0, &g1, &g2, &g3)
      takeIn(v, times: loadWide(k), &g0, &g1, &g2, &g3)
      fade += heads
      k += padded
      v += c.valueStride
      dy += width
      dq += padded
      t &+= 1
    }
  }

  /// Adds x ⊗ key, of four channels and sixteen states.
  @inline(__always) private func takeIn(
    _ x: Input, times key: Wide, _ g0: inout Wide, _ g1: inout Wide, _ g2: inout Wide, _ g3: inout Wide
  ) {
    g0 = fma(wide(x[0]), key, g0)
    g1 = fma(wide(x[1]), key, g1)
    g2 = fma(wide(x[2]), key, g2)
    g3 = fma(wide(x[3]), key, g3)
  }

  /// Calls `body(first channel, first slot, where the tile begins)`.
  @inline(__always) private func forEachNarrowTile(_ body: (_ p: Int, _ slot: Int, _ tile: Int) -> Void) {
    var p = 0
    while p < channels {
      var slot = 0
      while slot < padded {
        body(p, slot, p &* padded &+ 4 &* slot)
        slot &+= 16
      }
      p &+= 4
    }
  }

  /// y = c·v, what a position reads of itself; columns that are no channels get zeros.
  @inline(__always) private func narrowOwnTerm(
    _ c: Mamba3HeadChunk, of v: Input, _ stride: Int, into y: Output, _ yStride: Int, columns: Int
  ) {
    var t = 0
    while t < c.count {
      let own = SIMD4<Float>(repeating: c.own[t &* heads]), v = v + t &* stride, y = y + t &* yStride
      var p = 0
      while p < columns {
        store(y + p, p < channels ? own * loadFour(v + p) : .zero)
        p &+= 4
      }
      t &+= 1
    }
  }

  /// The sums over sixteen states of g · x, of each of four channels.
  @inline(__always) private func channelSums(_ g0: Wide, _ g1: Wide, _ g2: Wide, _ g3: Wide, times x: Wide) -> SIMD4<Float> {
    sums(products(g0, x), products(g1, x), products(g2, x), products(g3, x))
  }
  @inline(__always) private func products(_ g: Wide, _ x: Wide) -> Vector {
    fma(g.lowHalf, x.lowHalf, g.highHalf * x.highHalf)
  }
}
