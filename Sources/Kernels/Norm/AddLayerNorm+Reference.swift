/// The plain twin of `AddLayerNorm`: the definition in nested loops, in Double.

extension AddLayerNorm {
  /// x is [rows, xStride], of which the first `columns` of a row are read.
  public func referenceForward(
    x: [Float], xStride: Int, r: [Float], gain: [Float], bias: [Float]
  ) -> (normalised: [Double], inverseDeviation: [Double], y: [Double]) {
    var normalised: [Double] = [], inverses: [Double] = [], y: [Double] = []
    for row in 0..<rows {
      let s = (0..<columns).map { Double(x[row * xStride + $0]) + Double(r[row * columns + $0]) }
      let mean = s.reduce(0, +) / Double(columns)
      let variance = s.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(columns)
      let inverse = 1 / (variance + Double(Self.epsilon)).squareRoot()
      inverses.append(inverse)
      for j in 0..<columns {
        normalised.append((s[j] - mean) * inverse)
        y.append((s[j] - mean) * inverse * Double(gain[j]) + Double(bias[j]))
      }
    }
    return (normalised, inverses, y)
  }

  public func referenceBackward(
    x: [Float], xStride: Int, r: [Float], gain: [Float], bias: [Float], dy: [Float]
  ) -> (ds: [Double], dGain: [Double], dBias: [Double]) {
    let forward = referenceForward(x: x, xStride: xStride, r: r, gain: gain, bias: bias)
    var ds: [Double] = []
    var dGain = [Double](repeating: 0, count: columns), dBias = dGain
    for row in 0..<rows {
      let n = Array(forward.normalised[row * columns..<(row + 1) * columns])
      let g = (0..<columns).map { Double(dy[row * columns + $0]) * Double(gain[$0]) }
      let mean = g.reduce(0, +) / Double(columns)
      let slope = zip(g, n).reduce(0) { $0 + $1.0 * $1.1 } / Double(columns)
      for j in 0..<columns {
        ds.append((g[j] - mean - n[j] * slope) * forward.inverseDeviation[row])
        dGain[j] += Double(dy[row * columns + j]) * n[j]
        dBias[j] += Double(dy[row * columns + j])
      }
    }
    return (ds, dGain, dBias)
  }
}
