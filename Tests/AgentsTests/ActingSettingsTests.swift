/// What an actor sees and how it explores, by number: inputs, scales, ε of every actor, and the schedules.
import Agents
import Foundation
import Networks
import Randomness
import Records
import TestSupport
import Testing

@Suite struct ActingSettingsTests {
  private func config(_ change: (inout ExperimentConfig) -> Void) -> ExperimentConfig {
    var config = ExperimentConfig()
    (config.encoder, config.windowLength, config.hiddenSize, config.modelSize) = (.dqn, 1, 8, 8)
    (config.replayCapacity, config.latents) = (100, .none)
    change(&config)
    return config
  }

  /// One over root mean squares: of 1 and 7, 1/5; of their difference, 1/6; at most 100 and 200; and 1 of what never moves.
  private var statistics: ObservationStatistics {
    var statistics = ObservationStatistics(observationSize: 4)
    statistics.add([1, 0.001, 0, 0], isFirst: true)
    statistics.add([7, 0.001, 0, 0.001], isFirst: false)
    return statistics
  }

  private func isClose(_ found: [Float], _ expected: [Float]) -> Bool {
    found.count == expected.count && zip(found, expected).allSatisfy { abs($0 - $1) <= 1e-6 * max(1, abs($1)) }
  }

  @Test func scalesAreMeasured() {
    #expect(isClose(statistics.scale, [0.2, 100, 1, 100]) && isClose(statistics.differenceScale, [1.0 / 6, 1, 1, 200]))
    // Where an episode begins there is no difference.
    var two = ObservationStatistics(observationSize: 1)
    for (value, isFirst) in [(Float(10), true), (13, false), (50, true), (45, false)] { two.add([value], isFirst: isFirst) }
    #expect(isClose(two.differenceScale, [Float(1 / 17.0.squareRoot())]))
  }

  /// Two episodes, whatever order `inputs` names things in: observation, differences, action, reward, as replay keeps them and
  /// as an actor reads them. Where an episode begins nothing has been done yet, and the observation before is another episode's.
  @Test func inputs() throws {
    let config = config {
      ($0.inputs, $0.observationScale, $0.rewardScale) = ("observation,reward,action,differences", "measured", 0.5)
    }
    let agent = try DQNAgent(
      config: config, encoder: ObservationEncoder(config, observationSize: 4, actionCount: 3, statistics: statistics))
    let actor = agent.makeActingState()
    var seen: [[Float]] = []
    func look() { seen.append(Array(actor.presentInput)) }
    func begin(_ observation: [Float]) throws {
      actor.begin(observation)
      try observation.withUnsafeBufferPointer { try agent.beginEpisode($0) }
      look()
    }
    func go(_ action: Int, _ reward: Double, _ next: [Float], ends: Bool = false) throws {
      actor.observe(next, after: action, reward: Float(reward))
      try next.withUnsafeBufferPointer {
        try agent.remember(action: action, reward: reward, terminated: ends, truncated: false, next: $0)
      }
      look()
    }
    try begin([5, 0.01, 3, 0])
    try go(2, 4, [8, 0.01, 1, 0.01])
    try go(0, -1, [-52, 0.03, 1, 0], ends: true)
    try begin([10, 0, 0, 0])
    try go(1, 3, [4, 0, 7, 0])
    let expected: [[Float]] = [
      [1, 1, 3, 0] + [0, 0, 0, 0] + [0, 0, 0] + [0],
      [1.6, 1, 1, 1] + [0.5, 0, -2, 2] + [0, 0, 1] + [2],
      [-10.4, 3, 1, 0] + [-5, 0.02, 0, -2] + [1, 0, 0] + [-0.5],  // a difference of −60 / 6 is clipped
      [2, 0, 0, 0] + [0, 0, 0, 0] + [0, 0, 0] + [0],
      [0.8, 0, 7, 0] + [-1, 0, 5, 0] + [0, 1, 0] + [1.5],
    ]
    #expect(zip(seen, expected).allSatisfy { isClose($0, $1) } && seen.count == expected.count)
    var saved = CheckpointMemory()
    try agent.save(to: &saved)
    for (name, rows) in [("observations", [0, 1, 3]), ("finals", [2]), ("current", [4])] {
      #expect(isClose(try saved.values("replay/\(name)"), rows.flatMap { expected[$0] }), "\(name)")
    }
    // And what is learned from.
    #expect(try saved.values("replay/rewards", as: Float.self) == [2, -0.5, 1.5])
  }

  @Test(
    arguments: [
      ("none", [5, -2, 3, 4]), ("2", [10, -4, 6, 8]), ("2,0.5", [10, -1, 6, 2]), ("measured", [1, -200, 3, 400]),
    ] as [(String, [Float])])
  func observationsAreScaled(_ scale: String, _ expected: [Float]) throws {
    let encoder = try ObservationEncoder(
      config { $0.observationScale = scale }, observationSize: 4, actionCount: 3, statistics: statistics)
    var input = [Float](repeating: .nan, count: encoder.inputSize)
    encoder.encode([5, -2, 3, 4], previous: [1, 1, 1, 1], action: 1, reward: 1, into: &input)
    #expect(isClose(input, expected))
  }

  /// Of n actors the i-th explores with ε^(1 + spread · i/(n − 1)) (Ape-X, Horgan et al. 2018, eq. 1, with α = spread), ε being
  /// that of its own environment step. What every actor drew is known from its generator.
  @Test(arguments: [(1, 3.0), (2, 7), (4, 3), (4, 0)]) func epsilons(_ count: Int, _ spread: Double) throws {
    let config = config {
      ($0.actors, $0.epsilonSpread, $0.epsilonStart, $0.epsilonEnd, $0.epsilonDecaySteps) = (count, spread, 0.9, 0.2, 300)
    }
    let agent = try DQNAgent(config: config, encoder: ObservationEncoder(config, observationSize: 2, actionCount: 5))
    let observations = (0..<count).map { [Float($0) / 4, 1 - Float($0)] }
    for (actor, observation) in observations.enumerated() {
      try observation.withUnsafeBufferPointer { try agent.beginEpisode($0, actor: actor) }
    }
    let greedy = observations.map { observation in
      let q = agent.learner.online.evaluate(observation, batch: 1, time: 1).q
      return (action: q.firstIndex(of: q.max() ?? 0), value: q.max() ?? 0)
    }
    var explored = 0
    for step in stride(from: 0, to: 600, by: count) {
      let states = agent.explorationStates
      for (actor, decision) in agent.act(step: step, count: count).enumerated() {
        let epsilon = 0.9 + min(1, Double(step + actor) / 300) * (0.2 - 0.9)
        let exponent = count == 1 ? 1 : 1 + spread * Double(actor) / Double(count - 1)
        var generator = SplitMix64(seed: states[actor])
        let explores = generator.uniform() < pow(epsilon, exponent)
        let action = explores ? Int(generator.next(upperBound: UInt64(5))) : greedy[actor].action
        #expect(decision.action == action && abs(decision.value - greedy[actor].value) < 1e-6, "actor \(actor), step \(step)")
        #expect(agent.explorationStates[actor] == generator.state, "actor \(actor), step \(step)")
        explored += explores ? 1 : 0
      }
    }
    #expect(explored > 20 && explored < 580)
  }
}
