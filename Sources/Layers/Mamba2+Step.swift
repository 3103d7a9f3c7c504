/// `Mamba2` one position at a time.
import Autograd
import Kernels

extension Mamba2 {
  public func makeStepper() -> any SequenceStepper { Mamba2Stepper(self) }
}

final class Mamba2Stepper: SequenceStepper {
  private let block: Mamba2
  private let norm: GatedRMSNorm
  /// z, x B C, δ; x B C after the convolution; y; y gated and normed.
  private let projected, convolved, y, normed, output: Buffer

  init(_ block: Mamba2) {
    self.block = block
    norm = GatedRMSNorm(rows: 1, columns: block.innerSize, groups: block.groups)
    projected = Buffer(count: block.innerSize + block.channels + block.heads)
    convolved = Buffer(count: block.channels)
    (y, normed) = (Buffer(count: block.innerSize), Buffer(count: block.innerSize))
    output = Buffer(count: block.modelSize)
  }

  /// Nothing is kept of them.
  func parametersChanged() {}

  func step(_ x: UnsafePointer<Float>, state: UnsafeMutablePointer<Float>) -> UnsafeMutablePointer<Float> {
    let inner = block.innerSize, model = block.modelSize, channels = block.channels, width = block.convolutionWidth
    let inProjection = block.inProjection, outProjection = block.outProjection
    MatrixVector.apply(
      rows: projected.count, columns: model, weight: inProjection.weight.pointer, stride: model,
      bias: inProjection.bias?.pointer, x: x, y: projected.pointer)
    SequenceConv.step(
      channels: channels, width: width, x: projected.pointer + inner, w: block.convolutionWeight.pointer,
      bias: block.convolutionBias?.pointer, tail: state, y: convolved.pointer)
    let b = convolved.pointer + inner
    StateSpaceDual.step(
      heads: block.heads, headSize: block.headSize, groups: block.groups, states: block.stateSize, x: convolved.pointer, b: b,
      c: b + block.groups * block.stateSize, step: projected.pointer + inner + channels, stepBias: block.stepBias.pointer,
      aLog: block.aLog.pointer, skip: block.skip.pointer, state: state + channels * width, y: y.pointer)
    norm.forward(
      y: y.pointer, yStride: inner, z: projected.pointer, zStride: inner, weight: block.normWeight.pointer, inverse: nil,
      out: normed.pointer)
    MatrixVector.apply(
      rows: model, columns: inner, weight: outProjection.weight.pointer, stride: inner, bias: outProjection.bias?.pointer,
      x: normed.pointer, y: output.pointer)
    return output.pointer
  }

  var meanSteps: [Float] {
    let raw = projected.pointer + block.innerSize + block.channels
    return [meanSoftplus(raw, bias: block.stepBias.pointer, count: block.heads)]
  }
}
