/// y = factor · x.

struct ScaleOperation: Operation {
  let x, y: Tensor
  let factor: Float

  func pullback(_ tape: Tape) {
    guard let dy = y.gradient, let dx = x.gradient else { return }
    for row in 0..<y.rows {
      for i in 0..<y.columns { dx[row * x.stride + i] += factor * dy[row * y.stride + i] }
    }
  }
}

extension Tape {
  /// x [rows, columns] → the same, dense.
  public func scale(_ x: Tensor, by factor: Float) -> Tensor {
    let y = tensor(rows: x.rows, columns: x.columns)
    for row in 0..<x.rows {
      for i in 0..<x.columns { y.values[row * y.stride + i] = factor * x[row, i] }
    }
    record(ScaleOperation(x: x, y: y, factor: factor))
    return y
  }
}
