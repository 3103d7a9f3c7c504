/// One product's columns as two tensors: one way through the input for all of a layer's projections.

struct SplitOperation: Operation {
  let first, second: Tensor

  /// What nobody has written is zero.
  func pullback(_ tape: Tape) {
    _ = first.gradient
    _ = second.gradient
  }
}

extension Tape {
  /// x's columns before `column` and from there on: views of its values, each with a gradient of its own, which the first
  /// operation to write it overwrites. Nothing else may read x.
  public func split(_ x: Tensor, at column: Int) -> (Tensor, Tensor) {
    let first = x.part(columns: 0..<column, on: self), second = x.part(columns: column..<x.columns, on: self)
    x.countsAsWritten()
    record(SplitOperation(first: first, second: second))
    return (first, second)
  }
}
