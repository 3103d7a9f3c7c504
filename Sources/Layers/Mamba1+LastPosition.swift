/// The last position's output of windows that begin at zero: z, gate, C and out_proj are needed there alone, and the scan has
/// a closed form (`LastStateScan`). Exact, not an approximation.
import Autograd
import Kernels

extension Mamba1 {
  /// features [batch × time, modelSize] → the last position's output [batch, modelSize]. A `readout` of that output (its
  /// direction [batch, modelSize]) lets the scan prepare its gradients on the way.
  public func callAsFunction(_ features: Tensor, time: Int, readout: LinearReadout? = nil, on tape: Tape) -> Tensor {
    let xWeight = xProjection.weight.tensor(on: tape)
    let x = inner(features, 0..<innerSize, on: tape)
    let z = inner(features.lastPosition(time: time), innerSize..<2 * innerSize, on: tape)
    let u = convolution(x, time: time, on: tape)
    let stepAndB = tape.linear(u, weight: xWeight.rows(0..<rank + stateSize))
    let c = tape.linear(u.lastPosition(time: time), weight: xWeight.rows(rank + stateSize..<rank + 2 * stateSize))
    let delta = dtProjection(stepAndB.columns(0..<rank), activation: .softplus, on: tape)
    let y = tape.lastStateScan(
      u: u, delta: delta, aLog: aLog.tensor(on: tape), b: stepAndB.columns(rank..<rank + stateSize), c: c,
      skip: skip.tensor(on: tape),
      time: time, readout: tape.isRecording ? readout.map { scanReadout($0, z, on: tape) } : nil)
    return outProjection(tape.siluGate(y, z), on: tape)
  }

  /// A readout of the block's output as one of the scan's: direction · out_proj.weight, gated by silu(z).
  private func scanReadout(_ readout: LinearReadout, _ z: Tensor, on tape: Tape) -> LinearReadout {
    let count = readout.rows * innerSize
    let ungated = tape.floats(count), direction = tape.floats(count)
    GEMM.times(
      m: readout.rows, n: innerSize, k: modelSize, a: readout.direction, aStride: modelSize,
      b: outProjection.weight.pointer, bStride: innerSize, c: ungated, cStride: innerSize, .overwrite)
    SiLUGate.forward(count: count, y: ungated, z: z.values, g: direction)
    var result = readout
    result.direction = UnsafePointer(direction)
    return result
  }

  /// The windowed form, of which the published bytes are, needs a bias.
  private func convolution(_ x: Tensor, time: Int, on tape: Tape) -> Tensor {
    let weight = convolutionWeight.tensor(on: tape)
    if let bias = convolutionBias { return tape.causalConvSiLU(x, weight: weight, bias: bias.tensor(on: tape), time: time) }
    let shape = SequenceShape(batch: x.rows / time, time: time)
    return tape.causalConvSiLU(x, weight: weight, bias: nil, shape: shape, from: nil).y
  }
}
