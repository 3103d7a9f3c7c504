/// Mamba-2's recurrence over sequences with state (`StateSpaceDual` has the mathematics).
import Kernels

struct StateSpaceDualOperation: Operation {
  let dual: StateSpaceDual
  let xbc, step, stepBias, aLog, skip, y: Tensor
  /// Where absent, xbc, of which nothing is read for it.
  let initial: Tensor
  let hasInitial: Bool
  let decays, kept, scratch: UnsafeMutablePointer<Float>

  func pullback(_ tape: Tape) {
    guard let dy = y.gradient else { return }
    let (dxbc, accumulation) = xbc.gradientToWrite(orScratchOn: tape)
    let (dx, db, dc) = dual.parts(of: .init(dxbc, stride: xbc.stride))
    dual.backward(
      dual.inputs(xbc, step, stepBias, aLog, skip), hasInitial: hasInitial, decays: decays, kept: kept, dy: dy,
      into: .init(
        x: dx, b: db, c: dc, accumulation, step: .init(step.gradient(orScratchOn: tape), stride: step.stride),
        stepBias: stepBias.gradient(orScratchOn: tape), aLog: aLog.gradient(orScratchOn: tape),
        skip: skip.gradient(orScratchOn: tape),
        initial: hasInitial ? initial.gradient.map { .init($0, stride: initial.stride) } : nil),
      scratch: scratch)
  }
}

extension StateSpaceDual {
  /// x, B and C side by side.
  fileprivate func parts(of xbc: Rows) -> (x: Rows, b: Rows, c: Rows) {
    let b = xbc.start + heads * headSize
    return (xbc, .init(b, stride: xbc.stride), .init(b + groups * states, stride: xbc.stride))
  }

  fileprivate func inputs(_ xbc: Tensor, _ step: Tensor, _ stepBias: Tensor, _ aLog: Tensor, _ skip: Tensor) -> Inputs {
    let (x, b, c) = parts(of: .init(xbc.values, stride: xbc.stride))
    return Inputs(
      x: x, b: b, c: c, step: .init(step.values, stride: step.stride), stepBias: stepBias.values, aLog: aLog.values,
      skip: skip.values)
  }
}

extension Tape {
  /// xbc [batch × time, heads × head size + 2 × groups × states]: x, B, C side by side, as the convolution leaves them; step
  /// [batch × time, heads], before bias and softplus; stepBias, aLog, skip [1, heads]; `initial` [batch, heads × head size ×
  /// states] or nil for zeros → y [batch × time, heads × head size] and the state after the last position, a constant
  /// (`final` where given, to be written into a state's columns).
  public func stateSpaceDual(
    _ xbc: Tensor, step: Tensor, stepBias: Tensor, aLog: Tensor, skip: Tensor, shape: SequenceShape, groups: Int, states: Int,
    from initial: Tensor?, to final: Tensor? = nil
  ) -> (y: Tensor, state: Tensor) {
    let heads = step.columns, headSize = (xbc.columns - 2 * groups * states) / heads
    let dual = StateSpaceDual(shape: shape, heads: heads, headSize: headSize, groups: groups, states: states)
    let width = heads * headSize
    precondition(
      xbc.rows == shape.rows && step.rows == shape.rows && xbc.columns == width + 2 * groups * states
        && [stepBias, aLog, skip].allSatisfy { $0.rows == 1 && $0.columns == heads },
      "stateSpaceDual: x, B, C [\(xbc.rows), \(xbc.columns)], step [\(step.rows), \(heads)], \(shape.batch) × \(shape.time) positions"
    )
    let final = final ?? Tensor(data: floats(shape.batch * width * states), rows: shape.batch, columns: width * states)
    for state in [initial, final] {
      precondition(
        state.map { $0.rows == shape.batch && $0.columns == width * states } ?? true,
        "stateSpaceDual: a state of [\(state?.rows ?? 0), \(state?.columns ?? 0)] for \(shape.batch) sequences of \(width) × \(states)"
      )
    }
    let y = tensor(rows: shape.rows, columns: width)
    let decays = floats(dual.decayCount), kept = floats(dual.stateCount(isRecording: isRecording))
    let scratch = floats(dual.scratchCount)
    dual.forward(
      dual.inputs(xbc, step, stepBias, aLog, skip), initial: initial.map { .init($0.values, stride: $0.stride) }, y: y.values,
      final: .init(final.values, stride: final.stride), decays: decays, kept: kept, isRecording: isRecording, scratch: scratch)
    record(
      StateSpaceDualOperation(
        dual: dual, xbc: xbc, step: step, stepBias: stepBias, aLog: aLog, skip: skip, y: y, initial: initial ?? xbc,
        hasInitial: initial != nil, decays: decays, kept: kept, scratch: scratch))
    return (y, final)
  }
}
