/// Layers one after another as one layer: usually residual blocks. Its state is theirs side by side.
import Autograd
import Kernels

public struct SequenceStack: SequenceLayer {
  public let layers: [any SequenceLayer]
  public let inputSize, outputSize: Int
  /// The parts of layer K under `layers.K.`.
  public let stateLayout: StateLayout
  public var workPerPosition: Int { layers.reduce(0) { $0 + $1.workPerPosition } }

  public init(_ layers: [any SequenceLayer]) {
    guard let first = layers.first, let last = layers.last else { preconditionFailure("a stack of no layers") }
    for (before, after) in zip(layers, layers.dropFirst()) {
      precondition(
        before.outputSize == after.inputSize, "a layer of \(before.outputSize) outputs before one of \(after.inputSize) inputs")
    }
    self.layers = layers
    (inputSize, outputSize) = (first.inputSize, last.outputSize)
    stateLayout = StateLayout(
      layers.enumerated().flatMap { index, layer in
        layer.stateLayout.parts.map { .init("layers.\(index).\($0.name)", $0.shape, counters: $0.counters) }
      })
  }

  public func callAsFunction(
    _ x: Tensor, _ shape: SequenceShape, from state: Tensor?, reading: Positions, on tape: Tape
  ) -> (output: Tensor, state: Tensor?) {
    checkInput(x, shape, state)
    let final = stateLayout.count > 0 ? tape.constant(rows: shape.batch, columns: stateLayout.count) : nil
    var output = x, start = 0
    for (index, layer) in layers.enumerated() {
      let part = start..<start + layer.stateLayout.count
      let own = part.isEmpty ? nil : state.map { tape.dense($0.columns(part)) }
      let wanted = index == layers.count - 1 ? reading : .all
      let (y, after) = layer(output, shape, from: own, reading: wanted, on: tape)
      if let final, let after { final.columns(part).copyValues(of: after) }
      (output, start) = (y, part.upperBound)
    }
    return (output, final)
  }

  public func makeStepper() -> any SequenceStepper { SequenceStackStepper(self) }

  public func forEachParameter(_ body: (String, Parameter) -> Void) {
    for (index, layer) in layers.enumerated() { forward("layers.\(index)", layer, body) }
  }
}

private final class SequenceStackStepper: SequenceStepper {
  private let steppers: [any SequenceStepper]
  /// Where each layer's state begins.
  private let offsets: [Int]

  init(_ stack: SequenceStack) {
    steppers = stack.layers.map { $0.makeStepper() }
    offsets = stack.layers.reduce(into: [0]) { $0.append($0[$0.count - 1] + $1.stateLayout.count) }
  }

  func parametersChanged() { for stepper in steppers { stepper.parametersChanged() } }

  func step(_ x: UnsafePointer<Float>, state: UnsafeMutablePointer<Float>) -> UnsafeMutablePointer<Float> {
    var features = UnsafeMutablePointer(mutating: x)
    for (stepper, offset) in zip(steppers, offsets) { features = stepper.step(features, state: state + offset) }
    return features
  }

  var meanSteps: [Float] { steppers.flatMap(\.meanSteps) }
}
