/// Episodes without learning: of a network's greedy choice, or of a policy that needs no network.
import Agents
import Environments

/// What chooses an episode's actions. Each environment has one of its own, so that episodes can run side by side.
public struct EpisodeActor {
  /// A new episode, with this seed, begins.
  var begin: (_ seed: UInt64) -> Void
  /// The reward of the last action, nil at an episode's first observation; the environment's `actionMask`.
  var choose: (_ observation: UnsafeBufferPointer<Float>, _ reward: Double?, _ allowed: [Bool]?) -> Int

  /// The network's greedy choice.
  public init(_ state: ActingState) {
    var last = 0
    begin = { _ in }
    choose = { observation, reward, allowed in
      if let reward { state.observe(observation, after: last, reward: Float(reward)) } else { state.begin(observation) }
      last = state.greedyAction(allowed: allowed)
      return last
    }
  }

  /// A policy, made anew for every episode from the episode's seed.
  public init(_ make: @escaping (_ seed: UInt64) -> any Policy) {
    var policy = make(0)
    begin = { policy = make($0) }
    choose = { observation, _, allowed in policy.action(for: observation, allowed: allowed) }
  }
}

/// `episodes` episodes, in order; episode i is seeded with `seed` + i (beyond 2⁶⁴ − 1 from 0 again), and what becomes of it depends on that alone.
///
/// - Parameters:
///   - parallel: how many episodes are played side by side, spread over the cores.
///   - stopRequested: asked between steps; if true, the episodes finished until then are returned.
public func evaluate(
  _ makeActor: () throws -> EpisodeActor, in makeEnvironment: () throws -> any Environment, episodes: Int, seed: UInt64,
  parallel: Int = 1, stopRequested: () -> Bool = { false }
) throws -> [Episode] {
  let count = min(parallel, episodes)
  let world = try VectorEnvironment(count: count, autoreset: .disabled, threads: parallel, make: makeEnvironment)
  let actors = try (0..<count).map { _ in try makeActor() }
  var playing = Array(0..<count).map(Optional.some)
  var begun = count
  var current = Array(repeating: Episode(return: 0, length: 0, terminated: false, truncated: false), count: count)
  /// Sums of the present episodes' speeds.
  var speeds = [Double?](repeating: nil, count: count)
  var finished = [Episode?](repeating: nil, count: episodes)

  for (slot, actor) in actors.enumerated() { actor.begin(seed &+ UInt64(slot)) }
  try world.reset(seed: seed)
  while playing.contains(where: { $0 != nil }) && !stopRequested() {
    let rewards = current.indices.map { current[$0].length == 0 ? nil : world.results[$0].reward }
    try world.step { slot, observation in actors[slot].choose(observation, rewards[slot], world.actionMask(of: slot)) }
    var starts = [UInt64?](repeating: nil, count: count)
    for slot in 0..<count {
      guard let episode = playing[slot] else { continue }
      let result = world.results[slot]
      current[slot].return += result.reward
      current[slot].length += 1
      speeds[slot] = world.speed(of: slot).map { (speeds[slot] ?? 0) + $0 }
      guard result.isLast else { continue }
      (current[slot].terminated, current[slot].truncated) = (result.terminated, result.truncated)
      current[slot].speed = speeds[slot].map { $0 / Double(current[slot].length) }
      speeds[slot] = nil
      finished[episode] = current[slot]
      playing[slot] = begun < episodes ? begun : nil
      guard begun < episodes else { continue }
      current[slot] = Episode(return: 0, length: 0, terminated: false, truncated: false)
      starts[slot] = seed &+ UInt64(begun)
      begun += 1
    }
    if starts.contains(where: { $0 != nil }) {
      for (slot, start) in starts.enumerated() { if let start { actors[slot].begin(start) } }
      try world.reset(seeds: starts, only: starts.map { $0 != nil })
    }
  }
  return finished.compactMap { $0 }
}
