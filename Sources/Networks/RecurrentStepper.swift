/// Acting with a memory: Q-values and latent of one observation after another from a recurrent state, at constant cost.
import Autograd
import Kernels
import Layers

/// A network with a state, one observation at a time, at constant cost.
public final class RecurrentStepper {
  private let torso: TorsoStepper
  private let layer: any SequenceStepper
  private let head: HeadStepper
  /// Where the latent has the features added to it.
  private let sum: Buffer?
  /// Floats of a state, all members together.
  public let stateSize: Int

  /// Nil for a network that only knows windows.
  public init?(_ network: QNetwork) {
    guard network.stateLayout != nil, let sequence = network.members[0].encoder.sequence else { return nil }
    let member = network.members[0]
    torso = TorsoStepper(member.torso)
    layer = sequence.makeStepper()
    head = HeadStepper(member.head)
    sum = member.isResidual ? Buffer(count: network.sizes.modelSize) : nil
    stateSize = sequence.stateLayout.count
  }

  /// To be called after the network has learned.
  public func parametersChanged() { layer.parametersChanged() }

  /// observation [observationSize] → Q-values [actions] and latent [modelSize], valid until the next call; `state` [stateSize]
  /// moves on in place. An episode begins with zeros.
  public func step(
    _ observation: UnsafePointer<Float>, state: UnsafeMutablePointer<Float>
  ) -> (q: UnsafeMutablePointer<Float>, latent: UnsafeMutablePointer<Float>) {
    let features = torso(observation)
    var latent = layer.step(features, state: state)
    if let sum {
      Elementwise.sum(sum.count, latent, features, into: sum.pointer)
      latent = sum.pointer
    }
    return (head(latent), latent)
  }
}
