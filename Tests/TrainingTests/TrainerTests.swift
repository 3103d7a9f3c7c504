/// A whole run on a small world: same seed, same bytes; stopped and resumed, same bytes; bad numbers are named.
import Environments
import Foundation
import Randomness
import Records
import TestSupport
import Testing
import Training

/// A walk on a line whose episodes end, or are cut off after 25 steps. Deterministic given its seed.
private struct Corridor: Environment {
  let observationSpace = BoxSpace(shape: [2], low: [-10, -10], high: [10, 10])
  let actionSpace = DiscreteSpace(names: ["LEFT", "RIGHT"])
  var badReward: Double?
  private var generator = SplitMix64(seed: 0)
  private var position: Float = 0
  private var steps = 0

  init(badReward: Double? = nil) { self.badReward = badReward }

  mutating func reset(seed: UInt64?, into observation: UnsafeMutableBufferPointer<Float>) {
    if let seed { generator = SplitMix64(seed: seed) }
    (position, steps) = (Float(generator.uniform(-1, 1)), 0)
    write(observation)
  }
  mutating func step(_ action: Int, into observation: UnsafeMutableBufferPointer<Float>) -> Step {
    position += (action == 1 ? 0.5 : -0.5) + Float(generator.uniform(-0.1, 0.1))
    steps += 1
    write(observation)
    let reward = steps == 20 ? badReward ?? Double(position) : Double(position)
    return Step(reward: reward, terminated: abs(position) > 3, truncated: steps == 25)
  }
  private func write(_ observation: UnsafeMutableBufferPointer<Float>) {
    (observation[0], observation[1]) = (position, Float(steps) / 25)
  }
}

@Suite struct TrainerTests {
  private func config(_ encoder: EncoderKind = .mamba, threads: Int = 1) -> ExperimentConfig {
    var config = ExperimentConfig()
    config.threads = threads
    (config.environment, config.encoder, config.totalSteps, config.learningStarts) = ("Corridor", encoder, 260, 60)
    (config.hiddenSize, config.modelSize, config.stateSize, config.windowLength) = (16, 16, 4, 5)
    (config.batchSize, config.replayCapacity, config.targetSyncInterval) = (8, 100, 40)
    (config.checkpointInterval, config.evaluationInterval, config.evaluationEpisodes) = (50, 70, 2)
    config.logInterval = 30
    return config
  }

  private struct Outcome: Equatable {
    var weights: [Float] = []
    var progress: [String] = []
    var monitor: [String] = []
    var evaluations: Data?
  }

  private func outcome(_ trainer: Trainer, _ folder: RunFolder) throws -> Outcome {
    var outcome = Outcome()
    trainer.agent.forEachParameter { _, _, values in outcome.weights += values }
    func rows(_ path: String, _ columns: Int) throws -> [String] {
      try String(contentsOfFile: path, encoding: .utf8).split(separator: "\n").map {
        $0.split(separator: ",", omittingEmptySubsequences: false).prefix(columns).joined(separator: ",")
      }
    }
    outcome.progress = try rows(folder.progress, 12)
    outcome.monitor = try Array(rows(folder.monitor, 2).dropFirst())
    outcome.evaluations = FileManager.default.contents(atPath: folder.evaluations)
    return outcome
  }

  private func make(
    _ config: ExperimentConfig, _ folder: RunFolder, resuming: CheckpointReader? = nil, badReward: Double? = nil
  ) throws -> Trainer {
    if resuming == nil { try folder.create() }
    return try Trainer(config: config, folder: folder, resuming: resuming) { Corridor(badReward: badReward) }
  }

  @Test(arguments: EncoderKind.published, [1, 3]) func sameSeedSameBytes(_ encoder: EncoderKind, threads: Int) throws {
    let space = try Workspace()
    var outcomes: [Outcome] = []
    for name in ["a", "b", "other"] {
      var config = config(encoder, threads: threads)
      config.seed = name == "other" ? 1 : 0
      let folder = RunFolder(path: space.file(name))
      let trainer = try make(config, folder)
      #expect(try trainer.run() == .finished)
      outcomes.append(try outcome(trainer, folder))
    }
    #expect(outcomes[0] == outcomes[1])
    #expect(outcomes[0].weights != outcomes[2].weights)
    #expect(outcomes[0].progress.count == 10 && outcomes[0].evaluations != nil)
  }

  /// Stopped at steps before, at and after learning starts, in the middle of episodes and at their ends; each resumed run is
  /// stopped again. What was logged after the checkpoint is written anew.
  @Test(arguments: EncoderKind.published, [1, 2]) func stoppedAndResumedSameBytes(_ encoder: EncoderKind, threads: Int) throws {
    let space = try Workspace()
    let straightFolder = RunFolder(path: space.file("straight"))
    let straight = try make(config(encoder, threads: threads), straightFolder)
    _ = try straight.run()
    let expected = try outcome(straight, straightFolder)

    let folder = RunFolder(path: space.file("stopped"))
    var trainer = try make(config(encoder, threads: threads), folder)
    for stop in [3, 59, 61, 100, 131, 210, 259] {
      #expect(try trainer.run(stopRequested: { trainer.step == stop }) == .stopped(step: stop))
      // As after SIGKILL: more steps whose log lines no checkpoint knows of.
      if stop < 200 { _ = try? trainer.run(stopRequested: { trainer.step == stop + 7 }) }
      let store = try CheckpointStore(directory: folder.checkpoints)
      for path in store.paths where path > "\(folder.checkpoints)/step-\(String(format: "%010d", stop)).checkpoint" {
        try FileManager.default.removeItem(atPath: path)
      }
      let newest = try #require(store.newest())
      trainer = try make(config(encoder, threads: threads), folder, resuming: newest.reader)
      #expect(trainer.step == stop)
    }
    #expect(try trainer.run() == .finished)
    #expect(try outcome(trainer, folder) == expected)
  }

  @Test func aRewardThatIsNotFiniteIsNamed() throws {
    for bad in [Double.nan, .infinity] {
      let space = try Workspace()
      var config = config()
      config.epsilonEnd = 1
      let trainer = try make(config, RunFolder(path: space.file("run")), badReward: bad)
      do {
        _ = try trainer.run()
        Issue.record("a reward of \(bad) went through")
      } catch let error as TrainingError {
        #expect(error.description.contains("step ") && error.description.contains("Corridor"))
      }
    }
  }
}
