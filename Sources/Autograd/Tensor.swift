/// A matrix of floats that somebody else owns: a tape's arena, a parameter, or the caller's batch. Windows
/// [batch, time, feature] are matrices of batch × time rows. A tensor from a tape is valid until the tape is reset.
public struct Tensor: BitwiseCopyable {
  public let values: UnsafeMutablePointer<Float>
  /// Same shape and stride as `values`; nil where no gradient is wanted. Operations add into it.
  public let gradient: UnsafeMutablePointer<Float>?
  public let rows: Int
  public let columns: Int
  /// Floats from one row to the next.
  public let stride: Int

  public init(
    values: UnsafeMutablePointer<Float>, gradient: UnsafeMutablePointer<Float>?, rows: Int, columns: Int, stride: Int? = nil
  ) {
    self.values = values
    self.gradient = gradient
    self.rows = rows
    self.columns = columns
    self.stride = stride ?? columns
  }

  /// Somebody's data, of which no gradient is wanted.
  public init(data: UnsafePointer<Float>, rows: Int, columns: Int, stride: Int? = nil) {
    self.init(values: UnsafeMutablePointer(mutating: data), gradient: nil, rows: rows, columns: columns, stride: stride)
  }

  public var isDense: Bool { stride == columns }

  public func rows(_ range: Range<Int>) -> Tensor {
    precondition(range.upperBound <= rows, "rows \(range) of \(rows)")
    return Tensor(
      values: values + range.lowerBound * stride, gradient: gradient.map { $0 + range.lowerBound * stride },
      rows: range.count, columns: columns, stride: stride)
  }

  public func columns(_ range: Range<Int>) -> Tensor {
    precondition(range.upperBound <= columns, "columns \(range) of \(columns)")
    return Tensor(
      values: values + range.lowerBound, gradient: gradient.map { $0 + range.lowerBound }, rows: rows,
      columns: range.count, stride: stride)
  }

  /// [batch × time, feature] → the last position of every window, [batch, feature].
  public func lastPosition(time: Int) -> Tensor {
    precondition(rows % time == 0, "\(rows) rows are no whole windows of \(time)")
    return Tensor(
      values: values + (time - 1) * stride, gradient: gradient.map { $0 + (time - 1) * stride }, rows: rows / time,
      columns: columns, stride: time * stride)
  }

  public subscript(row: Int, column: Int) -> Float { values[row * stride + column] }
}
