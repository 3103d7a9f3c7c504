/// What stands between torso and head: a window of features, or a sequence of them with state, becomes latents.
import Autograd
import Kernels
import Layers

/// From features of observations to a latent.
public protocol SequenceEncoder: Layer {
  /// The name under which its parameters stand, nil where they have their own.
  var name: String? { get }
  /// False when only the last observation matters, so that the others need no features.
  var readsWholeWindow: Bool { get }
  /// features [batch × time, modelSize] → latent [batch, modelSize]. `time` is 1 unless `readsWholeWindow`.
  func callAsFunction(_ features: Tensor, time: Int, on tape: Tape) -> Tensor
  /// For acting with fixed parameters. Nil: the whole window is evaluated.
  func makeWindow(time: Int) -> (any SlidingWindow)?
  /// The same parameters as a layer with state, read at every position; nil for one that only knows windows.
  var sequence: (any SequenceLayer)? { get }
}

/// An encoder that can make its gradients during the forward pass, where the loss is known beforehand up to a scalar a row:
/// a shortcut, whose result is that of the pass without.
public protocol ReadoutEncoder: SequenceEncoder {
  /// The same latent. Its gradient comes from `readout` alone, and none must be handed back.
  func callAsFunction(_ features: Tensor, time: Int, readout: LinearReadout, on tape: Tape) -> Tensor
}

/// Any layer with state as an encoder of windows: a sequence from the zero state, read at its last position.
struct LayerEncoder: SequenceEncoder {
  let layer: any SequenceLayer
  let name: String?
  let readsWholeWindow = true
  var sequence: (any SequenceLayer)? { layer }
  private let window: (_ time: Int) -> (any SlidingWindow)?

  /// `window`: the layer's own form for acting, where it has one.
  init(_ layer: any SequenceLayer, name: String, window: @escaping (_ time: Int) -> (any SlidingWindow)? = { _ in nil }) {
    (self.layer, self.name, self.window) = (layer, name, window)
  }

  func callAsFunction(_ features: Tensor, time: Int, on tape: Tape) -> Tensor {
    layer(features, SequenceShape(batch: features.rows / time, time: time), from: nil, reading: .last, on: tape).output
  }
  func makeWindow(time: Int) -> (any SlidingWindow)? { window(time) }
  func forEachParameter(_ body: (String, Parameter) -> Void) { layer.forEachParameter(body) }
}

/// A residual stack with an RMSNorm after it.
struct StackEncoder: SequenceEncoder, SequenceLayer {
  let stack: SequenceStack
  let norm: RMSNorm
  let name: String? = nil
  var readsWholeWindow: Bool { stateLayout.count > 0 }
  var sequence: (any SequenceLayer)? { self }
  var inputSize: Int { stack.inputSize }
  var outputSize: Int { stack.outputSize }
  var stateLayout: StateLayout { stack.stateLayout }
  var workPerPosition: Int { stack.workPerPosition }

  init(_ stack: SequenceStack, width: Int) { (self.stack, norm) = (stack, RMSNorm(width)) }

  func callAsFunction(_ features: Tensor, time: Int, on tape: Tape) -> Tensor {
    self(features, SequenceShape(batch: features.rows / time, time: time), from: nil, reading: .last, on: tape).output
  }
  func makeWindow(time: Int) -> (any SlidingWindow)? { nil }

  func callAsFunction(
    _ x: Tensor, _ shape: SequenceShape, from state: Tensor?, reading: Positions, on tape: Tape
  ) -> (output: Tensor, state: Tensor?) {
    let (output, final) = stack(x, shape, from: state, reading: reading, on: tape)
    return (norm(output, on: tape), final)
  }

  func makeStepper() -> any SequenceStepper { StackEncoderStepper(self) }

  func forEachParameter(_ body: (String, Parameter) -> Void) {
    stack.forEachParameter(body)
    forward("norm_f", norm, body)
  }
}

private final class StackEncoderStepper: SequenceStepper {
  private let stack: any SequenceStepper
  private let norm: RMSNorm
  private let kernel: RMSNormKernel
  private let output: Buffer

  init(_ encoder: StackEncoder) {
    stack = encoder.stack.makeStepper()
    norm = encoder.norm
    kernel = RMSNormKernel(rows: 1, columns: encoder.outputSize)
    output = Buffer(count: encoder.outputSize)
  }

  func parametersChanged() { stack.parametersChanged() }

  func step(_ x: UnsafePointer<Float>, state: UnsafeMutablePointer<Float>) -> UnsafeMutablePointer<Float> {
    kernel.forward(x: stack.step(x, state: state), xStride: 0, weight: norm.weight.pointer, inverse: nil, y: output.pointer)
    return output.pointer
  }

  var meanSteps: [Float] { stack.meanSteps }
}
