/// Episodes without learning: of a network's greedy choice, or of a policy that needs no network.
import Agents
import Environments

/// `episodes` greedy episodes; episode i is seeded with `seed` + i.
public func evaluate(
  _ actor: ActingState, in environment: any Environment, episodes: Int, seed: UInt64,
  stopRequested: () -> Bool = { false }
) throws -> [Episode] {
  try runEpisodes(in: environment, episodes: episodes, seed: seed, stopRequested: stopRequested) { observation, isFirst in
    if isFirst { actor.begin(observation) } else { actor.observe(observation) }
    return actor.greedyAction()
  }
}

public func evaluate(
  _ policy: any Policy, in environment: any Environment, episodes: Int, seed: UInt64,
  stopRequested: () -> Bool = { false }
) throws -> [Episode] {
  var policy = policy
  return try runEpisodes(in: environment, episodes: episodes, seed: seed, stopRequested: stopRequested) { observation, _ in
    policy.action(for: observation)
  }
}

private func runEpisodes(
  in environment: any Environment, episodes: Int, seed: UInt64, stopRequested: () -> Bool,
  choose: (_ observation: UnsafeBufferPointer<Float>, _ isFirst: Bool) -> Int
) throws -> [Episode] {
  var environment = environment
  var observation = [Float](repeating: 0, count: environment.observationSpace.count)
  var finished: [Episode] = []
  for index in 0..<episodes where !stopRequested() {
    var episode = Episode(return: 0, length: 0, terminated: false, truncated: false)
    try observation.withUnsafeMutableBufferPointer { try environment.reset(seed: seed + UInt64(index), into: $0) }
    while !(episode.terminated || episode.truncated) {
      let action = observation.withUnsafeBufferPointer { choose($0, episode.length == 0) }
      let step = try observation.withUnsafeMutableBufferPointer { try environment.step(action, into: $0) }
      episode.return += step.reward
      episode.length += 1
      episode.terminated = step.terminated
      episode.truncated = step.truncated
    }
    finished.append(episode)
  }
  return finished
}
