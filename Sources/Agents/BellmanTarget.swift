/// r + γ · max_a Q′(s′, a); just r where the bootstrap is cut. A pure function, above the stateful agent
/// (Mnih et al. 2015, eq. 2).
public func bellmanTarget(reward: Float, discount: Float, nextValue: Float, cut: Bool) -> Float {
  cut ? reward : reward + discount * nextValue
}

/// Whether a transition's bootstrap is cut. A time limit does not end the task, so only `terminated` does, unless the
/// published code's fault is asked for.
public func cutsBootstrap(terminated: Bool, truncated: Bool, cutAtTruncation: Bool) -> Bool {
  terminated || (truncated && cutAtTruncation)
}
