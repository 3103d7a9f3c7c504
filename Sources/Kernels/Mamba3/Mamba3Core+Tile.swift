/// The recurrence of one head over the positions of one chunk,
///
///     y[r] += ĝ_{t−1} q̂[r]     ĝ_t = fade ĝ_{t−1} + Σ_r v[r] ⊗ k̂[r]
///
/// in tiles of 4 states × 16 channels whose state stays in registers: per position 16 products for 10 loads. Measured against
/// the form of chunked products (Mamba-2's), whose arithmetic is no less at these sizes: docs/benchmarks.md.

/// Rows of one head in a chunk: k̂, q̂ [count, R, padded], and v [count, R, width] or in rows `valueStride` apart.
struct Mamba3HeadChunk: BitwiseCopyable {
  let count: Int
  /// `fade` and c, `heads` and `heads` · R² a row apart.
  let fade, own: Input
  let k, q: Input
  let v: Input, valueStride: Int
}

extension Mamba3Core {
  /// y [count, R, width] is overwritten; the state goes from one place to another, which may be the same.
  @inline(never) func scan(_ c: Mamba3HeadChunk, from: Input, to: Output, y: Output) {
    if isNarrow { return narrowScan(c, from: from, to: to, y: y) }
    if ranks > 1 { ownTerm(c, of: c.v, c.valueStride, into: y, ranks &* width, transposed: false) }
    var block = 0
    while block < blocks {
      var p = 0
      while p < width {
        let tile = 4 &* (block &* width &+ p)
        // Three calls, so that SISO is compiled without the loops over ranks and begins y on its way.
        if ranks > 1 {
          move(ranks, isFirst: false, c, block, p, from + tile, to + tile, y)
        } else if block == 0 {
          move(1, isFirst: true, c, block, p, from + tile, to + tile, y)
        } else {
          move(1, isFirst: false, c, block, p, from + tile, to + tile, y)
        }
        p &+= 16
      }
      block &+= 1
    }
  }

  @inline(__always) private func move(
    _ ranks: Int, isFirst: Bool, _ c: Mamba3HeadChunk, _ block: Int, _ p: Int, _ from: Input, _ to: Output, _ y: Output
  ) {
    let slot = slot(ofBlock: block)
    var g0 = loadWide(from), g1 = loadWide(from + 16), g2 = loadWide(from + 32), g3 = loadWide(from + 48)
    var fade = c.fade, own = c.own, k = c.k + slot, q = c.q + slot, v = c.v + p, out = y + p
    var t = 0
    while t < c.count {
      var r = 0
      while r < ranks {
        let q = q + r &* padded, out = out + r &* width
        var total = fma(g0, wide(q[0]), isFirst ? wide(own[0]) * loadWide(v) : loadWide(out))
        total = fma(g1, wide(q[1]), total)
        total = fma(g2, wide(q[2]), total)
        store(out, fma(g3, wide(q[3]), total))
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
      if isFirst { own += heads }
      k += ranks &* padded
      q += ranks &* padded
      v += c.valueStride
      out += ranks &* width
      t &+= 1
    }
    store(to, g0)
    store(to + 16, g1)
    store(to + 32, g2)
    store(to + 48, g3)
  }

  /// A tile's state, or its gradient, where it fades (+Scalars): hardly anywhere, so that a branch costs less than products with 1.
  @inline(__always) func bringUp(
    by fade: Float, _ g0: inout Wide, _ g1: inout Wide, _ g2: inout Wide, _ g3: inout Wide
  ) {
    guard fade != 1 else { return }
    let fade = wide(fade)
    (g0, g1, g2, g3) = (g0 * fade, g1 * fade, g2 * fade, g3 * fade)
  }

  /// y[r] = Σ_r' c[r, r'] v[r']: what a position reads of itself; `transposed` with c[r', r], its gradient.
  @inline(never) func ownTerm(
    _ c: Mamba3HeadChunk, of v: Input, _ valueStride: Int, into y: Output, _ yStride: Int, transposed: Bool
  ) {
    var t = 0
    while t < c.count {
      let own = c.own + t &* heads &* ranks &* ranks, v = v + t &* valueStride, y = y + t &* yStride
      var r = 0
      while r < ranks {
        var p = 0
        while p < width {
          var total = Wide.zero
          var other = 0
          while other < ranks {
            let factor = transposed ? own[other &* ranks &+ r] : own[r &* ranks &+ other]
            total = fma(wide(factor), loadWide(v + other &* width &+ p), total)
            other &+= 1
          }
          store(y + r &* width &+ p, total)
          p &+= 16
        }
        r &+= 1
      }
      t &+= 1
    }
  }
}
