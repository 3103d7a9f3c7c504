/// One row times a weight of few inputs: y[o] = f(Σ_k x[k] Wᵀ[k, o] + bias[o]). Outputs lie on the vector axis; with few
/// inputs `MatrixVector` would spend its time on sums over lanes.

extension MatrixVector {
  /// [outputs, inputs] → [inputs, outputs].
  @inline(never) public static func transpose(
    outputs: Int, inputs: Int, _ weight: UnsafePointer<Float>, into transposed: UnsafeMutablePointer<Float>
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
  }

  /// softplus(x Wᵀ + bias): x [inputs], transposed [inputs, outputs], bias and y [outputs].
  @inline(never) public static func softplusOfTransposed(
    outputs: Int, inputs: Int, transposed: UnsafePointer<Float>, bias: UnsafePointer<Float>?, x: UnsafePointer<Float>,
    y: UnsafeMutablePointer<Float>
  ) {
    var o = 0
    while o < outputs {
      let active = outputs &- o
      var total = bias.map { loadWide($0 + o, active) } ?? .zero
      var k = 0
      while k < inputs {
        total = fma(wide(x[k]), loadWide(transposed + k &* outputs &+ o, active), total)
        k &+= 1
      }
      store(y + o, Wide(lowHalf: softplus(total.lowHalf), highHalf: softplus(total.highHalf)), active)
      o &+= 16
    }
  }
}
