/// `Mamba3` one position at a time.
import Autograd
import Kernels

public final class Mamba3Stepper: SequenceStepper {
  private let layer: Mamba3
  private let projection, y, output, scratch: Buffer

  init(_ layer: Mamba3) {
    self.layer = layer
    projection = Buffer(count: layer.core.projectionSize)
    y = Buffer(count: layer.core.inner)
    output = Buffer(count: layer.outputSize)
    scratch = Buffer(count: layer.core.stepScratchCount)
  }

  /// Parameters are read where they are.
  public func parametersChanged() {}

  public func step(_ x: UnsafePointer<Float>, state: UnsafeMutablePointer<Float>) -> UnsafeMutablePointer<Float> {
    layer.inProjection.apply(x, into: projection.pointer)
    layer.core.step(
      projection: projection.pointer, parameters: layer.parameters.map { $0.pointer }, state: state, output: y.pointer,
      scratch: scratch.pointer)
    layer.outProjection.apply(y.pointer, into: output.pointer)
    return output.pointer
  }

  public var meanSteps: [Float] {
    // The projection ends in Δ, A and λ of each head and the angles.
    let raw = projection.pointer + layer.core.projectionSize - layer.core.angles - 3 * layer.core.heads
    return [meanSoftplus(raw, bias: layer.parameters.stepBias.pointer, count: layer.core.heads)]
  }
}
