/// The plain twin of `RMSNormKernel`: the definition in nested loops, in Double.

extension RMSNormKernel {
  /// x is [rows, xStride], of which the first `columns` of a row are read.
  public func referenceForward(x: [Float], xStride: Int, weight: [Float]) -> (inverse: [Double], y: [Double]) {
    var inverses: [Double] = [], y: [Double] = []
    for row in 0..<rows {
      let x = (0..<columns).map { Double(x[row * xStride + $0]) }
      let inverse = 1 / (x.reduce(0) { $0 + $1 * $1 } / Double(columns) + Double(Self.epsilon)).squareRoot()
      inverses.append(inverse)
      y += zip(x, weight).map { $0 * inverse * Double($1) }
    }
    return (inverses, y)
  }

  public func referenceBackward(
    x: [Float], xStride: Int, weight: [Float], dy: [Float]
  ) -> (dx: [Double], dWeight: [Double]) {
    let inverses = referenceForward(x: x, xStride: xStride, weight: weight).inverse
    var dx: [Double] = [], dWeight = [Double](repeating: 0, count: columns)
    for row in 0..<rows {
      let x = (0..<columns).map { Double(x[row * xStride + $0]) }
      let g = (0..<columns).map { Double(dy[row * columns + $0]) * Double(weight[$0]) }
      let inverse = inverses[row], mean = zip(g, x).reduce(0) { $0 + $1.0 * $1.1 } / Double(columns)
      for j in 0..<columns {
        dx.append(inverse * (g[j] - x[j] * inverse * inverse * mean))
        dWeight[j] += Double(dy[row * columns + j]) * x[j] * inverse
      }
    }
    return (dx, dWeight)
  }
}
