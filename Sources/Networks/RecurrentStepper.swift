/// Acting with a memory: Q-values and latent of one observation after another from a recurrent state, at constant cost.
import Autograd
import Kernels
import Layers

/// A network with a state, one observation at a time, at constant cost. Parts of an observation are many sequences side by side,
/// which go through the layers together.
public final class RecurrentStepper {
  private enum Way {
    /// `sum`: where the latent has the features added to it.
    case single(TorsoStepper, any SequenceStepper, HeadStepper, sum: Buffer?)
    case parts(QFunction, Tape)
  }
  private let way: Way
  /// Floats of a state.
  public let stateSize: Int

  /// Nil for a network that only knows windows.
  public init?(_ network: QNetwork) {
    guard let layout = network.stateLayout, let sequence = network.members[0].encoder.sequence else { return nil }
    let member = network.members[0]
    way =
      network.sizes.parts > 1
      ? .parts(member, Tape())
      : .single(
        TorsoStepper(member.torso), sequence.makeStepper(), HeadStepper(member.head),
        sum: member.isResidual ? Buffer(count: network.sizes.modelSize) : nil)
    stateSize = layout.count
  }

  /// To be called after the network has learned.
  public func parametersChanged() { if case .single(_, let layer, _, _) = way { layer.parametersChanged() } }

  /// Mean Δ of the last step of each Mamba block (`SequenceStepper.meanSteps`); none of parts side by side.
  public var meanSteps: [Float] { if case .single(_, let layer, _, _) = way { layer.meanSteps } else { [] } }

  /// observation [observationSize] → Q-values [actions] and latent [modelSize], valid until the next call; `state` [stateSize]
  /// moves on in place. An episode begins with zeros.
  public func step(
    _ observation: UnsafePointer<Float>, state: UnsafeMutablePointer<Float>
  ) -> (q: UnsafeMutablePointer<Float>, latent: UnsafeMutablePointer<Float>) {
    switch way {
    case .single(let torso, let layer, let head, let sum):
      let features = torso(observation)
      var latent = layer.step(features, state: state)
      if let sum {
        Elementwise.sum(sum.count, latent, features, into: sum.pointer)
        latent = sum.pointer
      }
      return (head(latent), latent)
    case .parts(let member, let tape):
      tape.reset()
      let (q, latent, final) = tape.withoutGradient {
        member(
          Tensor(data: observation, rows: 1, columns: member.sizes.observationSize), SequenceShape(batch: 1, time: 1),
          from: stateSize > 0 ? Tensor(data: state, rows: 1, columns: stateSize) : nil, on: tape)
      }
      if let final { state.update(from: final.values, count: stateSize) }
      return (q.values, latent.values)
    }
  }
}
