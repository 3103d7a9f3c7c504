/// Where observations repeat, chance acts more often at those that are rarely met.
import Agents
import Records
import Testing

@Suite struct RareObservationTests {
  /// ε over the observation's share of all steps so far, at most `rareEpsilon`: here every 25th step is at another place.
  @Test(arguments: [(0.5, 0.25), (0.1, 0.1), (0, 0.01)], [nil, [false, true, true, false]])
  func chanceActsMoreOftenWhereItIsRarelyAsked(_ epsilons: (rare: Double, atTheOther: Double), _ allowed: [Bool]?) throws {
    var config = ExperimentConfig()
    (config.encoder, config.windowLength, config.hiddenSize, config.modelSize, config.replayCapacity) = (.dqn, 1, 8, 8, 100)
    (config.epsilonStart, config.epsilonEnd, config.rareEpsilon) = (0.01, 0.01, epsilons.rare)
    let agent = try DQNAgent(config: config, encoder: ObservationEncoder(config, observationSize: 2, actionCount: 4))
    let places: [[Float]] = [[0, 0], [1, 0]]
    var taken = Array(repeating: [0, 0, 0, 0], count: 2)
    try places[1].withUnsafeBufferPointer { try agent.beginEpisode($0, allowed: allowed) }
    for step in 0..<50_000 {
      let action = agent.act(step: step)[0].action, next = (step + 1) % 25 == 0 ? 1 : 0
      taken[step % 25 == 0 ? 1 : 0][action] += 1
      try places[next].withUnsafeBufferPointer {
        try agent.remember(
          action: action, reward: 0, terminated: false, truncated: false, next: $0, allowed: next == 1 ? allowed : nil)
      }
    }
    let choices = [4, allowed?.count { $0 } ?? 4]
    for (place, (taken, epsilon)) in zip(taken, [0.01, epsilons.atTheOther]).enumerated() {
      // One of the random actions is the greedy one.
      let visits = Double(taken.reduce(0, +)), greedy = Double(taken.max() ?? 0)
      let expected = (1 - 1 / Double(choices[place])) * epsilon, deviation = (expected * (1 - expected) / visits).squareRoot()
      #expect(abs(1 - greedy / visits - expected) < 4 * deviation)
      #expect(taken.count { $0 > 0 } == choices[place])
    }
    if let allowed { #expect(zip(taken[1], allowed).allSatisfy { $0 == 0 || $1 }) }
  }
}
