/// A linear layer of few inputs, with bias and activation fused in: y = f(x Wᵀ + bias). OpenBLAS packs both operands and
/// clears the result first, which takes longer than so short a product itself. Sums run over the inputs in order, from
/// zero, as OpenBLAS's do: the bits are the same.
public enum NarrowProduct {
  /// More inputs than this are OpenBLAS's.
  public static let mostInputs = 16

  /// x [rows, inputs], rows `xStride` apart; weight [outputs, inputs] and y [rows, outputs], dense; scratch
  /// [inputs, outputs].
  @inline(never) public static func forward(
    rows: Int, inputs: Int, outputs: Int, x: UnsafePointer<Float>, xStride: Int, weight: UnsafePointer<Float>,
    bias: UnsafePointer<Float>?, activation: Activation, y: UnsafeMutablePointer<Float>,
    scratch transposed: UnsafeMutablePointer<Float>
  ) {
    var o = 0
    while o < outputs {
      var k = 0
      while k < inputs {
        transposed[k &* outputs &+ o] = weight[o &* inputs &+ k]
        k &+= 1
      }
      o &+= 1
    }
    switch activation {
    case .none: apply(Identity.self, rows, inputs, outputs, x, xStride, transposed, bias, y)
    case .relu: apply(Rectifier.self, rows, inputs, outputs, x, xStride, transposed, bias, y)
    case .softplus: apply(Softplus.self, rows, inputs, outputs, x, xStride, transposed, bias, y)
    }
  }

  /// Four rows at a time share the weight's way through the registers.
  @inline(__always) private static func apply<F: Nonlinearity>(
    _: F.Type, _ rows: Int, _ inputs: Int, _ outputs: Int, _ x: Input, _ xStride: Int, _ w: Input, _ bias: Input?, _ y: Output
  ) {
    var r = 0
    while r &+ 4 <= rows {
      let x0 = x + r &* xStride
      let x1 = x0 + xStride, x2 = x1 + xStride, x3 = x2 + xStride
      let row = y + r &* outputs
      forEachVector(outputs) { o, active in
        var a0 = Vector.zero, a1 = Vector.zero, a2 = Vector.zero, a3 = Vector.zero
        var k = 0
        while k < inputs {
          let column = load(w + k &* outputs &+ o, active)
          a0 = fma(splat(x0[k]), column, a0)
          a1 = fma(splat(x1[k]), column, a1)
          a2 = fma(splat(x2[k]), column, a2)
          a3 = fma(splat(x3[k]), column, a3)
          k &+= 1
        }
        let shift = bias.map { load($0 + o, active) } ?? .zero
        store(row + o, F.of(a0 + shift), active)
        store(row + outputs &+ o, F.of(a1 + shift), active)
        store(row + 2 &* outputs &+ o, F.of(a2 + shift), active)
        store(row + 3 &* outputs &+ o, F.of(a3 + shift), active)
      }
      r &+= 4
    }
    while r < rows {
      forEachVector(outputs) { o, active in
        var total = Vector.zero
        var k = 0
        while k < inputs {
          total = fma(splat(x[r &* xStride &+ k]), load(w + k &* outputs &+ o, active), total)
          k &+= 1
        }
        store(y + r &* outputs &+ o, F.of(total + (bias.map { load($0 + o, active) } ?? .zero)), active)
      }
      r &+= 1
    }
  }
}
