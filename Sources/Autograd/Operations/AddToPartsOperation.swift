/// A row's own numbers added to each of its parts, and an activation.
import Kernels

struct AddToPartsOperation: Operation {
  let x, row, y: Tensor
  let activation: Activation

  func pullback(_ tape: Tape) {
    guard let dy = y.gradient else { return }
    let count = y.rows / row.rows, dRow = row.gradient
    for index in 0..<row.rows {
      let first = index * count * y.columns
      activation.backward(
        rows: count, columns: y.columns, y: y.values + first, dy: dy + first, dBias: dRow.map { $0 + index * row.stride })
    }
    x.receive(dy)
  }
}

extension Tape {
  /// x [rows × parts, width], dense, and row [rows, width] → activation(x + its row), the shape of x.
  public func addToParts(_ x: Tensor, _ row: Tensor, activation: Activation) -> Tensor {
    precondition(
      x.isDense && x.columns == row.columns && row.rows > 0 && x.rows % row.rows == 0,
      "addToParts: [\(x.rows), \(x.columns)] and [\(row.rows), \(row.columns)]")
    let y = tensor(rows: x.rows, columns: x.columns), count = x.rows / row.rows
    y.values.update(from: x.values, count: x.rows * x.columns)
    for index in 0..<row.rows {
      activation.forward(
        rows: count, columns: x.columns, bias: row.values + index * row.stride, y: y.values + index * count * x.columns)
    }
    record(AddToPartsOperation(x: x, row: row, y: y, activation: activation))
    return y
  }
}
