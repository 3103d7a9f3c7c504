/// Depthwise causal convolution over sequences with state, then SiLU.
import Kernels

struct SequenceConvOperation: Operation {
  let conv: SequenceConv
  let x, weight, y: Tensor
  /// Where absent, the weight, of which nothing is read for it.
  let bias, tail: Tensor
  let hasBias, hasTail: Bool
  let scratch: UnsafeMutablePointer<Float>

  func pullback(_ tape: Tape) {
    guard let dy = y.gradient else { return }
    let (dx, accumulation) = x.gradientToWrite(orScratchOn: tape)
    conv.backward(
      x: x.conv, w: weight.values, bias: hasBias ? bias.values : nil, tail: hasTail ? tail.conv : nil, dy: dy,
      dx: .init(dx, stride: x.stride), accumulation, dw: weight.gradient(orScratchOn: tape),
      dBias: hasBias ? bias.gradient : nil,
      dTail: hasTail ? tail.gradient.map { .init($0, stride: tail.stride) } : nil, scratch: scratch)
  }
}

extension Tensor {
  fileprivate var conv: SequenceConv.Rows { .init(values, stride: stride) }
}

extension Tape {
  /// x [batch × time, channels], also a view; weight [channels, width], any width; bias [1, channels] or nil; `tail`
  /// [batch, channels × width], newest last, or nil for zeros: the inputs before the first position → y [batch × time,
  /// channels] and the tail after the last position, a constant (`final` where given, to be written into a state's columns).
  public func causalConvSiLU(
    _ x: Tensor, weight: Tensor, bias: Tensor?, shape: SequenceShape, from tail: Tensor?, to final: Tensor? = nil
  ) -> (y: Tensor, tail: Tensor) {
    let width = weight.columns, channels = x.columns
    precondition(
      x.rows == shape.rows && weight.rows == channels && weight.isDense && bias.map { $0.columns == channels } ?? true,
      "causalConvSiLU: x [\(x.rows), \(channels)] for \(shape.batch) × \(shape.time) positions, weight [\(weight.rows), \(width)]"
    )
    let y = tensor(rows: x.rows, columns: channels)
    let final = final ?? Tensor(data: floats(shape.batch * channels * width), rows: shape.batch, columns: channels * width)
    for state in [tail, final] {
      precondition(
        state.map { $0.rows == shape.batch && $0.columns == channels * width } ?? true,
        "causalConvSiLU: a tail of [\(state?.rows ?? 0), \(state?.columns ?? 0)] for \(shape.batch) sequences of \(channels) channels and \(width) taps"
      )
    }
    let conv = SequenceConv(shape: shape, channels: channels, width: width)
    let scratch = floats(conv.scratchCount)
    conv.forward(
      x: x.conv, w: weight.values, bias: bias?.values, tail: tail?.conv, y: y.values, final: final.conv, scratch: scratch)
    record(
      SequenceConvOperation(
        conv: conv, x: x, weight: weight, y: y, bias: bias ?? weight, tail: tail ?? weight, hasBias: bias != nil,
        hasTail: tail != nil, scratch: scratch))
    return (y, final)
  }
}
