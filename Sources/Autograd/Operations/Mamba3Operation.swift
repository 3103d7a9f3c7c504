/// What stands between Mamba-3's projections (`Mamba3Core` has the mathematics).
import Kernels

struct Mamba3Operation: Operation {
  let core: Mamba3Core
  let shape: SequenceShape
  let projection, y: Tensor
  let parameters: Mamba3Parameters<Tensor>
  let state: Tensor?
  let workspace: UnsafeMutablePointer<Float>

  func pullback(_ tape: Tape) {
    guard let dy = y.gradient else { return }
    let (dProjection, accumulation) = projection.gradientToWrite(orScratchOn: tape)
    let written = accumulation == .overwrite ? dProjection : tape.floats(projection.rows * projection.stride)
    core.backward(
      shape, projection: projection.values, parameters: parameters.map { $0.values },
      state: state.map { UnsafePointer($0.values) },
      dOutput: dy, dProjection: written, gradients: parameters.map { $0.gradient(orScratchOn: tape) },
      dState: state.map { $0.gradient(orScratchOn: tape) }, workspace: workspace,
      scratch: tape.floats(core.backwardScratchCount(shape)))
    if accumulation == .add {
      Elementwise.sum(projection.rows * projection.stride, dProjection, written, into: dProjection)
    }
  }
}

extension Tape {
  /// projection [batch × time, core.projectionSize]; state [batch, core.stateCount], dense, or nil for zero →
  /// [batch × time, core.inner], and the state after the last position, a constant.
  public func mamba3(
    _ projection: Tensor, _ shape: SequenceShape, from state: Tensor?, parameters: Mamba3Parameters<Tensor>, core: Mamba3Core
  ) -> (output: Tensor, state: Tensor) {
    precondition(
      projection.rows == shape.rows && projection.columns == core.projectionSize,
      "mamba3: \(shape.batch) × \(shape.time) positions of \(core.projectionSize), projection [\(projection.rows), \(projection.columns)]"
    )
    precondition(
      state.map { $0.isDense && $0.rows == shape.batch && $0.columns == core.stateCount } ?? true,
      "mamba3: states [\(shape.batch), \(core.stateCount)], given [\(state?.rows ?? 0), \(state?.columns ?? 0)]")
    var core = core
    core.projectionStride = projection.stride
    let y = tensor(rows: shape.rows, columns: core.inner)
    let final = withoutGradient { tensor(rows: shape.batch, columns: core.stateCount) }
    let workspace = floats(core.workspaceCount(shape, keepsStates: isRecording))
    core.forward(
      shape, projection: projection.values, parameters: parameters.map { $0.values },
      state: state.map { UnsafePointer($0.values) },
      output: y.values, finalState: final.values, workspace: workspace, keepsStates: isRecording,
      scratch: floats(core.forwardScratchCount))
    record(
      Mamba3Operation(
        core: core, shape: shape, projection: projection, y: y, parameters: parameters, state: state, workspace: workspace))
    return (y, final)
  }
}
