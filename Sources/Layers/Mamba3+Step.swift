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
    multiply(layer.inProjection, x, projection.pointer)
    layer.core.step(
      projection: projection.pointer, parameters: layer.parameters.map { $0.pointer }, state: state, output: y.pointer,
      scratch: scratch.pointer)
    multiply(layer.outProjection, y.pointer, output.pointer)
    return output.pointer
  }

  private func multiply(_ linear: Linear, _ x: UnsafePointer<Float>, _ y: UnsafeMutablePointer<Float>) {
    let rows = linear.weight.shape[0], columns = linear.weight.shape[1]
    MatrixVector.apply(rows: rows, columns: columns, weight: linear.weight.pointer, stride: columns, bias: nil, x: x, y: y)
  }
}
