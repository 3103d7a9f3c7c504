/// The states of a recurrence at every position, and what each position finds before it: the state of the position before,
/// the one the sequence began from, or zeros where an episode begins.
import Kernels

public struct RecurrentStates: BitwiseCopyable {
  public let shape: SequenceShape
  public let size: Int
  /// [batch × time, size], dense: the state after each position.
  public let values: UnsafeMutablePointer<Float>
  /// [batch, size]; nil is zero.
  public let initial: Tensor?

  public init(_ values: UnsafeMutablePointer<Float>, _ shape: SequenceShape, size: Int, initial: Tensor?) {
    (self.values, self.shape, self.size, self.initial) = (values, shape, size, initial)
  }

  /// Rows one position apart in time of all sequences: where those of position t begin. They are `stride` apart.
  public func at(_ t: Int) -> UnsafeMutablePointer<Float> { values + t * size }
  public var stride: Int { shape.time * size }

  /// What position t finds, copied to `scratch` [batch, size], or nil where that is zero for all sequences. A copy,
  /// as `SequenceShape.copyRows` makes them.
  public func before(_ t: Int, copiedTo scratch: UnsafeMutablePointer<Float>) -> UnsafePointer<Float>? {
    let found: (rows: UnsafePointer<Float>, stride: Int)? =
      t > 0 ? (UnsafePointer(at(t - 1)), stride) : initial.map { (UnsafePointer($0.values), $0.stride) }
    guard let found else { return nil }
    for b in 0..<shape.batch {
      if begins(b, t) {
        (scratch + b * size).update(repeating: 0, count: size)
      } else {
        (scratch + b * size).update(from: found.rows + b * found.stride, count: size)
      }
    }
    return UnsafePointer(scratch)
  }

  /// What every position finds, [batch × time, size]: beside the gradients of the pre-activations it gives those of the
  /// recurrent weight in one product.
  public func allBefore(on tape: Tape) -> UnsafeMutablePointer<Float> {
    let result = tape.floats(shape.rows * size)
    for b in 0..<shape.batch {
      let first = b * shape.time
      (result + (first + 1) * size).update(from: values + first * size, count: (shape.time - 1) * size)
      if let initial {
        (result + first * size).update(from: initial.values + b * initial.stride, count: size)
      } else {
        (result + first * size).update(repeating: 0, count: size)
      }
      guard shape.begins != nil else { continue }
      for row in first..<first + shape.time where shape.beginsEpisode(row) {
        (result + row * size).update(repeating: 0, count: size)
      }
    }
    return result
  }

  /// The state after the last position, a constant.
  public var last: Tensor { Tensor(data: at(shape.time - 1), rows: shape.batch, columns: size, stride: stride) }

  /// Sets the rows [batch, size] of sequences in which an episode begins at t to zero: no gradient goes back past it.
  public func clearBeginnings(_ t: Int, _ rows: UnsafeMutablePointer<Float>) {
    for b in 0..<shape.batch where begins(b, t) { (rows + b * size).update(repeating: 0, count: size) }
  }

  /// Adds the gradient [batch, size] of what position 0 finds to that of the initial state.
  public func addToInitial(_ gradient: UnsafePointer<Float>) {
    guard let initial, let target = initial.gradient else { return }
    for b in 0..<shape.batch {
      let row = target + b * initial.stride
      Elementwise.sum(size, row, gradient + b * size, into: row)
    }
  }

  private func begins(_ b: Int, _ t: Int) -> Bool { shape.beginsEpisode(b * shape.time + t) }
}
