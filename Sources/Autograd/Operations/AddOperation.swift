/// The sum of two matrices: a residual connection.
import Kernels

struct AddOperation: Operation {
  let a, b, y: Tensor

  func pullback(_ tape: Tape) {
    guard let dy = y.gradient else { return }
    for x in [a, b] {
      guard let (dx, accumulation) = x.gradientToWrite() else { continue }
      for row in 0..<y.rows {
        let from = dy + row * y.columns, to = dx + row * x.stride
        switch accumulation {
        case .overwrite: to.update(from: from, count: y.columns)
        case .add: Elementwise.sum(y.columns, to, from, into: to)
        }
      }
    }
  }
}

extension Tape {
  /// a, b [rows, columns], strided or not → a + b, dense.
  public func add(_ a: Tensor, _ b: Tensor) -> Tensor {
    precondition(a.rows == b.rows && a.columns == b.columns, "add: [\(a.rows), \(a.columns)] + [\(b.rows), \(b.columns)]")
    let y = tensor(rows: a.rows, columns: a.columns)
    for row in 0..<y.rows {
      Elementwise.sum(y.columns, a.values + row * a.stride, b.values + row * b.stride, into: y.values + row * y.columns)
    }
    record(AddOperation(a: a, b: b, y: y))
    return y
  }
}
