/// An LSTM at all positions, from any state. The inputs' product is one for all positions; what is left to a step is the
/// product with h′, of all sequences at once. Backwards the steps leave the gradients of all pre-activations; one product
/// each then gives those of x, W_ih and W_hh. (LSTMOperation is the window from zero, of which only the end is wanted.)
import Kernels

struct LSTMSequenceOperation: Operation {
  let x, inputWeight, recurrentWeight, inputBias, recurrentBias, y: Tensor
  let hidden, cells: RecurrentStates
  /// i, f, g, o [batch × time, 4 size]; the pullback makes them gradients of pre-activations.
  let gates: UnsafeMutablePointer<Float>

  func pullback(_ tape: Tape) {
    guard let dy = y.gradient else { return }
    let shape = hidden.shape, size = hidden.size, batch = shape.batch, time = shape.time, width = 4 * size
    let dh = tape.floats(batch * size), dc = tape.floats(batch * size), dBias = tape.floats(width)
    let scratch = tape.floats(batch * size), step = tape.floats(batch * width)
    let recurrence = PackedProduct(inputs: width, outputs: size), packed = tape.floats(recurrence.packedCount)
    recurrence.pack(recurrentWeight.values, into: packed)
    dc.update(repeating: 0, count: batch * size)
    dBias.update(repeating: 0, count: width)
    for b in 0..<batch { (dh + b * size).update(from: dy + (b * time + time - 1) * size, count: size) }
    for t in stride(from: time - 1, through: 0, by: -1) {
      shape.copyRows(at: t, of: gates, width: width, to: step)
      LSTMCell(size: size).backward(
        rows: batch, gates: step, gateStride: width, previous: cells.before(t, copiedTo: scratch), previousStride: size,
        c: cells.at(t), cStride: cells.stride, dh: dh, dc: dc, dBias: dBias)
      shape.copyRows(step, width: width, to: gates, at: t)
      if t == 0 && hidden.initial == nil { break }
      recurrence.apply(
        rows: batch, a: step, aStride: width, packed: packed, start: nil, startStride: 0, c: dh, cStride: size)
      hidden.clearBeginnings(t, dh)
      cells.clearBeginnings(t, dc)
      guard t > 0 else { break }
      for b in 0..<batch { Elementwise.sum(size, dh + b * size, dy + (b * time + t - 1) * size, into: dh + b * size) }
    }
    hidden.addToInitial(dh)
    cells.addToInitial(dc)
    for bias in [inputBias, recurrentBias] {
      if let gradient = bias.gradient { Elementwise.sum(width, gradient, dBias, into: gradient) }
    }
    if let dRecurrentWeight = recurrentWeight.gradient {
      GEMM.transposedTimes(
        m: width, n: size, k: shape.rows, a: gates, aStride: width, b: hidden.allBefore(on: tape), bStride: size,
        c: dRecurrentWeight, cStride: size, .add)
    }
    if let dInputWeight = inputWeight.gradient {
      GEMM.transposedTimes(
        m: width, n: x.columns, k: shape.rows, a: gates, aStride: width, b: x.values, bStride: x.stride, c: dInputWeight,
        cStride: x.columns, .add)
    }
    if let (dx, accumulation) = x.gradientToWrite() {
      GEMM.times(
        m: x.rows, n: x.columns, k: width, a: gates, aStride: width, b: inputWeight.values, bStride: x.columns, c: dx,
        cStride: x.stride, accumulation)
    }
  }
}

extension Tape {
  /// x [batch × time, inputs]; weights [4 size, inputs] and [4 size, size], biases [1, 4 size], gates in PyTorch's order i, f,
  /// g, o; the state begun from, h and c [batch, size], nil for zeros → h at every position [batch × time, size], and the c
  /// after the last one [batch, size], a constant.
  public func lstm(
    _ x: Tensor, _ shape: SequenceShape, inputWeight: Tensor, recurrentWeight: Tensor, inputBias: Tensor,
    recurrentBias: Tensor, hidden: Tensor?, cell: Tensor?
  ) -> (output: Tensor, cell: Tensor) {
    let size = recurrentWeight.columns, width = 4 * size, batch = shape.batch, time = shape.time
    precondition(
      time > 0 && x.rows == shape.rows && x.columns == inputWeight.columns && inputWeight.rows == width
        && recurrentWeight.rows == width,
      "lstm: x [\(x.rows), \(x.columns)] in \(batch) sequences of \(time), weights [\(inputWeight.rows), "
        + "\(inputWeight.columns)] and [\(recurrentWeight.rows), \(size)]")
    let y = tensor(rows: shape.rows, columns: size)
    let h = RecurrentStates(y.values, shape, size: size, initial: hidden)
    let c = RecurrentStates(floats(shape.rows * size), shape, size: size, initial: cell)
    let kernel = LSTMCell(size: size), gates = floats(shape.rows * width), bias = floats(width)
    Elementwise.sum(width, inputBias.values, recurrentBias.values, into: bias)
    project(x, inputWeight, bias: bias, into: gates)
    let recurrence = PackedProduct(inputs: size, outputs: width), packed = floats(recurrence.packedCount)
    recurrence.pack(transposed: recurrentWeight.values, into: packed)
    let (olderH, olderC, step) = (floats(batch * size), floats(batch * size), floats(batch * width))
    for t in 0..<time {
      shape.copyRows(at: t, of: gates, width: width, to: step)
      if let before = h.before(t, copiedTo: olderH) {
        recurrence.apply(
          rows: batch, a: before, aStride: size, packed: packed, start: step, startStride: width, c: step, cStride: width)
      }
      kernel.activate(
        rows: batch, gates: step, gateStride: width, previous: c.before(t, copiedTo: olderC), previousStride: size,
        c: c.at(t), cStride: c.stride, h: h.at(t), hStride: h.stride)
      shape.copyRows(step, width: width, to: gates, at: t)
    }
    record(
      LSTMSequenceOperation(
        x: x, inputWeight: inputWeight, recurrentWeight: recurrentWeight, inputBias: inputBias, recurrentBias: recurrentBias,
        y: y, hidden: h, cells: c, gates: gates))
    return (y, c.last)
  }
}
