/// A dueling head's Q-values (Wang et al. 2016, eq. 9): Q(s, a) = V(s) + A(s, a) − mean over a′ of A(s, a′).

struct DuelingOperation: Operation {
  let value, advantage, q: Tensor

  func pullback(_ tape: Tape) {
    guard let dq = q.gradient else { return }
    let dValue = value.gradient, dAdvantage = advantage.gradient
    for row in 0..<q.rows {
      var total: Float = 0
      for action in 0..<q.columns { total += dq[row * q.stride + action] }
      dValue?[row * value.stride] += total
      guard let dAdvantage else { continue }
      let mean = total / Float(q.columns)
      for action in 0..<q.columns { dAdvantage[row * advantage.stride + action] += dq[row * q.stride + action] - mean }
    }
  }
}

extension Tape {
  /// value [rows, 1], advantage [rows, actions] → Q-values [rows, actions].
  public func dueling(value: Tensor, advantage: Tensor) -> Tensor {
    precondition(
      value.columns == 1 && value.rows == advantage.rows,
      "dueling: value [\(value.rows), \(value.columns)], advantage [\(advantage.rows), \(advantage.columns)]")
    let q = tensor(rows: advantage.rows, columns: advantage.columns)
    for row in 0..<q.rows {
      var total: Float = 0
      for action in 0..<q.columns { total += advantage[row, action] }
      let shift = value[row, 0] - total / Float(q.columns)
      for action in 0..<q.columns { q.values[row * q.stride + action] = advantage[row, action] + shift }
    }
    record(DuelingOperation(value: value, advantage: advantage, q: q))
    return q
  }
}
