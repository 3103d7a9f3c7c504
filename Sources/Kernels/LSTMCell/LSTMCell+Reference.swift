/// The plain twin of `LSTMCell`: the equations in nested loops, in Double.
import Foundation

extension LSTMCell {
  /// x [rows, inputs], h′ and c′ [rows, size], weights [4 size, inputs] and [4 size, size], bias [4 size].
  public func referenceForward(
    rows: Int, inputs: Int, x: [Float], hidden: [Float], previous: [Float], inputWeight: [Float], recurrentWeight: [Float],
    bias: [Float]
  ) -> (gates: [Double], c: [Double], h: [Double]) {
    var gates = [Double](repeating: 0, count: rows * 4 * size)
    var c = [Double](repeating: 0, count: rows * size), h = c
    for r in 0..<rows {
      for j in 0..<4 * size {
        var a = Double(bias[j])
        for k in 0..<inputs { a += Double(x[r * inputs + k]) * Double(inputWeight[j * inputs + k]) }
        for k in 0..<size { a += Double(hidden[r * size + k]) * Double(recurrentWeight[j * size + k]) }
        gates[r * 4 * size + j] = j / size == 2 ? Foundation.tanh(a) : 1 / (1 + Foundation.exp(-a))
      }
      for j in 0..<size {
        let (i, f, g, o) = unit(gates, r, j)
        c[r * size + j] = f * Double(previous[r * size + j]) + i * g
        h[r * size + j] = o * Foundation.tanh(c[r * size + j])
      }
    }
    return (gates, c, h)
  }

  /// Gradients of a and of c′, from those of h and, through the next step, of c.
  public func referenceBackward(
    rows: Int, gates: [Double], c: [Double], previous: [Float], dh: [Float], dc: [Float]
  ) -> (da: [Double], dPrevious: [Double]) {
    var da = gates, dPrevious = c
    for r in 0..<rows {
      for j in 0..<size {
        let (i, f, g, o) = unit(gates, r, j)
        let here = r * size + j, squashed = Foundation.tanh(c[here]), dHidden = Double(dh[here])
        let dCell = Double(dc[here]) + dHidden * o * (1 - squashed * squashed)
        let first = r * 4 * size + j
        da[first] = dCell * g * i * (1 - i)
        da[first + size] = dCell * Double(previous[here]) * f * (1 - f)
        da[first + 2 * size] = dCell * i * (1 - g * g)
        da[first + 3 * size] = dHidden * squashed * o * (1 - o)
        dPrevious[here] = dCell * f
      }
    }
    return (da, dPrevious)
  }

  private func unit(_ gates: [Double], _ r: Int, _ j: Int) -> (i: Double, f: Double, g: Double, o: Double) {
    let first = r * 4 * size + j
    return (gates[first], gates[first + size], gates[first + 2 * size], gates[first + 3 * size])
  }
}
