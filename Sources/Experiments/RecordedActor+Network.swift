/// What acts in a recorded episode: a network's greedy choice with all that it answered, or a policy without a network.
import Agents
import Environments
import Rendering

extension RecordedActor {
  /// The greedy choice of an actor of fixed parameters, with its Q-values, its latent, and what it remembers.
  public init(_ state: ActingState) {
    var last = 0
    let tracer = MemoryTracer(state)
    self.init { observation, reward, allowed in
      if let reward { state.observe(observation, after: last, reward: Float(reward)) } else { state.begin(observation) }
      let (q, latent) = state.evaluate()
      last = state.greedyAction(allowed: allowed)
      return EpisodeRecording.Decision(
        action: last, values: Array(UnsafeBufferPointer(start: q, count: state.actionCount)),
        latent: Array(UnsafeBufferPointer(start: latent, count: state.latentSize)),
        traces: tracer.traces(isFirst: reward == nil).map { .init($0.name, $0.value) })
    }
  }

  /// A policy, made anew for every episode from the episode's seed.
  public init(_ make: @escaping (_ seed: UInt64) -> any Policy) {
    var policy = make(0)
    self.init(begin: { policy = make($0) }) { observation, _, allowed in
      .init(action: policy.action(for: observation, allowed: allowed))
    }
  }
}
