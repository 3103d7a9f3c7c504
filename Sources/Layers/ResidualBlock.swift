/// x + mixer(norm(x)), the block that stacks are built of (pre-norm: Mamba's `Block`, GPT-2's halves). A transformer layer is
/// two of them, one of attention and one of a feed-forward network.
import Autograd
import Kernels

public struct ResidualBlock: SequenceLayer {
  public let norm: RMSNorm
  public let mixer: any SequenceLayer
  public var inputSize: Int { mixer.inputSize }
  public var outputSize: Int { mixer.outputSize }
  public var stateLayout: StateLayout { mixer.stateLayout }
  public var workPerPosition: Int { mixer.workPerPosition }

  public init(_ mixer: any SequenceLayer) {
    precondition(
      mixer.inputSize == mixer.outputSize,
      "a residual mixer has as many outputs as inputs, not \(mixer.inputSize) → \(mixer.outputSize)")
    norm = RMSNorm(mixer.inputSize)
    self.mixer = mixer
  }

  public func callAsFunction(
    _ x: Tensor, _ shape: SequenceShape, from state: Tensor?, reading: Positions, on tape: Tape
  ) -> (output: Tensor, state: Tensor?) {
    checkInput(x, shape, state)
    let (y, final) = mixer(norm(x, on: tape), shape, from: state, reading: reading, on: tape)
    return (tape.add(reading == .all ? x : x.lastPosition(time: shape.time), y), final)
  }

  public func makeStepper() -> any SequenceStepper { ResidualBlockStepper(self) }

  public func forEachParameter(_ body: (String, Parameter) -> Void) {
    forward("norm", norm, body)
    forward("mixer", mixer, body)
  }
}

private final class ResidualBlockStepper: SequenceStepper {
  private let block: ResidualBlock
  private let kernel: RMSNormKernel
  private let mixer: any SequenceStepper
  private let normed, output: Buffer

  init(_ block: ResidualBlock) {
    self.block = block
    kernel = RMSNormKernel(rows: 1, columns: block.inputSize)
    mixer = block.mixer.makeStepper()
    (normed, output) = (Buffer(count: block.inputSize), Buffer(count: block.outputSize))
  }

  func parametersChanged() { mixer.parametersChanged() }

  func step(_ x: UnsafePointer<Float>, state: UnsafeMutablePointer<Float>) -> UnsafeMutablePointer<Float> {
    kernel.forward(x: x, xStride: 0, weight: block.norm.weight.pointer, inverse: nil, y: normed.pointer)
    Elementwise.sum(kernel.columns, x, mixer.step(normed.pointer, state: state), into: output.pointer)
    return output.pointer
  }

  var meanSteps: [Float] { mixer.meanSteps }
}
