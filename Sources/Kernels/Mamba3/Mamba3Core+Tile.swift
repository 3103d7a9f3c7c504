/// The recurrence of one head over the positions of one chunk,
///
///     y[r] += g_{t−1} q̃[r]     g_t = α g_{t−1} + Σ_r v[r] ⊗ k̃[r]
///
/// in tiles of 4 states × 16 channels whose state stays in registers: per position 24 products for 11 loads. Measured against
/// the form of chunked products (Mamba-2's), whose arithmetic is no less at these sizes: docs/benchmarks.md.

/// Rows of one head in a chunk. Ranks of k, q lie `padded` apart, of v, y, dy, dv `width`.
struct Mamba3HeadChunk: BitwiseCopyable {
  var count: Int
  var decay: Input, decayStride: Int
  var k, q: Input, keyStride: Int
  var v: Input, valueStride: Int
}

extension Mamba3Core {
  /// y [count, …] is added to; the state goes from one place to another, which may be the same.
  @inline(never) func scan(_ c: Mamba3HeadChunk, from: Input, to: Output, y: Output, yStride: Int) {
    // Two calls, so that SISO is compiled without the loops over ranks.
    if rank <= 1 { scanTiles(1, c, from, to, y, yStride) } else { scanTiles(rank, c, from, to, y, yStride) }
  }

  @inline(__always) private func scanTiles(
    _ ranks: Int, _ c: Mamba3HeadChunk, _ from: Input, _ to: Output, _ y: Output, _ yStride: Int
  ) {
    var block = 0
    while block < blocks {
      let slot = slot(ofBlock: block)
      var p = 0
      while p < width {
        let tile = 4 &* (block &* width &+ p)
        var g0 = loadWide(from + tile), g1 = loadWide(from + tile &+ 16)
        var g2 = loadWide(from + tile &+ 32), g3 = loadWide(from + tile &+ 48)
        var decay = c.decay, k = c.k + slot, q = c.q + slot, v = c.v + p, out = y + p
        var t = 0
        while t < c.count {
          var r = 0
          while r < ranks {
            let q = q + r &* padded, out = out + r &* width
            var total = fma(g0, wide(q[0]), loadWide(out))
            total = fma(g1, wide(q[1]), total)
            total = fma(g2, wide(q[2]), total)
            store(out, fma(g3, wide(q[3]), total))
            r &+= 1
          }
          let a = wide(decay[0])
          (g0, g1, g2, g3) = (g0 * a, g1 * a, g2 * a, g3 * a)
          r = 0
          while r < ranks {
            let k = k + r &* padded, x = loadWide(v + r &* width)
            g0 = fma(x, wide(k[0]), g0)
            g1 = fma(x, wide(k[1]), g1)
            g2 = fma(x, wide(k[2]), g2)
            g3 = fma(x, wide(k[3]), g3)
            r &+= 1
          }
          decay += c.decayStride
          k += c.keyStride
          q += c.keyStride
          v += c.valueStride
          out += yStride
          t &+= 1
        }
        store(to + tile, g0)
        store(to + tile &+ 16, g1)
        store(to + tile &+ 32, g2)
        store(to + tile &+ 48, g3)
        p &+= 16
      }
      block &+= 1
    }
  }

  /// y[r] = Σ_r' c[r, r'] v[r']: what a position reads of itself; `transposed` with c[r', r], its gradient. `own` lies
  /// H·R² a row apart.
  @inline(never) func ownTerm(
    count: Int, own: Input, v: Input, valueStride: Int, into y: Output, yStride: Int, transposed: Bool
  ) {
    var t = 0
    while t < count {
      let c = own + t &* heads &* ranks &* ranks, v = v + t &* valueStride, y = y + t &* yStride
      var r = 0
      while r < ranks {
        var p = 0
        while p < width {
          var total = Wide.zero
          var other = 0
          while other < ranks {
            let factor = transposed ? c[other &* ranks &+ r] : c[r &* ranks &+ other]
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
