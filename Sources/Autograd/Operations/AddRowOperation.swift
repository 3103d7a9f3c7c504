/// The same row added to every row: positions added to windows.
import Kernels

struct AddRowOperation: Operation {
  let x, row, y: Tensor

  func pullback(_ tape: Tape) {
    guard let dy = y.gradient else { return }
    Activation.none.backward(rows: y.rows, columns: y.columns, y: y.values, dy: dy, dBias: row.gradient)
    x.receive(dy)
  }
}

extension Tape {
  /// x [batch × time, feature], dense, and row [1, time × feature], one for all windows → the shape of x.
  public func addRow(_ x: Tensor, _ row: Tensor) -> Tensor {
    let count = x.rows * x.columns
    precondition(x.isDense && row.rows == 1 && count % row.columns == 0, "addRow: \(count) floats, rows of \(row.columns)")
    let y = tensor(rows: x.rows, columns: x.columns)
    y.values.update(from: x.values, count: count)
    let windows = y.reshaped(rows: count / row.columns)
    Activation.none.forward(rows: windows.rows, columns: windows.columns, bias: row.values, y: y.values)
    record(AddRowOperation(x: x, row: row, y: windows))
    return y
  }
}
