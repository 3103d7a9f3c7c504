/// What acts in a recorded episode: a network's greedy choice with all that it answered, or a policy without a network.
import Agents
import Environments
import Networks
import Rendering

extension RecordedActor {
  /// The greedy choice of `network`, with its Q-values and latent.
  ///
  /// - Parameter traces: what else to keep of the moment an observation was answered, always the same names.
  public init(_ network: QNetwork, traces: @escaping () -> [EpisodeRecording.Decision.Trace] = { [] }) {
    let state = ActingState(network, stepping: true), sizes = network.sizes
    self.init { observation, isFirst in
      if isFirst { state.begin(observation) } else { state.observe(observation) }
      let (q, latent) = state.evaluate()
      return EpisodeRecording.Decision(
        action: state.greedyAction(), values: Array(UnsafeBufferPointer(start: q, count: sizes.actionCount)),
        latent: Array(UnsafeBufferPointer(start: latent, count: sizes.modelSize)), traces: traces())
    }
  }

  /// A policy, made anew for every episode from the episode's seed.
  public init(_ make: @escaping (_ seed: UInt64) -> any Policy) {
    var policy = make(0)
    self.init(begin: { policy = make($0) }) { observation, _ in .init(action: policy.action(for: observation)) }
  }
}
