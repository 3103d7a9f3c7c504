/// Root mean square norm (Zhang & Sennrich 2019; PyTorch's `nn.RMSNorm` with ε = 1e-5).
///
///     r = 1 / √(mean(x²) + ε)     y = x r · w        the mean over the columns of a row
///
/// x [rows, columns], rows `xStride` apart; y dense; w [columns]. r [rows] is kept for the gradient.
/// The plain twin is in RMSNorm+Reference.swift.
public struct RMSNormKernel: BitwiseCopyable, Sendable {
  public let rows, columns: Int
  public static let epsilon: Float = 1e-5

  public init(rows: Int, columns: Int) { (self.rows, self.columns) = (rows, columns) }

  /// `inverse` (r) is nil where no gradient is wanted.
  @inline(never) public func forward(
    x: UnsafePointer<Float>, xStride: Int, weight: UnsafePointer<Float>, inverse: UnsafeMutablePointer<Float>?,
    y: UnsafeMutablePointer<Float>
  ) {
    var row = 0
    while row < rows {
      let x = x + row &* xStride, y = y + row &* columns
      var squares = Vector.zero
      forEachVector(columns) { j, active in
        let value = load(x + j, active)
        squares = fma(value, value, squares)
      }
      let r = inverseRoot(sum(squares), columns)
      inverse?[row] = r
      forEachVector(columns) { j, active in
        store(y + j, load(x + j, active) * splat(r) * load(weight + j, active), active)
      }
      row &+= 1
    }
  }

  /// dw is added to; dx as `accumulation` says.
  ///
  ///     g = w dy     dx = r (g − x r² mean(g x))     dw += dy x r
  @inline(never) public func backward(
    x: UnsafePointer<Float>, xStride: Int, weight: UnsafePointer<Float>, inverse: UnsafePointer<Float>,
    dy: UnsafePointer<Float>, dx: UnsafeMutablePointer<Float>, dxStride: Int, _ accumulation: Accumulation,
    dWeight: UnsafeMutablePointer<Float>
  ) {
    var row = 0
    while row < rows {
      let x = x + row &* xStride, dy = dy + row &* columns, dx = dx + row &* dxStride, r = inverse[row]
      var projected = Vector.zero
      forEachVector(columns) { j, active in
        let d = load(dy + j, active), value = load(x + j, active)
        projected = fma(d * load(weight + j, active), value, projected)
        store(dWeight + j, fma(d, value * splat(r), load(dWeight + j, active)), active)
      }
      let slope = splat(-r * r * r * sum(projected) / Float(columns))
      forEachVector(columns) { j, active in
        let g = load(dy + j, active) * load(weight + j, active)
        let gradient = fma(load(x + j, active), slope, g * splat(r))
        store(dx + j, accumulation == .add ? load(dx + j, active) + gradient : gradient, active)
      }
      row &+= 1
    }
  }
}

/// 1 / √(mean + ε) of `count` squares.
@inline(__always) func inverseRoot(_ squares: Float, _ count: Int) -> Float {
  1 / (squares / Float(count) + RMSNormKernel.epsilon).squareRoot()
}
