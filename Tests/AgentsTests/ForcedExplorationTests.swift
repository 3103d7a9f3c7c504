/// Where observations repeat, every action is tried so often at each before the greedy one is taken.
import Agents
import Records
import Testing

@Suite struct ForcedExplorationTests {
  private func agent(_ change: (inout ExperimentConfig) -> Void) throws -> DQNAgent {
    var config = ExperimentConfig()
    (config.encoder, config.windowLength, config.hiddenSize, config.modelSize) = (.dqn, 1, 8, 8)
    (config.replayCapacity, config.epsilonStart, config.epsilonEnd, config.leastTries) = (100, 0, 0, 3)
    change(&config)
    return try DQNAgent(config: config, encoder: ObservationEncoder(config, observationSize: 2, actionCount: 4))
  }

  /// The observations of a walk, in no order; a naive table beside the agent's.
  @Test(arguments: [1, 2]) func everyActionIsTakenSoOftenFirst(_ actors: Int) throws {
    let agent = try agent { $0.actors = actors }, places: [[Float]] = [[0, 0], [0, 1], [1, 0], [0, -1]]
    var counts = Array(repeating: Array(repeating: 0, count: 4), count: places.count)
    var at = Array(repeating: 0, count: actors), greedy: [Int: Int] = [:]
    for actor in 0..<actors { try places[0].withUnsafeBufferPointer { try agent.beginEpisode($0, actor: actor) } }
    for step in 0..<120 {
      let decisions = agent.act(step: step * actors, count: actors)
      // Those who act at once know what was counted before, not what the others are about to do.
      let before = counts
      for (actor, decision) in decisions.enumerated() {
        let tried = before[at[actor]]
        if let least = tried.min(), least < 3 {
          #expect(decision.action == tried.firstIndex(of: least), "step \(step)")
        } else {
          // The network never learns here: its choice is the same for ever.
          #expect(decision.action == greedy[at[actor], default: decision.action], "step \(step)")
          greedy[at[actor]] = decision.action
        }
        counts[at[actor]][decision.action] += 1
        at[actor] = (step * 7 + actor * 3 + decision.action) % places.count
        try places[at[actor]].withUnsafeBufferPointer {
          try agent.remember(action: decision.action, reward: 0, terminated: false, truncated: false, next: $0, actor: actor)
        }
      }
    }
    #expect(greedy.count == places.count && counts.allSatisfy { $0.min() ?? 0 >= 3 })
  }

  /// What an environment forbids is not tried either; and of actions that were taken often enough the best remains.
  @Test func forbiddenActionsAreNotTried() throws {
    let agent = try agent { $0.leastTries = 2 }
    try [Float](repeating: 0, count: 2).withUnsafeBufferPointer {
      try agent.beginEpisode($0, allowed: [false, true, false, true])
    }
    var taken: [Int] = []
    for step in 0..<8 {
      taken.append(agent.act(step: step)[0].action)
      try [Float](repeating: 0, count: 2).withUnsafeBufferPointer {
        try agent.remember(
          action: taken[step], reward: 0, terminated: false, truncated: false, next: $0, allowed: [false, true, false, true])
      }
    }
    #expect(taken.prefix(4) == [1, 3, 1, 3] && Set(taken.dropFirst(4)).count == 1 && [1, 3].contains(taken[4]))
  }

  /// ε over the observation's share of all steps so far, at most `rareEpsilon`: here every 25th step is at another place.
  @Test(arguments: [(0.5, 0.25), (0.1, 0.1), (0, 0.01)])
  func chanceActsMoreOftenWhereItIsRarelyAsked(_ rareEpsilon: Double, _ atTheOther: Double) throws {
    let agent = try agent { ($0.leastTries, $0.epsilonStart, $0.epsilonEnd, $0.rareEpsilon) = (0, 0.01, 0.01, rareEpsilon) }
    let places: [[Float]] = [[0, 0], [1, 0]]
    var taken = Array(repeating: [0, 0, 0, 0], count: 2)
    try places[1].withUnsafeBufferPointer { try agent.beginEpisode($0) }
    for step in 0..<50_000 {
      let action = agent.act(step: step)[0].action
      taken[step % 25 == 0 ? 1 : 0][action] += 1
      try places[(step + 1) % 25 == 0 ? 1 : 0].withUnsafeBufferPointer {
        try agent.remember(action: action, reward: 0, terminated: false, truncated: false, next: $0)
      }
    }
    for (taken, epsilon) in zip(taken, [0.01, atTheOther]) {
      let visits = Double(taken.reduce(0, +)), greedy = Double(taken.max() ?? 0)  // a fourth of random actions are greedy ones
      let expected = 0.75 * epsilon, deviation = (expected * (1 - expected) / visits).squareRoot()
      #expect(abs(1 - greedy / visits - expected) < 4 * deviation)
    }
  }

  /// Without it exploration is ε's alone: not one action more at random.
  @Test func withoutItTheGreedyActionIsTakenAtOnce() throws {
    let agent = try agent { $0.leastTries = 0 }
    try [Float](repeating: 0.5, count: 2).withUnsafeBufferPointer { try agent.beginEpisode($0) }
    let first = agent.act(step: 0)[0].action
    for step in 1..<6 {
      try [Float](repeating: 0.5, count: 2).withUnsafeBufferPointer {
        try agent.remember(action: first, reward: 0, terminated: false, truncated: false, next: $0)
      }
      #expect(agent.act(step: step)[0].action == first)
    }
  }
}
