/// An LSTM over a window, from a zero state, of which only the last hidden state is wanted. One product projects all
/// inputs; a step then adds one product with W_hh (the first none: its h′ is zero). Backwards the steps leave the gradients
/// of all gates, and one product each gives those of x, W_ih and W_hh.
import Kernels

struct LSTMOperation: Operation {
  let x, inputWeight, recurrentWeight, inputBias, recurrentBias, y: Tensor
  /// [batch × time, 4 size], [batch × time, size] and, holding h′ (zero at first positions), [batch × time, size].
  let gates, cells, previousHidden: UnsafeMutablePointer<Float>
  let time: Int

  func pullback(_ tape: Tape) {
    guard let dy = y.gradient, let dInputBias = inputBias.gradient, let dRecurrentBias = recurrentBias.gradient,
      let dInputWeight = inputWeight.gradient, let dRecurrentWeight = recurrentWeight.gradient
    else { return }
    let size = y.columns, batch = y.rows, width = 4 * size
    let dh = tape.floats(batch * size), dc = tape.floats(batch * size), dBias = tape.floats(width)
    dc.update(repeating: 0, count: batch * size)
    dBias.update(repeating: 0, count: width)
    for t in stride(from: time - 1, through: 0, by: -1) {
      LSTMCell(size: size).backward(
        rows: batch, gates: gates + t * width, gateStride: time * width,
        previous: t > 0 ? UnsafePointer(cells + (t - 1) * size) : nil, c: cells + t * size, cStride: time * size,
        dh: t == time - 1 ? dy : dh, dc: dc, dBias: dBias)
      guard t > 0 else { break }
      GEMM.times(
        m: batch, n: size, k: width, a: gates + t * width, aStride: time * width, b: recurrentWeight.values, bStride: size,
        c: dh, cStride: size, .overwrite)
    }
    for i in 0..<width {
      dInputBias[i] += dBias[i]
      dRecurrentBias[i] += dBias[i]
    }
    GEMM.transposedTimes(
      m: width, n: size, k: batch * time, a: gates, aStride: width, b: previousHidden, bStride: size, c: dRecurrentWeight,
      cStride: size, .add)
    GEMM.transposedTimes(
      m: width, n: x.columns, k: batch * time, a: gates, aStride: width, b: x.values, bStride: x.stride, c: dInputWeight,
      cStride: x.columns, .add)
    if let (dx, accumulation) = x.gradientToWrite() {
      GEMM.times(
        m: x.rows, n: x.columns, k: width, a: gates, aStride: width, b: inputWeight.values, bStride: x.columns, c: dx,
        cStride: x.stride, accumulation)
    }
  }
}

extension Tape {
  /// x [batch × time, inputs]; weights [4 size, inputs] and [4 size, size], biases [1, 4 size], all in PyTorch's order of
  /// gates i, f, g, o → the last hidden state [batch, size].
  public func lstm(
    _ x: Tensor, inputWeight: Tensor, recurrentWeight: Tensor, inputBias: Tensor, recurrentBias: Tensor, time: Int
  ) -> Tensor {
    let size = recurrentWeight.columns, width = 4 * size, batch = x.rows / time
    precondition(
      x.rows % time == 0 && x.columns == inputWeight.columns && inputWeight.rows == width && recurrentWeight.rows == width,
      "lstm: x [\(x.rows), \(x.columns)] in windows of \(time), weights [\(inputWeight.rows), \(inputWeight.columns)] and "
        + "[\(recurrentWeight.rows), \(size)]")
    let y = tensor(rows: batch, columns: size)
    let gates = floats(x.rows * width), bias = floats(width)
    for i in 0..<width { bias[i] = inputBias.values[i] + recurrentBias.values[i] }
    GEMM.timesTransposed(
      m: x.rows, n: width, k: x.columns, a: x.values, aStride: x.stride, b: inputWeight.values, bStride: x.columns,
      c: gates, cStride: width, .overwrite)
    // Without gradients every step overwrites one state.
    let history = isRecording ? time : 1
    let cells = floats(batch * history * size)
    let previousHidden = isRecording ? floats(batch * time * size) : y.values
    if isRecording {
      for row in 0..<batch { (previousHidden + row * time * size).update(repeating: 0, count: size) }
    }
    for t in 0..<time {
      let now = isRecording ? t : 0, before = isRecording ? t - 1 : 0
      let isLast = t == time - 1
      if t > 0 {
        GEMM.timesTransposed(
          m: batch, n: width, k: size, a: previousHidden + now * size, aStride: history * size, b: recurrentWeight.values,
          bStride: size, c: gates + t * width, cStride: time * width, .add)
      }
      LSTMCell(size: size).forward(
        rows: batch, gates: gates + t * width, gateStride: time * width, bias: bias,
        previous: t > 0 ? UnsafePointer(cells + before * size) : nil, c: cells + now * size, cStride: history * size,
        h: isLast || !isRecording ? y.values : previousHidden + (t + 1) * size,
        hStride: isLast || !isRecording ? size : time * size)
    }
    record(
      LSTMOperation(
        x: x, inputWeight: inputWeight, recurrentWeight: recurrentWeight, inputBias: inputBias, recurrentBias: recurrentBias,
        y: y, gates: gates, cells: cells, previousHidden: previousHidden, time: time))
    return y
  }
}
