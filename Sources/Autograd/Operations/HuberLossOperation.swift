/// The Q-learning loss: mean over the batch of importance weight × Huber(target − Q(s, a)), β = 1
/// (PyTorch's `smooth_l1_loss`).

public struct HuberLoss {
  public let loss: Float
  /// target − Q(s, a), [batch], valid until the tape is reset.
  public let tdErrors: UnsafeMutablePointer<Float>
}

struct HuberLossOperation: Operation {
  let q: Tensor
  let actions: UnsafePointer<Int32>
  let tdErrors: UnsafeMutablePointer<Float>
  let weights: UnsafePointer<Float>

  func pullback(_ tape: Tape) {
    guard let dq = q.gradient else { return }
    for row in 0..<q.rows {
      let slope = -max(-1, min(1, tdErrors[row]))
      dq[row * q.stride + Int(actions[row])] += slope * weights[row] / Float(q.rows)
    }
  }
}

extension Tape {
  /// q [batch, actions]; actions, targets, weights [batch]. Actions must be in range.
  public func huberLoss(
    q: Tensor, actions: UnsafePointer<Int32>, targets: UnsafePointer<Float>, weights: UnsafePointer<Float>
  ) -> HuberLoss {
    let tdErrors = floats(q.rows)
    var total: Float = 0
    for row in 0..<q.rows {
      let error = targets[row] - q[row, Int(actions[row])]
      tdErrors[row] = error
      let magnitude = abs(error)
      total += weights[row] * (magnitude < 1 ? 0.5 * error * error : magnitude - 0.5)
    }
    record(HuberLossOperation(q: q, actions: actions, tdErrors: tdErrors, weights: weights))
    return HuberLoss(loss: total / Float(q.rows), tdErrors: tdErrors)
  }
}
