/// Depthwise causal convolution over time, then SiLU.
import Kernels

struct CausalConvSiLUOperation: Operation {
  let x, weight, bias, y: Tensor
  let preActivation, scratch: UnsafeMutablePointer<Float>
  let time: Int

  func pullback(_ tape: Tape) {
    guard let dy = y.gradient else { return }
    let (dx, accumulation) = x.gradientToWrite(orScratchOn: tape)
    CausalConv.backward(
      batch: x.rows / time, time: time, channels: x.columns, width: weight.columns, x: x.values, w: weight.values,
      s: preActivation, dy: dy, dx: dx, accumulation, dw: weight.gradient(orScratchOn: tape),
      dBias: bias.gradient(orScratchOn: tape), scratch: scratch)
  }
}

extension Tape {
  /// x [batch × time, channels], dense; weight [channels, width]; bias [1, channels] → the same shape as x.
  public func causalConvSiLU(_ x: Tensor, weight: Tensor, bias: Tensor, time: Int) -> Tensor {
    precondition(x.isDense && weight.rows == x.columns, "causalConvSiLU: \(x.columns) channels, weight of \(weight.rows)")
    let y = tensor(rows: x.rows, columns: x.columns)
    let preActivation = isRecording ? floats(x.rows * x.columns) : nil
    let scratch = floats(CausalConv.scratchCount(channels: x.columns, width: weight.columns))
    CausalConv.forward(
      batch: x.rows / time, time: time, channels: x.columns, width: weight.columns, x: x.values, w: weight.values,
      bias: bias.values, s: preActivation, y: y.values, scratch: scratch)
    if let preActivation {
      record(
        CausalConvSiLUOperation(
          x: x, weight: weight, bias: bias, y: y, preActivation: preActivation, scratch: scratch, time: time))
    }
    return y
  }
}
