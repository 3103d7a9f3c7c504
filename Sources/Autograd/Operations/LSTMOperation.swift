/// An LSTM over a window, from a zero state, of which only the last hidden state is wanted (the first step has no product
/// with W_hh: its h′ is zero). Backwards the steps leave the gradients of all pre-activations; one product each then gives
/// those of x, W_ih and W_hh.
import Kernels

struct LSTMOperation: Operation {
  let x, inputWeight, recurrentWeight, inputBias, recurrentBias, y: Tensor
  /// [batch × time, 4 size], [batch × time, size] and, holding h′ (zero at first positions), [batch × time, size].
  let gates, cells, previousHidden: UnsafeMutablePointer<Float>
  let time: Int

  func pullback(_ tape: Tape) {
    guard let dy = y.gradient else { return }
    let dInputBias = inputBias.gradient(orScratchOn: tape), dRecurrentBias = recurrentBias.gradient(orScratchOn: tape)
    let size = y.columns, batch = y.rows, width = 4 * size
    let dh = tape.floats(batch * size), dc = tape.floats(batch * size), dBias = tape.floats(width)
    dc.update(repeating: 0, count: batch * size)
    dBias.update(repeating: 0, count: width)
    for t in stride(from: time - 1, through: 0, by: -1) {
      LSTMCell(size: size).backward(
        rows: batch, gates: gates + t * width, gateStride: time * width,
        previous: t > 0 ? UnsafePointer(cells + (t - 1) * size) : nil, previousStride: time * size, c: cells + t * size,
        cStride: time * size, dh: t == time - 1 ? dy : dh, dc: dc, dBias: dBias)
      guard t > 0 else { break }
      GEMM.times(
        m: batch, n: size, k: width, a: gates + t * width, aStride: time * width, b: recurrentWeight.values, bStride: size,
        c: dh, cStride: size, .overwrite)
    }
    for i in 0..<width {
      dInputBias[i] += dBias[i]
      dRecurrentBias[i] += dBias[i]
    }
    if let dRecurrentWeight = recurrentWeight.gradient {
      GEMM.transposedTimes(
        m: width, n: size, k: batch * time, a: gates, aStride: width, b: previousHidden, bStride: size, c: dRecurrentWeight,
        cStride: size, .add)
    }
    if let dInputWeight = inputWeight.gradient {
      GEMM.transposedTimes(
        m: width, n: x.columns, k: batch * time, a: gates, aStride: width, b: x.values, bStride: x.stride, c: dInputWeight,
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
  /// x [batch × time, inputs]; weights [4 size, inputs] and [4 size, size], biases [1, 4 size], all in PyTorch's order of
  /// gates i, f, g, o → the last hidden state [batch, size], and the last c [batch, size], a constant.
  public func lstm(
    _ x: Tensor, inputWeight: Tensor, recurrentWeight: Tensor, inputBias: Tensor, recurrentBias: Tensor, time: Int
  ) -> (output: Tensor, cell: Tensor) {
    let size = recurrentWeight.columns, width = 4 * size, batch = x.rows / time
    precondition(
      x.rows % time == 0 && x.columns == inputWeight.columns && inputWeight.rows == width && recurrentWeight.rows == width,
      "lstm: x [\(x.rows), \(x.columns)] in windows of \(time), weights [\(inputWeight.rows), \(inputWeight.columns)] and "
        + "[\(recurrentWeight.rows), \(size)]")
    let y = tensor(rows: batch, columns: size)
    let cell = LSTMCell(size: size)
    let bias = floats(width)
    for i in 0..<width { bias[i] = inputBias.values[i] + recurrentBias.values[i] }
    let packedInput = floats(cell.packedCount(inputs: x.columns)), packedRecurrent = floats(cell.packedCount(inputs: size))
    cell.pack(inputWeight.values, inputs: x.columns, into: packedInput)
    cell.pack(recurrentWeight.values, inputs: size, into: packedRecurrent)

    // Without gradients one c serves every step, and two h by turns.
    let gates = isRecording ? floats(x.rows * width) : nil
    let cells = floats(batch * (isRecording ? time : 1) * size)
    let hidden = floats(batch * (isRecording ? time : 1) * size)
    if isRecording {
      for row in 0..<batch { (hidden + row * time * size).update(repeating: 0, count: size) }
    }
    for t in 0..<time {
      let before: UnsafeMutablePointer<Float>, after: UnsafeMutablePointer<Float>
      if isRecording {
        (before, after) = (hidden + t * size, t < time - 1 ? hidden + (t + 1) * size : y.values)
      } else {
        (before, after) = (time - t) % 2 == 1 ? (hidden, y.values) : (y.values, hidden)
      }
      let history = isRecording ? time * size : size
      cell.forward(
        rows: batch, bias: bias,
        x: .init(x.values + t * x.stride, stride: time * x.stride, inputs: x.columns, packed: packedInput),
        hidden: t > 0 ? .init(before, stride: history, inputs: size, packed: packedRecurrent) : nil,
        previous: t > 0 ? UnsafePointer(isRecording ? cells + (t - 1) * size : cells) : nil,
        c: isRecording ? cells + t * size : cells, cStride: history, h: after, hStride: t < time - 1 ? history : size,
        gates: gates.map { $0 + t * width }, gateStride: time * width)
    }
    if let gates {
      record(
        LSTMOperation(
          x: x, inputWeight: inputWeight, recurrentWeight: recurrentWeight, inputBias: inputBias,
          recurrentBias: recurrentBias, y: y, gates: gates, cells: cells, previousHidden: hidden, time: time))
    }
    let last = isRecording ? (cells + (time - 1) * size, stride: time * size) : (cells, stride: size)
    return (y, Tensor(data: last.0, rows: batch, columns: size, stride: last.stride))
  }
}
