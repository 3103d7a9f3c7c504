/// Acting: the LSTM's last hidden state while its window slides on by one token. A window starts from a zero state, so every
/// start that is still in the window has a state of its own; all of them take the new token in one product, with the token's
/// own projection computed once. Exact: what the full window computes, without its work on older tokens' features and inputs.
import Autograd
import Kernels

public final class LSTMWindow: SlidingWindow {
  private let lstm: LSTM.Level
  private let time: Int
  private let cell: LSTMCell
  private let packed, bias, projection: Buffer
  /// [time, hiddenSize] each: row r is the state of the window start that has seen r + 1 tokens.
  private var now, next: (h: Buffer, c: Buffer)

  /// Of an LSTM of one layer.
  public init(_ lstm: LSTM, time: Int) {
    precondition(lstm.levels.count == 1, "a window of an LSTM of \(lstm.levels.count) layers")
    self.lstm = lstm.levels[0]
    self.time = time
    let size = lstm.hiddenSize
    cell = LSTMCell(size: size)
    packed = Buffer(count: cell.packedCount(inputs: size))
    (bias, projection) = (Buffer(count: 4 * size), Buffer(count: 4 * size))
    now = (Buffer(count: time * size), Buffer(count: time * size))
    next = (Buffer(count: time * size), Buffer(count: time * size))
    reset()
  }

  public func reset() {
    cell.pack(lstm.recurrentWeight.pointer, inputs: lstm.hiddenSize, into: packed.pointer)
    for i in 0..<bias.count { bias.pointer[i] = lstm.inputBias.values[i] + lstm.recurrentBias.values[i] }
    for buffer in [now.h, now.c] { buffer.pointer.update(repeating: 0, count: buffer.count) }
  }

  public func push(_ features: UnsafePointer<Float>) -> UnsafeMutablePointer<Float> {
    let size = lstm.hiddenSize
    MatrixVector.apply(
      rows: 4 * size, columns: lstm.inputSize, weight: lstm.inputWeight.pointer, stride: lstm.inputSize,
      bias: bias.pointer, x: features, y: projection.pointer)
    step(rows: 1, from: nil, to: 0)
    step(rows: time - 1, from: now, to: size)
    swap(&now, &next)
    return now.h.pointer + (time - 1) * size
  }

  private func step(rows: Int, from state: (h: Buffer, c: Buffer)?, to offset: Int) {
    let size = lstm.hiddenSize
    cell.forward(
      rows: rows, bias: projection.pointer, x: nil,
      hidden: state.map { .init($0.h.pointer, stride: size, inputs: size, packed: packed.pointer) },
      previous: state.map { UnsafePointer($0.c.pointer) }, c: next.c.pointer + offset, cStride: size,
      h: next.h.pointer + offset, hStride: size, gates: nil, gateStride: 0)
  }
}
