/// The plain twin of `LSTMCell`: the equations in nested loops, in Double.
import Foundation

extension LSTMCell {
  /// a [rows, 4 size] with biases added; previous [rows, size].
  public func referenceForward(
    rows: Int, a: [Double], previous: [Double]
  ) -> (gates: [Double], c: [Double], h: [Double]) {
    var gates = a, c = previous, h = previous
    for r in 0..<rows {
      for j in 0..<size {
        func at(_ gate: Int) -> Int { (r * 4 + gate) * size + j }
        for gate in [0, 1, 3] { gates[at(gate)] = 1 / (1 + Foundation.exp(-a[at(gate)])) }
        gates[at(2)] = Foundation.tanh(a[at(2)])
        c[r * size + j] = gates[at(1)] * previous[r * size + j] + gates[at(0)] * gates[at(2)]
        h[r * size + j] = gates[at(3)] * Foundation.tanh(c[r * size + j])
      }
    }
    return (gates, c, h)
  }

  /// Gradients of a and of the cell before, from those of h and, through the next step, of c.
  public func referenceBackward(
    rows: Int, a: [Double], previous: [Double], dh: [Double], dc: [Double]
  ) -> (da: [Double], dPrevious: [Double]) {
    let (gates, c, _) = referenceForward(rows: rows, a: a, previous: previous)
    var da = a, dPrevious = previous
    for r in 0..<rows {
      for j in 0..<size {
        func at(_ gate: Int) -> Int { (r * 4 + gate) * size + j }
        let here = r * size + j
        let i = gates[at(0)], f = gates[at(1)], g = gates[at(2)], o = gates[at(3)], squashed = Foundation.tanh(c[here])
        let dCell = dc[here] + dh[here] * o * (1 - squashed * squashed)
        da[at(0)] = dCell * g * i * (1 - i)
        da[at(1)] = dCell * previous[here] * f * (1 - f)
        da[at(2)] = dCell * i * (1 - g * g)
        da[at(3)] = dh[here] * squashed * o * (1 - o)
        dPrevious[here] = dCell * f
      }
    }
    return (da, dPrevious)
  }
}
