/// y = a + b: a residual connection.
import Kernels

struct AddOperation: Operation {
  let a, b, y: Tensor

  func pullback(_ tape: Tape) {
    guard let dy = y.gradient else { return }
    for term in [a, b] {
      guard let (target, accumulation) = term.gradientToWrite() else { continue }
      for row in 0..<y.rows {
        let d = dy + row * y.stride, target = target + row * term.stride
        switch accumulation {
        case .overwrite: target.update(from: d, count: y.columns)
        case .add: Elementwise.sum(y.columns, target, d, into: target)
        }
      }
    }
  }
}

extension Tape {
  /// a, b [rows, columns] → the same, dense.
  public func add(_ a: Tensor, _ b: Tensor) -> Tensor {
    precondition(a.rows == b.rows && a.columns == b.columns, "add: [\(a.rows), \(a.columns)] + [\(b.rows), \(b.columns)]")
    let y = tensor(rows: a.rows, columns: a.columns)
    for row in 0..<a.rows {
      Elementwise.sum(a.columns, a.values + row * a.stride, b.values + row * b.stride, into: y.values + row * y.stride)
    }
    record(AddOperation(a: a, b: b, y: y))
    return y
  }
}
