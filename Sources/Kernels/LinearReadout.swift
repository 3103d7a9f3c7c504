/// What a learner knows before the forward pass: its loss reads one number off every row, linear in the row's vector,
///     Q_b = direction_b · y_b + offset_b,   loss = mean_b weight_b · ℓ(target_b − Q_b)
/// with ℓ quadratic up to `limit` and linear beyond (`Tape.tdLoss`).
/// Then the gradient of y_b is `slope(b) · direction_b`, known up to one scalar, and a kernel may prepare its gradients
/// while it computes y.
public struct LinearReadout: BitwiseCopyable {
  /// [rows, columns], dense.
  public var direction: UnsafePointer<Float>
  /// [rows] each.
  public var offset, targets, weights: UnsafePointer<Float>
  public var limit: Float
  public var rows: Int

  public init(
    direction: UnsafePointer<Float>, offset: UnsafePointer<Float>, targets: UnsafePointer<Float>,
    weights: UnsafePointer<Float>, limit: Float, rows: Int
  ) {
    (self.direction, self.offset, self.targets, self.weights) = (direction, offset, targets, weights)
    (self.limit, self.rows) = (limit, rows)
  }

  /// dLoss/dQ of one row.
  @inline(__always) func slope(_ row: Int, q: Float) -> Float {
    -weights[row] * max(-limit, min(limit, targets[row] - q)) / Float(rows)
  }
}
