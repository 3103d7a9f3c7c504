/// Acting: a window that slides on moves every token to another position, so what positions touch must be computed anew.
/// The first layer's projections are linear: a token's own part is kept, its position's part is known beforehand.
import Autograd
import Kernels

public final class TransformerWindow: SlidingWindow {
  private let transformer: Transformer
  private let tape = Tape()
  /// In a ring: tokens [time, size], and their projections without bias and position [time, 3 size].
  private let tokens, projections: Buffer
  /// What position p adds to a projection, bias included [time, 3 size].
  private let positionProjections: Buffer
  private var pushed = 0

  public init(_ transformer: Transformer) {
    self.transformer = transformer
    tokens = Buffer(count: transformer.time * transformer.size)
    projections = Buffer(count: transformer.time * 3 * transformer.size)
    positionProjections = Buffer(count: transformer.time * 3 * transformer.size)
    reset()
  }

  public func reset() {
    let attention = transformer.layers[0].attention, size = transformer.size
    MatrixVector.apply(
      rows: 3 * size, columns: size, weight: attention.inWeight.pointer, stride: size,
      bias: attention.inBias.pointer, count: transformer.time, x: transformer.positions.pointer, xStride: size,
      y: positionProjections.pointer, yStride: 3 * size)
    for buffer in [tokens, projections] { buffer.pointer.update(repeating: 0, count: buffer.count) }
    pushed = 0
  }

  public func push(_ features: UnsafePointer<Float>) -> UnsafeMutablePointer<Float> {
    let size = transformer.size, time = transformer.time, slot = pushed % time
    (tokens.pointer + slot * size).update(from: features, count: size)
    MatrixVector.apply(
      rows: 3 * size, columns: size, weight: transformer.layers[0].attention.inWeight.pointer, stride: size, bias: nil,
      x: features, y: projections.pointer + slot * 3 * size)
    pushed += 1

    tape.reset()
    return tape.withoutGradient {
      let x = tape.tensor(rows: time, columns: size), queries = tape.tensor(rows: time, columns: size)
      let keysAndValues = tape.tensor(rows: time, columns: 2 * size)
      let positions = transformer.positions.pointer
      for position in 0..<time {
        let slot = (pushed + position) % time
        let own = projections.pointer + slot * 3 * size, added = positionProjections.pointer + position * 3 * size
        Elementwise.sum(size, tokens.pointer + slot * size, positions + position * size, into: x.values + position * size)
        Elementwise.sum(size, own, added, into: queries.values + position * size)
        Elementwise.sum(2 * size, own + size, added + size, into: keysAndValues.values + position * 2 * size)
      }
      let first = transformer.layers[0].finish(x, queries: queries, keysAndValues: keysAndValues, time: time, on: tape)
      return transformer.run(first, from: 1, on: tape).values
    }
  }
}
