/// The plain DQN: the features of the last observation are the latent.
import Autograd
import Kernels
import Layers

public struct LastObservationEncoder: SequenceEncoder {
  public let name: String? = nil
  public let readsWholeWindow = false
  private let modelSize: Int

  public init(_ sizes: NetworkSizes) { modelSize = sizes.modelSize }
  public func callAsFunction(_ features: Tensor, time: Int, readout: LinearReadout?, on tape: Tape) -> Tensor { features }
  public func makeWindow(time: Int) -> (any SlidingWindow)? { LastToken(modelSize) }
  public func forEachParameter(_ body: (String, Parameter) -> Void) {}
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
