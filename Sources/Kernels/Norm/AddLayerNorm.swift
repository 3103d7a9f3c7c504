/// A residual connection and the layer norm after it in one pass (Ba et al. 2016; PyTorch's `nn.LayerNorm`, ε = 1e-5).
///
///     s = x + r     n = (s − mean(s)) / √(var(s) + ε)     y = γ n + β        mean and variance over the columns of a row
///
/// Without an r, the layer norm of x. x [rows, columns], rows `xStride` apart; r, y, n: dense. n and 1/√(var + ε) [rows] are kept for the gradient.
/// The plain twin is in AddLayerNorm+Reference.swift.
public struct AddLayerNorm: BitwiseCopyable, Sendable {
  public let rows, columns: Int
  static let epsilon: Float = 1e-5

  public init(rows: Int, columns: Int) { (self.rows, self.columns) = (rows, columns) }

  /// `normalised` may be `y`, and `inverseDeviation` nil, where no gradient is wanted.
  @inline(never) public func forward(
    x: UnsafePointer<Float>, xStride: Int, r: UnsafePointer<Float>?, gain: UnsafePointer<Float>, bias: UnsafePointer<Float>,
    normalised: UnsafeMutablePointer<Float>, inverseDeviation: UnsafeMutablePointer<Float>?, y: UnsafeMutablePointer<Float>
  ) {
    var row = 0
    while row < rows {
      let x = x + row &* xStride, n = normalised + row &* columns, y = y + row &* columns
      let r = r.map { $0 + row &* columns }
      var total = Vector.zero
      forEachVector(columns) { j, active in
        let s = if let r { load(x + j, active) + load(r + j, active) } else { load(x + j, active) }
        store(n + j, s, active)
        total += s
      }
      let mean = sum(total) / Float(columns)
      var square: Float = 0
      var squares = Vector.zero
      var j = 0
      while j &+ lanes <= columns {
        let d = load(n + j) - splat(mean)
        squares = fma(d, d, squares)
        j &+= lanes
      }
      while j < columns {  // not as a partial vector: its empty lanes would count −mean
        square += (n[j] - mean) * (n[j] - mean)
        j &+= 1
      }
      let inverse = 1 / ((square + sum(squares)) / Float(columns) + Self.epsilon).squareRoot()
      inverseDeviation?[row] = inverse
      forEachVector(columns) { j, active in
        let value = (load(n + j, active) - splat(mean)) * splat(inverse)
        store(n + j, value, active)
        store(y + j, fma(value, load(gain + j, active), load(bias + j, active)), active)
      }
      row &+= 1
    }
  }

  /// The gradient of s goes to x and to r alike; dγ and dβ are added to.
  ///
  ///     g = γ dy     ds = (g − mean(g) − n · mean(g n)) / √(var + ε)
  @inline(never) public func backward(
    normalised: UnsafePointer<Float>, inverseDeviation: UnsafePointer<Float>, gain: UnsafePointer<Float>,
    dy: UnsafePointer<Float>, dx: UnsafeMutablePointer<Float>, dxStride: Int, _ dxAccumulation: Accumulation,
    dr: UnsafeMutablePointer<Float>?, _ drAccumulation: Accumulation, dGain: UnsafeMutablePointer<Float>,
    dBias: UnsafeMutablePointer<Float>
  ) {
    var row = 0
    while row < rows {
      let n = normalised + row &* columns, dy = dy + row &* columns
      let dx = dx + row &* dxStride, dr = dr.map { $0 + row &* columns }
      var total = Vector.zero, projected = Vector.zero
      forEachVector(columns) { j, active in
        let d = load(dy + j, active), value = load(n + j, active), g = d * load(gain + j, active)
        total += g
        projected = fma(g, value, projected)
        store(dGain + j, fma(d, value, load(dGain + j, active)), active)
        store(dBias + j, load(dBias + j, active) + d, active)
      }
      let mean = splat(sum(total) / Float(columns)), slope = splat(sum(projected) / Float(columns))
      let inverse = splat(inverseDeviation[row])
      forEachVector(columns) { j, active in
        let g = load(dy + j, active) * load(gain + j, active)
        let ds = (g - mean - load(n + j, active) * slope) * inverse
        store(dx + j, dxAccumulation == .add ? load(dx + j, active) + ds : ds, active)
        if let dr { store(dr + j, drAccumulation == .add ? load(dr + j, active) + ds : ds, active) }
      }
      row &+= 1
    }
  }
}
