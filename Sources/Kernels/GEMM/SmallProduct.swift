/// Products of matrices so small that packing them, as BLAS does, takes longer than multiplying them: sixteen to sixty-four
/// rows, in the first-level cache. Rows of what is read as vectors are padded to whole vectors.
///
///     out[r, j] = scale · base[r, j] + rowScale[r] · Σ_k a[r, k] b[k, j] + Σ_k c[r, k] d[k, j]
///
/// a and c are read by the element, so that a transposed matrix costs nothing; b, d, base and out by the vector.
struct SmallProduct {
  /// Σ_k left[r, k] right[k, j]. `left` elements are `leftRow` and `leftColumn` apart, rows of `right` `rightRow`.
  struct Term {
    var left: Input
    var leftRow, leftColumn: Int
    var right: Input
    var rightRow: Int
    var depth: Int
    var triangle = Triangle.full
  }
  /// Which k a block of four rows r … r + 3 reads: those where `left` is not zero by its form.
  enum Triangle { case full, lower, upper }

  let rows, columns: Int
  /// Multiplied by `rowScale` [rows].
  var scaled: (term: Term, rowScale: Input)?
  var term: Term?
  var base: (scale: Float, start: Input, stride: Int)?

  init(rows: Int, columns: Int) { (self.rows, self.columns) = (rows, columns) }

  /// `out` may be `base`.
  @inline(never) func write(to out: Output, stride: Int) {
    var r = 0
    while hasWideRegisters && r &+ 8 <= rows {
      var j = 0
      while j &+ 16 <= columns {
        eightByWide(r, j, out, stride)
        j &+= 16
      }
      while j < columns {
        let active = min(lanes, columns &- j)
        fourByOne(r, j, active, out, stride)
        fourByOne(r &+ 4, j, active, out, stride)
        j &+= lanes
      }
      r &+= 8
    }
    while r &+ 4 <= rows {
      var j = 0
      while j &+ 2 &* lanes <= columns {
        fourByTwo(r, j, out, stride)
        j &+= 2 &* lanes
      }
      while j < columns {
        let active = min(lanes, columns &- j)
        fourByOne(r, j, active, out, stride)
        j &+= lanes
      }
      r &+= 4
    }
    while r < rows {
      forEachVector(columns) { j, active in one(r, j, active, out, stride) }
      r &+= 1
    }
  }

  @inline(__always) private func bounds(_ term: Term, _ r: Int, _ count: Int) -> (Int, Int) {
    switch term.triangle {
    case .full: (0, term.depth)
    case .lower: (0, min(term.depth, r &+ count))
    case .upper: (r, term.depth)
    }
  }

  /// Eight rows of sixteen columns, for AVX-512. The rows' triangles are those of two blocks of four.
  @inline(__always) private func eightByWide(_ r: Int, _ j: Int, _ out: Output, _ stride: Int) {
    var a0 = Wide.zero, a1 = Wide.zero, a2 = Wide.zero, a3 = Wide.zero
    var a4 = Wide.zero, a5 = Wide.zero, a6 = Wide.zero, a7 = Wide.zero
    @inline(__always) func add(_ term: Term) {
      // What only one of the two blocks of four reads is zero in the other's rows: adding it changes no bit.
      var (k, end) = bounds(term, r, 8)
      let row = term.leftRow
      var left = term.left + r &* row &+ k &* term.leftColumn, right = term.right + k &* term.rightRow &+ j
      while k < end {
        let u = loadWide(right)
        a0 = fma(wide(left[0]), u, a0)
        a1 = fma(wide(left[row]), u, a1)
        a2 = fma(wide(left[2 &* row]), u, a2)
        a3 = fma(wide(left[3 &* row]), u, a3)
        a4 = fma(wide(left[4 &* row]), u, a4)
        a5 = fma(wide(left[5 &* row]), u, a5)
        a6 = fma(wide(left[6 &* row]), u, a6)
        a7 = fma(wide(left[7 &* row]), u, a7)
        left += term.leftColumn
        right += term.rightRow
        k &+= 1
      }
    }
    if let scaled {
      add(scaled.term)
      let s = scaled.rowScale + r
      a0 *= wide(s[0])
      a1 *= wide(s[1])
      a2 *= wide(s[2])
      a3 *= wide(s[3])
      a4 *= wide(s[4])
      a5 *= wide(s[5])
      a6 *= wide(s[6])
      a7 *= wide(s[7])
    }
    if let term { add(term) }
    if let base {
      let p = base.start + r &* base.stride &+ j, scale = wide(base.scale)
      a0 = fma(scale, loadWide(p), a0)
      a1 = fma(scale, loadWide(p + base.stride), a1)
      a2 = fma(scale, loadWide(p + 2 &* base.stride), a2)
      a3 = fma(scale, loadWide(p + 3 &* base.stride), a3)
      a4 = fma(scale, loadWide(p + 4 &* base.stride), a4)
      a5 = fma(scale, loadWide(p + 5 &* base.stride), a5)
      a6 = fma(scale, loadWide(p + 6 &* base.stride), a6)
      a7 = fma(scale, loadWide(p + 7 &* base.stride), a7)
    }
    let p = out + r &* stride &+ j
    store(p, a0)
    store(p + stride, a1)
    store(p + 2 &* stride, a2)
    store(p + 3 &* stride, a3)
    store(p + 4 &* stride, a4)
    store(p + 5 &* stride, a5)
    store(p + 6 &* stride, a6)
    store(p + 7 &* stride, a7)
  }

