/// The Q-learning loss: mean over the rows of importance weight × ℓ(target − Q(s, a)), where ℓ is ½δ² up to `limit` and
/// linear beyond: 1 is Huber's loss (PyTorch's `smooth_l1_loss`), ∞ half the squared error.

public struct TDLoss {
  public let loss: Float
  /// target − Q(s, a), [rows], valid until the tape is reset.
  public let tdErrors: UnsafeMutablePointer<Float>
}

struct TDLossOperation: Operation {
  let q: Tensor
  let actions: UnsafePointer<Int32>
  let tdErrors: UnsafeMutablePointer<Float>
  let weights: UnsafePointer<Float>
  let limit: Float
  /// What the sum is divided by.
  let count: Float

  func pullback(_ tape: Tape) {
    guard let dq = q.gradient else { return }
    for row in 0..<q.rows {
      let slope = -max(-limit, min(limit, tdErrors[row]))
      dq[row * q.stride + Int(actions[row])] += slope * weights[row] / count
    }
  }
}

extension Tape {
  /// q [rows, actions]; actions, targets, weights [rows]. Actions must be in range. A row of weight 0 takes no part; `count`
  /// is then the number of rows that do.
  public func tdLoss(
    q: Tensor, actions: UnsafePointer<Int32>, targets: UnsafePointer<Float>, weights: UnsafePointer<Float>, limit: Float,
    count: Int? = nil
  ) -> TDLoss {
    let tdErrors = floats(q.rows)
    var total: Float = 0
    for row in 0..<q.rows {
      let error = targets[row] - q[row, Int(actions[row])]
      tdErrors[row] = error
      let magnitude = abs(error)
      total += weights[row] * (magnitude < limit ? 0.5 * error * error : limit * (magnitude - 0.5 * limit))
    }
    let count = Float(count ?? q.rows)
    record(TDLossOperation(q: q, actions: actions, tdErrors: tdErrors, weights: weights, limit: limit, count: count))
    return TDLoss(loss: total / count, tdErrors: tdErrors)
  }
}
