/// What becomes of an episode depends on its seed, not on how many are played side by side.
import Environments
import Testing
import Training

@Suite struct EvaluatorTests {
  /// Takes actions that depend on the seed, the observation and how often it was asked.
  private struct Wanderer: Policy {
    let seed: UInt64
    var calls: UInt64 = 0
    mutating func action(for observation: UnsafeBufferPointer<Float>) -> Int {
      calls += 1
      return Int((seed * 5 + calls * 3 + UInt64(observation[1] * 100)) % 5)
    }
  }

  @Test(arguments: [1, 2, 3, 8]) func sideBySideEqualsOneAfterAnother(_ parallel: Int) throws {
    let episodes = try evaluate(
      { EpisodeActor { Wanderer(seed: $0) } }, in: { Highway(options: .highwayFast) }, episodes: 7, seed: 20,
      parallel: parallel)
    var expected: [Episode] = []
    for seed in UInt64(20)..<27 {
      var world = Highway(options: .highwayFast), policy = Wanderer(seed: seed)
      var observation = try world.reset(seed: seed)
      var episode = Episode(return: 0, length: 0, terminated: false, truncated: false), speeds = 0.0
      while !(episode.terminated || episode.truncated) {
        let step: Step
        (observation, step) = try world.step(observation.withUnsafeBufferPointer { policy.action(for: $0) })
        episode.return += step.reward
        episode.length += 1
        speeds += try #require(world.speed)
        (episode.terminated, episode.truncated) = (step.terminated, step.truncated)
      }
      episode.speed = speeds / Double(episode.length)
      expected.append(episode)
    }
    #expect(episodes == expected)
  }

  @Test func aStopLeavesTheFinishedEpisodes() throws {
    var asked = 0
    let episodes = try evaluate(
      { EpisodeActor { Wanderer(seed: $0) } }, in: { Highway(options: .highwayFast) }, episodes: 100, seed: 0,
      stopRequested: {
        asked += 1
        return asked > 60
      })
    #expect(!episodes.isEmpty && episodes.count < 100)
  }
}