  @inline(__always) private func fourByTwo(_ r: Int, _ j: Int, _ out: Output, _ stride: Int) {
    var a0 = Vector.zero, a1 = Vector.zero, a2 = Vector.zero, a3 = Vector.zero
    var b0 = Vector.zero, b1 = Vector.zero, b2 = Vector.zero, b3 = Vector.zero
    @inline(__always) func add(_ term: Term) {
      var (k, end) = bounds(term, r, 4)
      let row = term.leftRow
      var left = term.left + r &* row &+ k &* term.leftColumn, right = term.right + k &* term.rightRow &+ j
      while k < end {
        let u = load(right), v = load(right + lanes)
        let l0 = splat(left[0]), l1 = splat(left[row]), l2 = splat(left[2 &* row]), l3 = splat(left[3 &* row])
        a0 = fma(l0, u, a0)
        b0 = fma(l0, v, b0)
        a1 = fma(l1, u, a1)
        b1 = fma(l1, v, b1)
        a2 = fma(l2, u, a2)
        b2 = fma(l2, v, b2)
        a3 = fma(l3, u, a3)
        b3 = fma(l3, v, b3)
        left += term.leftColumn
        right += term.rightRow
        k &+= 1
      }
    }
    if let scaled {
      add(scaled.term)
      let s = scaled.rowScale + r
      (a0, a1, a2, a3) = (a0 * splat(s[0]), a1 * splat(s[1]), a2 * splat(s[2]), a3 * splat(s[3]))
      (b0, b1, b2, b3) = (b0 * splat(s[0]), b1 * splat(s[1]), b2 * splat(s[2]), b3 * splat(s[3]))
    }
    if let term { add(term) }
    if let base {
      let p = base.start + r &* base.stride &+ j, scale = splat(base.scale)
      a0 = fma(scale, load(p), a0)
      b0 = fma(scale, load(p + lanes), b0)
      a1 = fma(scale, load(p + base.stride), a1)
      b1 = fma(scale, load(p + base.stride &+ lanes), b1)
      a2 = fma(scale, load(p + 2 &* base.stride), a2)
      b2 = fma(scale, load(p + 2 &* base.stride &+ lanes), b2)
      a3 = fma(scale, load(p + 3 &* base.stride), a3)
      b3 = fma(scale, load(p + 3 &* base.stride &+ lanes), b3)
    }
    let p = out + r &* stride &+ j
    store(p, a0)
    store(p + lanes, b0)
    store(p + stride, a1)
    store(p + stride &+ lanes, b1)
    store(p + 2 &* stride, a2)
    store(p + 2 &* stride &+ lanes, b2)
    store(p + 3 &* stride, a3)
    store(p + 3 &* stride &+ lanes, b3)
  }

