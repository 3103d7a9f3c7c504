/// A view as a dense tensor of its own: for operations that read dense rows.
import Kernels

struct CopyOperation: Operation {
  let x, y: Tensor

  func pullback(_ tape: Tape) {
    guard let dy = y.gradient, let dx = x.gradient else { return }
    for row in 0..<y.rows {
      Elementwise.sum(y.columns, dx + row * x.stride, dy + row * y.columns, into: dx + row * x.stride)
    }
  }
}

extension Tape {
  /// x itself where it is dense. A constant stays one.
  public func dense(_ x: Tensor) -> Tensor {
    if x.isDense { return x }
    let y = x.isDifferentiated ? tensor(rows: x.rows, columns: x.columns) : constant(rows: x.rows, columns: x.columns)
    y.copyValues(of: x)
    if x.isDifferentiated { record(CopyOperation(x: x, y: y)) }
    return y
  }
}
