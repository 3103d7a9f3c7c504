/// Mamba-1 one position at a time: constant cost and memory, no allocation. Every product has one row, so a step is bound by
/// reading the weights once.
import Autograd
import Kernels

public final class Mamba1Stepper: SequenceStepper {
  private let block: Mamba1
  /// What follows from the parameters: −exp(A_log)·log₂e [E, N] and dt_proj's weight, transposed [R, E].
  private let scaledA, dtWeight: Buffer
  /// [x, z], u, [δ, B, C], Δ, the gated y, the output; and the scan's scratch.
  private let inner, u, selected, delta, gated, output, scratch: Buffer

  public init(_ block: Mamba1) {
    self.block = block
    let size = block.innerSize
    scaledA = Buffer(count: size * block.stateSize)
    dtWeight = Buffer(count: block.rank * size)
    (inner, u, delta, gated) = (Buffer(count: 2 * size), Buffer(count: size), Buffer(count: size), Buffer(count: size))
    selected = Buffer(count: block.rank + 2 * block.stateSize)
    output = Buffer(count: block.modelSize)
    scratch = Buffer(count: SelectiveScan.stepScratchCount(channels: size))
    parametersChanged()
  }

  public func parametersChanged() {
    SelectiveScan.scale(aLog: block.aLog.pointer, count: scaledA.count, into: scaledA.pointer)
    MatrixVector.transpose(
      outputs: block.innerSize, inputs: block.rank, block.dtProjection.weight.pointer, into: dtWeight.pointer)
  }

  public func step(_ x: UnsafePointer<Float>, state: UnsafeMutablePointer<Float>) -> UnsafeMutablePointer<Float> {
    let size = block.innerSize, states = block.stateSize, rank = block.rank
    apply(block.inProjection, x, into: inner)
    SequenceConv.step(
      channels: size, width: block.convolutionWidth, x: inner.pointer, w: block.convolutionWeight.pointer,
      bias: block.convolutionBias?.pointer, tail: state, y: u.pointer)
    apply(block.xProjection, u.pointer, into: selected)
    MatrixVector.softplusOfTransposed(
      outputs: size, inputs: rank, transposed: dtWeight.pointer, bias: block.dtProjection.bias?.pointer, x: selected.pointer,
      y: delta.pointer)
    SelectiveScan.step(
      channels: size, states: states, scaledA: scaledA.pointer, h: state + size * block.convolutionWidth,
      delta: delta.pointer, u: u.pointer, b: selected.pointer + rank, c: selected.pointer + rank + states,
      skip: block.skip.pointer, z: inner.pointer + size, out: gated.pointer, scratch: scratch.pointer)
    apply(block.outProjection, gated.pointer, into: output)
    return output.pointer
  }

  public var meanSteps: [Float] {
    [(0..<delta.count).reduce(Float(0)) { $0 + delta.pointer[$1] } / Float(delta.count)]
  }

  private func apply(_ layer: Linear, _ x: UnsafePointer<Float>, into y: Buffer) {
    let (rows, columns) = (layer.weight.shape[0], layer.weight.shape[1])
    MatrixVector.apply(
      rows: rows, columns: columns, weight: layer.weight.pointer, stride: columns, bias: layer.bias?.pointer, x: x, y: y.pointer)
  }
}
