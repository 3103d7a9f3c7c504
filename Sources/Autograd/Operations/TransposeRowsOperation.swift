/// Rows in another order: positions of parts become parts of positions, or back.
import Kernels

struct TransposeRowsOperation: Operation {
  let x, y: Tensor
  let outer, inner: Int

  func pullback(_ tape: Tape) {
    guard let dy = y.gradient, let dx = x.gradient else { return }
    Self.forEachRow(x.rows, outer: outer, inner: inner) { from, to in
      Elementwise.sum(x.columns, dx + from * x.stride, dy + to * y.stride, into: dx + from * x.stride)
    }
  }

  /// Row (b, o, i) of the one is row (b, i, o) of the other.
  static func forEachRow(_ rows: Int, outer: Int, inner: Int, _ body: (_ from: Int, _ to: Int) -> Void) {
    for first in Swift.stride(from: 0, to: rows, by: outer * inner) {
      for o in 0..<outer {
        for i in 0..<inner { body(first + o * inner + i, first + i * outer + o) }
      }
    }
  }
}

extension Tape {
  /// x [batch × outer × inner, width] → [batch × inner × outer, width].
  public func transposeRows(_ x: Tensor, outer: Int, inner: Int) -> Tensor {
    precondition(outer > 0 && inner > 0 && x.rows % (outer * inner) == 0, "\(x.rows) rows are not batches of \(outer) × \(inner)")
    if outer == 1 || inner == 1 { return x }
    let y = tensor(rows: x.rows, columns: x.columns)
    TransposeRowsOperation.forEachRow(x.rows, outer: outer, inner: inner) { from, to in
      (y.values + to * y.stride).update(from: x.values + from * x.stride, count: x.columns)
    }
    record(TransposeRowsOperation(x: x, y: y, outer: outer, inner: inner))
    return y
  }
}
