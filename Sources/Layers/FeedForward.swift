/// Two linear layers with a ReLU between them at every position by itself: a layer without state. Named as in PyTorch's
/// `nn.TransformerEncoderLayer`.
import Autograd
import Kernels
import Randomness

public struct FeedForward: SequenceLayer {
  public let linear1, linear2: Linear
  public var inputSize: Int { linear1.weight.shape[1] }
  public var outputSize: Int { linear2.weight.shape[0] }
  public var stateLayout: StateLayout { StateLayout() }

  public init(_ size: Int, hiddenSize: Int, _ generator: inout SplitMix64) {
    linear1 = Linear(size, hiddenSize, &generator)
    linear2 = Linear(hiddenSize, size, &generator)
  }
  public var workPerPosition: Int { linear1.work + linear2.work }

  public func callAsFunction(
    _ x: Tensor, _ shape: SequenceShape, from state: Tensor?, reading: Positions, on tape: Tape
  ) -> (output: Tensor, state: Tensor?) {
    checkInput(x, shape, state)
    let read = reading == .all ? x : x.lastPosition(time: shape.time)
    return (linear2(linear1(read, activation: .relu, on: tape), on: tape), nil)
  }

  public func makeStepper() -> any SequenceStepper { FeedForwardStepper(self) }

  public func forEachParameter(_ body: (String, Parameter) -> Void) {
    forward("linear1", linear1, body)
    forward("linear2", linear2, body)
  }
}

private final class FeedForwardStepper: SequenceStepper {
  private let layer: FeedForward
  private let hidden, output: Buffer

  init(_ layer: FeedForward) {
    self.layer = layer
    (hidden, output) = (Buffer(count: layer.linear1.weight.shape[0]), Buffer(count: layer.outputSize))
  }

  func parametersChanged() {}

  func step(_ x: UnsafePointer<Float>, state: UnsafeMutablePointer<Float>) -> UnsafeMutablePointer<Float> {
    layer.linear1.apply(x, into: hidden.pointer, activation: .relu)
    layer.linear2.apply(hidden.pointer, into: output.pointer)
    return output.pointer
  }
}
