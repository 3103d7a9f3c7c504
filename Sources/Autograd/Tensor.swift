import Kernels

/// A matrix of floats that somebody else owns: a tape's arena, a parameter, or the caller's batch. Windows
/// [batch, time, feature] are matrices of batch × time rows. A tensor from a tape is valid until the tape is reset.
public struct Tensor: BitwiseCopyable {
  public let values: UnsafeMutablePointer<Float>
  private let gradientStorage: UnsafeMutablePointer<Float>?
  /// Whether the tape's tensor of which this is a view has had nothing added to its gradient yet; nil for a parameter.
  private let freshness: UnsafeMutablePointer<Freshness>?
  public let rows: Int
  public let columns: Int
  /// Floats from one row to the next.
  public let stride: Int

  /// Gradients of activations are not zeroed beforehand: the first operation to write one overwrites it where it can.
  struct Freshness: BitwiseCopyable {
    var isFresh = true
    let start: UnsafeMutablePointer<Float>
    let rows, columns, stride: Int

    func fillWithZeros() {
      if stride == columns { return start.update(repeating: 0, count: rows * columns) }
      for row in 0..<rows { (start + row * stride).update(repeating: 0, count: columns) }
    }
  }

  /// A parameter: its gradient is somebody else's to zero.
  public init(
    values: UnsafeMutablePointer<Float>, gradient: UnsafeMutablePointer<Float>?, rows: Int, columns: Int, stride: Int? = nil
  ) {
    self.init(
      values: values, gradientStorage: gradient, freshness: nil, rows: rows, columns: columns, stride: stride ?? columns)
  }

  init(
    values: UnsafeMutablePointer<Float>, gradientStorage: UnsafeMutablePointer<Float>?,
    freshness: UnsafeMutablePointer<Freshness>?, rows: Int, columns: Int, stride: Int
  ) {
    (self.values, self.gradientStorage, self.freshness) = (values, gradientStorage, freshness)
    (self.rows, self.columns, self.stride) = (rows, columns, stride)
  }

  /// Whether a gradient is wanted.
  public var isDifferentiated: Bool { gradientStorage != nil }

  /// The gradient, to be read or added to: same shape and stride as `values`; nil where none is wanted.
  public var gradient: UnsafeMutablePointer<Float>? {
    if let freshness, freshness.pointee.isFresh {
      freshness.pointee.fillWithZeros()
      freshness.pointee.isFresh = false
    }
    return gradientStorage
  }

  /// The gradient for an operation that writes all of it, and whether to overwrite or to add.
  public func gradientToWrite() -> (UnsafeMutablePointer<Float>, Accumulation)? {
    guard let gradientStorage else { return nil }
    if let freshness, freshness.pointee.isFresh, freshness.pointee.rows * freshness.pointee.columns == rows * columns {
      freshness.pointee.isFresh = false
      return (gradientStorage, .overwrite)
    }
    return gradient.map { ($0, .add) }
  }

  /// Its gradient, where one is wanted, gets `dy`, of its own shape, dense.
  func receive(_ dy: UnsafePointer<Float>) {
    guard let (dx, accumulation) = gradientToWrite() else { return }
    switch accumulation {
    case .overwrite: dx.update(from: dy, count: rows * columns)
    case .add: Elementwise.sum(rows * columns, dx, dy, into: dx)
    }
  }

  /// As `gradient`, for a pullback that computes the gradients of several inputs together: zeros to be thrown away where
  /// none is wanted, so that one constant input does not cost the others theirs.
  public func gradient(orScratchOn tape: Tape) -> UnsafeMutablePointer<Float> {
    if let gradient { return gradient }
    let scratch = tape.floats(rows * stride)
    scratch.update(repeating: 0, count: rows * stride)
    return scratch
  }

  /// As `gradientToWrite`, to be thrown away where none is wanted.
  public func gradientToWrite(orScratchOn tape: Tape) -> (UnsafeMutablePointer<Float>, Accumulation) {
    gradientToWrite() ?? (tape.floats(rows * stride), .overwrite)
  }

  /// Some of its columns as a tensor of its own, whose gradient counts as zero; the rest's is somebody else's affair.
  func part(columns range: Range<Int>, on tape: Tape) -> Tensor {
    let view = columns(range)
    guard let freshness, freshness.pointee.isFresh, let gradient = view.gradientStorage else { return view }
    return Tensor(
      values: view.values, gradientStorage: gradient,
      freshness: tape.freshness(.init(start: gradient, rows: rows, columns: range.count, stride: stride)), rows: rows,
      columns: range.count, stride: stride)
  }
  func countsAsWritten() { freshness?.pointee.isFresh = false }

  /// Somebody's data, of which no gradient is wanted.
  public init(data: UnsafePointer<Float>, rows: Int, columns: Int, stride: Int? = nil) {
    self.init(values: UnsafeMutablePointer(mutating: data), gradient: nil, rows: rows, columns: columns, stride: stride)
  }

  public var isDense: Bool { stride == columns }

  public func rows(_ range: Range<Int>) -> Tensor {
    precondition(range.upperBound <= rows, "rows \(range) of \(rows)")
    return view(offset: range.lowerBound * stride, rows: range.count, columns: columns, stride: stride)
  }

  public func columns(_ range: Range<Int>) -> Tensor {
    precondition(range.upperBound <= columns, "columns \(range) of \(columns)")
    return view(offset: range.lowerBound, rows: rows, columns: range.count, stride: stride)
  }

  /// [batch × time, feature] → the last position of every window, [batch, feature].
  public func lastPosition(time: Int) -> Tensor {
    precondition(rows % time == 0, "\(rows) rows are no whole windows of \(time)")
    return view(offset: (time - 1) * stride, rows: rows / time, columns: columns, stride: time * stride)
  }

  /// The same floats, row after row, in `rows` rows. Dense tensors only.
  public func reshaped(rows: Int) -> Tensor {
    precondition(isDense && self.rows * columns % rows == 0, "[\(self.rows), \(columns)] in \(rows) rows")
    let columns = self.rows * columns / rows
    return view(offset: 0, rows: rows, columns: columns, stride: columns)
  }

  private func view(offset: Int, rows: Int, columns: Int, stride: Int) -> Tensor {
    Tensor(
      values: values + offset, gradientStorage: gradientStorage.map { $0 + offset }, freshness: freshness, rows: rows,
      columns: columns, stride: stride)
  }

  /// The values alone, row by row; both are of one shape.
  public func copyValues(of other: Tensor) {
    precondition(
      other.rows == rows && other.columns == columns, "[\(other.rows), \(other.columns)] into [\(rows), \(columns)]")
    for row in 0..<rows { (values + row * stride).update(from: other.values + row * other.stride, count: columns) }
  }

  /// The values as an array, [rows, columns] row-major.
  public var elements: [Float] {
    var all: [Float] = []
    all.reserveCapacity(rows * columns)
    for row in 0..<rows { all += UnsafeBufferPointer(start: values + row * stride, count: columns) }
    return all
  }

  public subscript(row: Int, column: Int) -> Float { values[row * stride + column] }
}
