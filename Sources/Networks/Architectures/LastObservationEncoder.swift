/// The plain DQN: the features of the last observation are the latent. As a stack, residual MLP blocks.
import Autograd
import Kernels
import Layers

extension Architecture {
  static let dqn = Architecture(
    kind: .dqn, makeEncoder: { sizes, _ in LastObservationEncoder(sizes) },
    makeMixers: { sizes, generator in [FeedForward(sizes.modelSize, hiddenSize: sizes.expansion * sizes.modelSize, &generator)] },
    stateLayout: { _ in StateLayout() }, prefix: "",
    recognise: { tensors, sizes in
      guard tensors.prefix.isEmpty else {
        guard tensors["linear1.weight"] != nil else { return false }
        sizes.expansion = try tensors.shape("linear1.weight", 2)[0] / sizes.modelSize
        return true
      }
      return true
    })
}

/// DQN's: the last observation's features are the latent.
public struct LastObservationEncoder: SequenceEncoder {
  public let name: String? = nil
  public let readsWholeWindow = false
  private let modelSize: Int

  /// It has no parameters.
  public init(_ sizes: NetworkSizes) { modelSize = sizes.modelSize }
  public func callAsFunction(_ features: Tensor, time: Int, on tape: Tape) -> Tensor { features }
  public func makeWindow(time: Int) -> (any SlidingWindow)? { LastToken(modelSize) }
  public var sequence: (any SequenceLayer)? { PassThrough(inputSize: modelSize) }
  public func forEachParameter(_ body: (String, Parameter) -> Void) {}
}

/// A layer that changes nothing and remembers nothing.
private struct PassThrough: SequenceLayer {
  let inputSize: Int
  var outputSize: Int { inputSize }
  var stateLayout: StateLayout { StateLayout() }
  var workPerPosition: Int { 0 }

  func callAsFunction(
    _ x: Tensor, _ shape: SequenceShape, from state: Tensor?, reading: Positions, on tape: Tape
  ) -> (output: Tensor, state: Tensor?) { (reading == .all ? x : x.lastPosition(time: shape.time), nil) }
  func makeStepper() -> any SequenceStepper { Stepper() }
  func forEachParameter(_ body: (String, Parameter) -> Void) {}

  private final class Stepper: SequenceStepper {
    func parametersChanged() {}
    func step(_ x: UnsafePointer<Float>, state: UnsafeMutablePointer<Float>) -> UnsafeMutablePointer<Float> {
      UnsafeMutablePointer(mutating: x)
    }
  }
}

private final class LastToken: SlidingWindow {
  private let latent: Buffer
  init(_ size: Int) { latent = Buffer(count: size) }
  func reset() {}
  func push(_ features: UnsafePointer<Float>) -> UnsafeMutablePointer<Float> {
    latent.pointer.update(from: features, count: latent.count)
    return latent.pointer
  }
}
