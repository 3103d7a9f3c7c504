/// The selective scan at all positions, from a state to a state, with Mamba's softplus before it and its gate behind it.
import Kernels

struct SelectiveScanOperation: Operation {
  let scan: SelectiveScan
  let u, step, stepBias, aLog, b, c, skip, z, out: Tensor
  /// What sequences begin from; where that is zero, `out`, of which nothing is read for it.
  let initial: Tensor
  let hasInitial: Bool
  let packedA, ungated, kept: UnsafeMutablePointer<Float>

  func pullback(_ tape: Tape) {
    guard let dOut = out.gradient else { return }
    let packedGradient = tape.floats(scan.packedCount)
    packedGradient.update(repeating: 0, count: scan.packedCount)
    scan.backward(
      inputs, upstream: dOut, ungated: ungated, kept: kept,
      gradients: .init(
        u: u.gradientToWrite(orScratchOn: tape), step: step.gradientToWrite(orScratchOn: tape),
        stepBias: stepBias.gradient(orScratchOn: tape), packedA: packedGradient, b: b.gradient(orScratchOn: tape),
        c: c.gradient(orScratchOn: tape), skip: skip.gradient(orScratchOn: tape), z: z.gradientToWrite(orScratchOn: tape),
        initial: hasInitial ? initial.gradient : nil), scratch: tape.floats(scan.backwardScratchCount))
    scan.unpackGradient(packed: packedA, packedGradient: packedGradient, into: aLog.gradient(orScratchOn: tape))
  }

  var inputs: SelectiveScan.Inputs {
    .init(
      u: u.values, step: step.values, stepBias: stepBias.values, packedA: packedA, b: b.values, bStride: b.stride,
      c: c.values, cStride: c.stride, skip: skip.values, z: z.values,
      initial: hasInitial ? UnsafePointer(initial.values) : nil, initialStride: initial.stride)
  }
}

extension Tape {
  /// u, step, z [batch × time, channels], dense; stepBias, skip [1, channels]; aLog [channels, states]; b, c [batch × time,
  /// states]; `state` [batch, channels × states], h before the first position, or nil for zeros → out [batch × time,
  /// channels] and h after the last position, a constant (`final` where given, to be written into a state's columns).
  ///
  /// out = (C·h + D u) · silu(z) of the recurrence with Δ = softplus(step + stepBias), which takes the place of `step`'s
  /// values: nobody else may read them.
  public func selectiveScan(
    u: Tensor, step: Tensor, stepBias: Tensor, aLog: Tensor, b: Tensor, c: Tensor, skip: Tensor, gate z: Tensor,
    shape: SequenceShape, from state: Tensor?, to final: Tensor? = nil
  ) -> (out: Tensor, state: Tensor) {
    let channels = u.columns, states = aLog.columns
    precondition(
      u.isDense && step.isDense && z.isDense && u.rows == shape.rows && b.rows == u.rows && c.rows == u.rows
        && step.columns == channels && z.columns == channels && aLog.rows == channels && b.columns == states
        && c.columns == states,
      "selectiveScan: u [\(u.rows), \(channels)] for \(shape.batch) × \(shape.time) positions, z [\(z.rows), \(z.columns)], "
        + "A [\(aLog.rows), \(states)], B [\(b.rows), \(b.columns)], C [\(c.rows), \(c.columns)]")
    let final = final ?? Tensor(data: floats(shape.batch * channels * states), rows: shape.batch, columns: channels * states)
    for state in [state ?? final, final] {
      precondition(
        state.rows == shape.batch && state.columns == channels * states,
        "selectiveScan: a state of [\(state.rows), \(state.columns)] for \(shape.batch) sequences of \(channels) × \(states)")
    }
    let scan = SelectiveScan(shape: shape, channels: channels, states: states)
    let out = tensor(rows: u.rows, columns: channels)
    let packedA = floats(scan.packedCount)
    scan.pack(aLog: aLog.values, into: packedA)
    let operation = SelectiveScanOperation(
      scan: scan, u: u, step: step, stepBias: stepBias, aLog: aLog, b: b, c: c, skip: skip, z: z, out: out,
      initial: state ?? out, hasInitial: state != nil, packedA: packedA,
      ungated: floats(isRecording ? u.rows * channels : 0), kept: floats(isRecording ? scan.keptCount : 0))
    scan.forward(
      operation.inputs, out: out.values, ungated: isRecording ? operation.ungated : nil, final: final.values,
      finalStride: final.stride, kept: isRecording ? operation.kept : nil, scratch: floats(scan.scratchCount))
    record(operation)
    return (out, final)
  }
}