  @inline(__always) private func fourByOne(_ r: Int, _ j: Int, _ active: Int, _ out: Output, _ stride: Int) {
    var a0 = Vector.zero, a1 = Vector.zero, a2 = Vector.zero, a3 = Vector.zero
    @inline(__always) func add(_ term: Term) {
      var (k, end) = bounds(term, r, 4)
      let row = term.leftRow
      var left = term.left + r &* row &+ k &* term.leftColumn, right = term.right + k &* term.rightRow &+ j
      while k < end {
        let u = load(right)
        a0 = fma(splat(left[0]), u, a0)
        a1 = fma(splat(left[row]), u, a1)
        a2 = fma(splat(left[2 &* row]), u, a2)
        a3 = fma(splat(left[3 &* row]), u, a3)
        left += term.leftColumn
        right += term.rightRow
        k &+= 1
      }
    }
    if let scaled {
      add(scaled.term)
      let s = scaled.rowScale + r
      (a0, a1, a2, a3) = (a0 * splat(s[0]), a1 * splat(s[1]), a2 * splat(s[2]), a3 * splat(s[3]))
    }
    if let term { add(term) }
    if let base {
      let p = base.start + r &* base.stride &+ j, scale = splat(base.scale)
      a0 = fma(scale, load(p, active), a0)
      a1 = fma(scale, load(p + base.stride, active), a1)
      a2 = fma(scale, load(p + 2 &* base.stride, active), a2)
      a3 = fma(scale, load(p + 3 &* base.stride, active), a3)
    }
    let p = out + r &* stride &+ j
    store(p, a0, active)
    store(p + stride, a1, active)
    store(p + 2 &* stride, a2, active)
    store(p + 3 &* stride, a3, active)
  }

  @inline(__always) private func one(_ r: Int, _ j: Int, _ active: Int, _ out: Output, _ stride: Int) {
    var total = Vector.zero
    @inline(__always) func add(_ term: Term) {
      var (k, end) = bounds(term, r, 1)
      while k < end {
        let left = splat(term.left[r &* term.leftRow &+ k &* term.leftColumn])
        total = fma(left, load(term.right + k &* term.rightRow &+ j), total)
        k &+= 1
      }
    }
    if let scaled {
      add(scaled.term)
      total *= splat(scaled.rowScale[r])
    }
    if let term { add(term) }
    if let base { total = fma(splat(base.scale), load(base.start + r &* base.stride &+ j, active), total) }
    store(out + r &* stride &+ j, total, active)
  }

  /// out[r, j] = Σ_k a[r, k] b[j, k]; `depth` is whole vectors. Of a `lower` triangle only the blocks of eight columns up to
  /// the diagonal are written.
  @inline(never) static func dots(
    rows: Int, columns: Int, depth: Int, a: Input, aStride: Int, b: Input, bStride: Int, out: Output, stride: Int,
    lower: Bool = false
  ) {
    var r = 0
    while r < rows {
      let two = r &+ 2 <= rows
      let end = lower ? min(columns, (r &+ (two ? 2 : 1) &+ lanes &- 1) & ~(lanes &- 1)) : columns
      let a0 = a + r &* aStride, a1 = two ? a0 + aStride : a0
      let out0 = out + r &* stride, out1 = two ? out0 + stride : out0
      var j = 0
      while j &+ 4 <= end {
        let b0 = b + j &* bStride
        let b1 = b0 + bStride, b2 = b0 + 2 &* bStride, b3 = b0 + 3 &* bStride
        var c00 = Vector.zero, c01 = Vector.zero, c02 = Vector.zero, c03 = Vector.zero
        var c10 = Vector.zero, c11 = Vector.zero, c12 = Vector.zero, c13 = Vector.zero
        var k = 0
        while k < depth {
          let u = load(a0 + k), v = load(a1 + k)
          let w0 = load(b0 + k), w1 = load(b1 + k), w2 = load(b2 + k), w3 = load(b3 + k)
          c00 = fma(u, w0, c00)
          c10 = fma(v, w0, c10)
          c01 = fma(u, w1, c01)
          c11 = fma(v, w1, c11)
          c02 = fma(u, w2, c02)
          c12 = fma(v, w2, c12)
          c03 = fma(u, w3, c03)
          c13 = fma(v, w3, c13)
          k &+= lanes
        }
        store(out1 + j, sums(c10, c11, c12, c13))
        store(out0 + j, sums(c00, c01, c02, c03))
        j &+= 4
      }
      while j < end {
        var c0 = Vector.zero, c1 = Vector.zero
        var k = 0
        while k < depth {
          let w = load(b + j &* bStride &+ k)
          c0 = fma(load(a0 + k), w, c0)
          c1 = fma(load(a1 + k), w, c1)
          k &+= lanes
        }
        out1[j] = sum(c1)
        out0[j] = sum(c0)
        j &+= 1
      }
      r &+= 2
    }
  }
}
