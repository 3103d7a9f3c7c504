/// What falls due in a run, by number: when gradient steps are taken and the target network is copied, what progress.csv says
/// of them, and what is measured of observations before the run begins.
import Agents
import Environments
import Foundation
import Records
import TestSupport
import Testing
import Training

/// The same episode again and again: whatever is done, and whatever seed it begins from.
private struct Clockwork: Environment {
  static let observations: [[Float]] = [[1, 0.001], [3, 0.001], [-5, 0.001], [2, 0.001]]
  let observationSpace = BoxSpace(shape: [2], low: [-10, -10], high: [10, 10])
  let actionSpace = DiscreteSpace(names: ["TICK", "TOCK"])
  private var steps = 0

  mutating func reset(seed: UInt64?, into observation: UnsafeMutableBufferPointer<Float>) {
    steps = 0
    write(observation)
  }
  mutating func step(_ action: Int, into observation: UnsafeMutableBufferPointer<Float>) -> Step {
    steps += 1
    write(observation)
    return Step(reward: Double(steps) - 2 * Double(action), terminated: steps == 3, truncated: false)
  }
  private func write(_ observation: UnsafeMutableBufferPointer<Float>) {
    (observation[0], observation[1]) = (Self.observations[steps][0], Self.observations[steps][1])
  }
}

@Suite struct DueTests {
  private func config(_ change: (inout ExperimentConfig) -> Void) -> ExperimentConfig {
    var config = ExperimentConfig()
    (config.environment, config.totalSteps, config.evaluationEpisodes) = ("Clockwork", 48, 0)
    (config.hiddenSize, config.modelSize, config.stateSize, config.windowLength) = (8, 8, 2, 3)
    (config.batchSize, config.replayCapacity, config.learningRate) = (4, 30, 0.01)
    change(&config)
    return config
  }

  private func trainer(_ config: ExperimentConfig, _ space: Workspace) throws -> (trainer: Trainer, folder: RunFolder) {
    let folder = RunFolder(path: space.file("run"))
    try makeFolder(folder.path)
    return (try Trainer(config: config, folder: folder) { Clockwork() }, folder)
  }

  /// A thousand random steps are 333 episodes of three, and one step.
  @Test func scalesAreMeasuredOverAThousandSteps() throws {
    let x = Clockwork.observations.map { Double($0[0]) }, space = try Workspace()
    let squares = x.map { $0 * $0 }, changes = zip(x, x.dropFirst()).map { ($1 - $0) * ($1 - $0) }
    let mean = (334 * (squares[0] + squares[1]) + 333 * (squares[2] + squares[3])) / 1334
    let meanChange = (334 * changes[0] + 333 * (changes[1] + changes[2])) / 1000
    for (inputs, scale) in [("observation,differences", "measured"), ("observation", "measured"), ("observation", "none")] {
      let encoder = try trainer(config { ($0.inputs, $0.observationScale) = (inputs, scale) }, space).trainer.agent.encoder
      #expect((encoder.scale == nil) == (scale == "none") && (encoder.differenceScale == nil) == (inputs == "observation"))
      if let found = encoder.scale { #expect(abs(Double(found[0]) * mean.squareRoot() - 1) < 1e-6 && found[1] == 100) }
      if let found = encoder.differenceScale {
        #expect(abs(Double(found[0]) * meanChange.squareRoot() - 1) < 1e-6 && found[1] == 1)
      }
    }
  }

  /// Beside the run an agent to which the same is done by hand, at the steps that the settings name.
  @Test(arguments: [(10, 1, 1), (10, 4, 3), (12, 4, 2), (11, 5, 1)])
  func gradientStepsAndCopies(_ starts: Int, _ interval: Int, _ each: Int) throws {
    let config = config {
      ($0.learningStarts, $0.gradientInterval, $0.gradientSteps, $0.targetSyncInterval) = (starts, interval, each, 7)
      ($0.learningRateEnd, $0.learningRateWarmup, $0.epsilonDecaySteps, $0.logInterval) = (0.2, 4, 40, 8)
    }
    let space = try Workspace(), (trainer, folder) = try trainer(config, space)
    #expect(try trainer.run() == .finished)
    let table = try String(contentsOfFile: folder.progress, encoding: .utf8).split(separator: "\n").map {
      $0.split(separator: ",", omittingEmptySubsequences: false).map(String.init)
    }
    func column(_ name: String) throws -> [String] {
      let index = try #require(table[0].firstIndex(of: name))
      return table.dropFirst().map { $0[index] }
    }

    let agent = try DQNAgent(config: config, encoder: trainer.agent.encoder)
    var world = Clockwork(), updates = 0, reports: [LearningReport] = [], first: Int?, rows: [[String: Double]] = []
    func begin() throws { try world.reset(seed: 0).withUnsafeBufferPointer { try agent.beginEpisode($0) } }
    try begin()
    for step in 1...48 {
      let action = agent.act(step: step)[0].action, (next, result) = try world.step(action)
      try next.withUnsafeBufferPointer {
        try agent.remember(action: action, reward: result.reward, terminated: result.terminated, truncated: false, next: $0)
      }
      if step > starts, step % interval == 0 {
        first = first ?? step
        for _ in 0..<each { reports.append(try agent.learn(step: step)) }
      }
      if step % 7 == 0 { agent.learner.syncTarget() }
      if result.isLast { try begin() }
      guard step % 8 == 0 else { continue }
      updates += reports.count
      func mean(_ values: [Float]) -> Double { values.reduce(0) { $0 + Double($1) } / Double(values.count) }
      let progress = Double(step) / 48, stale = reports.compactMap(\.staleness)
      rows.append([
        "train/n_updates": Double(each * (step / interval - min(step, starts) / interval)),
        "train/loss": mean(reports.map(\.loss)), "train/td_error": mean(reports.map(\.meanAbsoluteTDError)),
        "train/grad_norm": mean(reports.map(\.gradientNorm)), "train/q_mean": mean(reports.map(\.meanQ)),
        "train/learning_rate": 0.01 * min(1, Double(updates + 1) / 4) * (1 - 0.8 * progress),
        "replay/beta": 0.4 + 0.6 * progress, "replay/size": Double(min(step, 30)),
        "rollout/exploration_rate": 1 - 0.99 * min(1, Double(step) / 40),
        "replay/latent_staleness": mean(stale.map(\.distance)), "replay/latent_q_gap": mean(stale.map(\.qGap)),
      ])
      // About one measurement a row.
      let between = max(1, 8 * each / interval)
      #expect(stale.count == updates / between - (updates - reports.count) / between)
      reports = []
    }
    for (name, _) in rows[0] {
      for (row, found) in zip(rows, try column(name)) {
        let expected = row[name] ?? .nan
        #expect(
          expected.isNaN ? found.isEmpty : abs((Double(found) ?? .nan) - expected) < 1e-12, "\(name): \(found), \(expected)")
      }
    }
    #expect(try column("step") == ["8", "16", "24", "32", "40", "48"])
    #expect(first == config.firstLearningStep && trainer.agent.gradientSteps == updates && trainer.agent.weights == agent.weights)
  }
}
