/// One actor: its memory, its exploration, and what of it goes into replay.
import Autograd
import Randomness

#if canImport(Glibc)
  import func Glibc.pow
#elseif canImport(Darwin)
  import func Darwin.pow
#endif

final class Actor {
  let state: ActingState
  var generator: SplitMix64
  /// The actor's ε is the agent's raised to this power.
  let epsilonExponent: Double
  /// The latent at the observation that the last action was chosen at, and the recurrent state before it.
  let latent: Buffer
  let stateBefore: Buffer?
  /// What the present observation allows; nil: everything.
  var allowed: [Bool]?
  /// What the present observation is counted as, where actions are counted.
  var key: UInt64 = 0

  init(_ state: ActingState, generator: SplitMix64, epsilonExponent: Double, latentSize: Int) {
    (self.state, self.generator, self.epsilonExponent) = (state, generator, epsilonExponent)
    latent = Buffer(count: latentSize)
    stateBefore = state.stateSize.map { Buffer(count: $0) }
  }

  /// ε-greedy, with an ε of the observation's own where visits are counted.
  func act(epsilon: Double, _ visits: VisitCounts?) -> Decision {
    let output = state.evaluate()
    latent.pointer.update(from: output.latent, count: latent.count)
    if let stateBefore, let before = state.stateBefore { stateBefore.pointer.update(from: before, count: stateBefore.count) }
    let greedy = state.argmax(output.q, allowed)
    let own = epsilonExponent == 1 ? epsilon : pow(epsilon, epsilonExponent), epsilon = visits?.epsilon(own, at: key) ?? own
    let explores = generator.uniform() < epsilon
    let action = explores ? randomAction() : greedy
    return Decision(action: action, value: output.q[greedy])
  }

  private func randomAction() -> Int {
    guard let allowed, allowed.contains(true) else { return Int(generator.next(upperBound: UInt64(state.actionCount))) }
    let choices = allowed.indices.filter { allowed[$0] }
    return choices[Int(generator.next(upperBound: UInt64(choices.count)))]
  }

  func moveOn(to observation: UnsafeBufferPointer<Float>, after action: Int, reward: Float) {
    state.observe(observation, after: action, reward: reward)
  }
}
