/// The plain DQN: the features of the last observation are the latent.
import Autograd
import Kernels
import Layers

public struct LastObservationEncoder: SequenceEncoder {
  public let name: String? = nil
  public let readsWholeWindow = false

  public init() {}
  public func callAsFunction(_ features: Tensor, time: Int, readout: LinearReadout?, on tape: Tape) -> Tensor { features }
  public func forEachParameter(_ body: (String, Parameter) -> Void) {}
}
