/// One row times a weight, for acting: y[v, out] = f(W x_v + bias) for one to four vectors that share the weight's way
/// through the cache. A product of one row is bound by reading W; `cblas_sgemm` would pack it first.

public enum MatrixVector {
  /// W [rows, columns], rows `stride` apart; x [count, columns], vectors `xStride` apart; y [count, rows], `yStride` apart.
  @inline(never) public static func apply(
    rows: Int, columns: Int, weight: UnsafePointer<Float>, stride: Int, bias: UnsafePointer<Float>?, count: Int = 1,
    x: UnsafePointer<Float>, xStride: Int = 0, y: UnsafeMutablePointer<Float>, yStride: Int = 0,
    activation: Activation = .none
  ) {
    var v = 0
    while v < count {
      product(rows, columns, weight, stride, bias, x + v &* xStride, y + v &* yStride)
      activate(activation, rows, y + v &* yStride)
      v &+= 1
    }
  }

  @inline(__always) private static func product(
    _ rows: Int, _ columns: Int, _ w: Input, _ stride: Int, _ bias: Input?, _ x: Input, _ y: Output
  ) {
    var r = 0
    while r &+ 4 <= rows {
      let p = w + r &* stride
      var a0 = Vector.zero, a1 = Vector.zero, a2 = Vector.zero, a3 = Vector.zero
      forEachVector(columns) { j, active in
        let input = load(x + j, active)
        a0 = fma(load(p + j, active), input, a0)
        a1 = fma(load(p + stride &+ j, active), input, a1)
        a2 = fma(load(p + 2 &* stride &+ j, active), input, a2)
        a3 = fma(load(p + 3 &* stride &+ j, active), input, a3)
      }
      var total = SIMD4<Float>(sum(a0), sum(a1), sum(a2), sum(a3))
      if let bias { total += SIMD4(bias[r], bias[r &+ 1], bias[r &+ 2], bias[r &+ 3]) }
      store(y + r, total)
      r &+= 4
    }
    while r < rows {
      var total = Vector.zero
      forEachVector(columns) { j, active in total = fma(load(w + r &* stride &+ j, active), load(x + j, active), total) }
      y[r] = sum(total) + (bias?[r] ?? 0)
      r &+= 1
    }
  }

  @inline(__always) private static func activate(_ activation: Activation, _ count: Int, _ y: Output) {
    switch activation {
    case .none: return
    case .relu: forEachVector(count) { i, active in store(y + i, larger(load(y + i, active), .zero), active) }
    case .softplus: forEachVector(count) { i, active in store(y + i, softplus(load(y + i, active)), active) }
    }
  }
}
