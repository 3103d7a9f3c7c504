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

/// The same walk as a picture of two pixels, each a whole number from 0 to 255.
private struct Pictures: Environment {
  let observationSpace: BoxSpace
  let actionSpace = DiscreteSpace(names: ["LEFT", "RIGHT"])
  private var corridor = Corridor()

  init(_ element: BoxSpace.Element) {
    observationSpace = BoxSpace(shape: [2], low: [0, 0], high: [255, 255], element: element)
  }
  mutating func reset(seed: UInt64?, into observation: UnsafeMutableBufferPointer<Float>) {
    corridor.reset(seed: seed, into: observation)
    develop(observation)
  }
  mutating func step(_ action: Int, into observation: UnsafeMutableBufferPointer<Float>) -> Step {
    defer { develop(observation) }
    return corridor.step(action, into: observation)
  }
  private func develop(_ observation: UnsafeMutableBufferPointer<Float>) {
    observation[0] = (128 + 30 * observation[0]).rounded()
    observation[1] = (255 * observation[1]).rounded()
  }
}

/// Ways to learn, each of which must be repeatable to the byte.
struct Way: CustomTestStringConvertible, Sendable {
  let testDescription: String
  let change: @Sendable (inout ExperimentConfig) -> Void

  static let published: [Way] = EncoderKind.published.flatMap { encoder in
    [1, 2, 3].map { threads in
      Way(testDescription: "\(encoder.rawValue), \(threads) threads") { ($0.encoder, $0.threads) = (encoder, threads) }
    }
  }
  private static func recurrent(_ config: inout ExperimentConfig) {
    (config.encoder, config.norm, config.replay, config.latents) = (EncoderKind(rawValue: "mamba2"), .rms, .sequence, .state)
    (config.batchSize, config.sequenceLength, config.sequenceOverlap, config.headSize) = (3, 8, 4, 8)
    config.inputs = "observation,action,reward"
  }
  static let all: [Way] =
    published + [
      Way(testDescription: "latents none") { $0.latents = .none },
      Way(testDescription: "latents target, 3-step") { ($0.latents, $0.nStep, $0.doubleQ) = (.target, 3, true) },
      Way(testDescription: "everything of the rule") {
        ($0.nStep, $0.doubleQ, $0.dueling, $0.valueRescaling, $0.averagedWeights) = (3, true, true, true, 0.9)
        ($0.targetUpdate, $0.gradientInterval, $0.gradientSteps, $0.loss) = (.polyak, 3, 2, .squared)
        ($0.learningRateWarmup, $0.learningRateEnd, $0.encoderLearningRate) = (5, 0.1, 0.5)
        ($0.residual, $0.layerNorm, $0.headHidden, $0.outputScale) = (true, true, 8, 0.1)
        ($0.inputs, $0.observationScale) = ("observation,action,reward,differences", "measured")
      },
      Way(testDescription: "3 members, entities, 2 threads, dqn") {
        ($0.members, $0.latents, $0.encoder, $0.threads) = (3, .none, .dqn, 2)
        ($0.entities, $0.inputs, $0.averagedWeights, $0.encoderLearningRate) = (2, "observation,action", 0.9, 0.5)
      },
      Way(testDescription: "3 members with a common target, 2 threads") {
        ($0.members, $0.latents, $0.pessimism, $0.doubleQ, $0.threads) = (3, .none, 0.5, true, 2)
      },
      Way(testDescription: "2 members, mamba") { ($0.members, $0.latents, $0.encoderLearningRate) = (2, .none, 0.5) },
      Way(testDescription: "3 actors") { ($0.actors, $0.epsilonSpread) = (3, 4) },
      Way(testDescription: "2 actors, more chance where it is rarely asked") {
        ($0.actors, $0.epsilonStart, $0.epsilonEnd, $0.rareEpsilon) = (2, 0.1, 0.1, 0.4)
      },
      Way(testDescription: "stored states") { recurrent(&$0) },
      Way(testDescription: "states refreshed, burn-in, 2 threads, 3 actors, mamba3") {
        recurrent(&$0)
        ($0.encoder, $0.latents, $0.burnIn) = (EncoderKind(rawValue: "mamba3"), .refresh, 2)
        ($0.threads, $0.actors, $0.nStep) = (2, 3, 2)
      },
      Way(testDescription: "zero start, cut at episodes, lstm") {
        recurrent(&$0)
        ($0.encoder, $0.norm, $0.latents, $0.crossEpisodes) = (.lstm, .none, .none, false)
      },
      Way(testDescription: "tapes of episodes, transformer, 2 actors") {
        recurrent(&$0)
        ($0.encoder, $0.latents, $0.sequenceStart, $0.priorityExponent) = (.transformer, .none, .episode, 0)
        ($0.layers, $0.actors) = (2, 2)
      },
      Way(testDescription: "parts, mamba3, 2 actors") {
        recurrent(&$0)
        ($0.encoder, $0.latents, $0.perAction, $0.headHidden) = (EncoderKind(rawValue: "mamba3"), .none, true, 8)
        ($0.actors, $0.threads) = (2, 2)
      },
      Way(testDescription: "parts, windows of mamba, residual, 2 members") {
        ($0.latents, $0.perAction, $0.headHidden, $0.residual, $0.members) = (.none, true, 8, true, 2)
        $0.inputs = "observation,action"
      },
    ]
}

@Suite struct TrainerTests {
  private func config(_ way: Way = .all[0]) -> ExperimentConfig {
    var config = ExperimentConfig()
    (config.environment, config.totalSteps, config.learningStarts) = ("Corridor", 260, 60)
    (config.hiddenSize, config.modelSize, config.stateSize, config.windowLength) = (16, 16, 4, 5)
    (config.batchSize, config.replayCapacity, config.targetSyncInterval) = (8, 100, 40)
    (config.checkpointInterval, config.evaluationInterval, config.evaluationEpisodes) = (50, 70, 2)
    config.logInterval = 30
    way.change(&config)
    return config
  }

  private struct Outcome: Equatable {
    var weights: [Float] = []
    var progress: [String] = []
    var monitor: [String] = []
    var evaluations, best: Data?
  }

  private func outcome(_ trainer: Trainer, _ folder: RunFolder) throws -> Outcome {
    var outcome = Outcome()
    outcome.weights = trainer.agent.weights
    func rows(_ path: String, _ columns: Set<Int>) throws -> [String] {
      try String(contentsOfFile: path, encoding: .utf8).split(separator: "\n").map {
        $0.split(separator: ",", omittingEmptySubsequences: false).enumerated()
          .filter { columns.contains($0.offset) }.map { String($0.element) }.joined(separator: ",")
      }
    }
    // All but time_elapsed and time_fps; all but t.
    outcome.progress = try rows(folder.progress, [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 14, 15])
    outcome.monitor = try Array(rows(folder.monitor, [0, 1]).dropFirst())
    outcome.evaluations = FileManager.default.contents(atPath: folder.evaluations)
    outcome.best = FileManager.default.contents(atPath: folder.best)
    return outcome
  }

  /// What Stable-Baselines3's `load_results` and pandas read, whatever the environment's name is made of.
  @Test func theMonitorsHeaderIsJSON() throws {
    let names = [
      "Corridor", "a \"b\" \\ 'c' /", "new\nline\r\ttab", "é ✓ \u{202e} \u{1F600}", "\u{1}\u{0}", "{},:#",
      String(repeating: "\"", count: 999),
    ]
    let space = try Workspace()
    for (index, name) in names.enumerated() {
      var config = config()
      (config.environment, config.totalSteps) = (name, 60)
      let folder = RunFolder(path: space.file("\(index)"))
      #expect(try make(config, folder).run() == .finished)
    }
    let read = try python(
      """
      import json, sys, pandas
      for number in range(int(sys.argv[2])):
          with open(f"{sys.argv[1]}/{number}/monitor.csv", encoding="utf8") as file:
              first = file.readline()
              header = json.loads(first[1:])
              assert first[0] == "#" and isinstance(header["t_start"], float)
              rows = pandas.read_csv(file, index_col=None)
          assert list(rows.columns) == ["r", "l", "t"] and len(rows) > 0
          print(json.dumps(header["env_id"]))
      """, [space.path, "\(names.count)"])
    let found = try read.output.split(separator: "\n").map { try JSONDecoder().decode(String.self, from: Data($0.utf8)) }
    #expect(found == names, "\(read.error)")
  }

  private func make(
    _ config: ExperimentConfig, _ folder: RunFolder, resuming: CheckpointReader? = nil, badReward: Double? = nil
  ) throws -> Trainer {
    if resuming == nil { try makeFolder(folder.path) }
    return try Trainer(config: config, folder: folder, resuming: resuming) { Corridor(badReward: badReward) }
  }

  @Test(arguments: Way.all) func sameSeedSameBytes(_ way: Way) throws {
    let space = try Workspace()
    var outcomes: [Outcome] = []
    for name in ["a", "b", "other"] {
      var config = config(way)
      config.seed = name == "other" ? 1 : 0
      let folder = RunFolder(path: space.file(name))
      let trainer = try make(config, folder)
      #expect(try trainer.run() == .finished)
      outcomes.append(try outcome(trainer, folder))
    }
    #expect(outcomes[0] == outcomes[1])
    #expect(outcomes[0].weights != outcomes[2].weights)
    #expect(outcomes[0].progress.count >= 9 && outcomes[0].evaluations != nil && outcomes[0].best != nil)
  }

  /// Stopped at steps before, at and after learning starts, in the middle of episodes and at their ends; each resumed run is
  /// stopped again. What was logged after the checkpoint is written anew.
  @Test(arguments: Way.all) func stoppedAndResumedSameBytes(_ way: Way) throws {
    let space = try Workspace()
    let straightFolder = RunFolder(path: space.file("straight"))
    let straight = try make(config(way), straightFolder)
    _ = try straight.run()
    let expected = try outcome(straight, straightFolder)

    let folder = RunFolder(path: space.file("stopped"))
    var trainer = try make(config(way), folder)
    for wanted in [3, 59, 61, 100, 131, 210, 257] {
      // With several actors a run stops when all of them have moved.
      let actors = config(way).actors, stop = (wanted + actors - 1) / actors * actors
      #expect(try trainer.run(stopRequested: { trainer.step == stop }) == .stopped(step: stop))
      // As after SIGKILL: more steps whose log lines no checkpoint knows of.
      if stop < 200 { _ = try? trainer.run(stopRequested: { trainer.step >= stop + 7 }) }
      let store = try CheckpointStore(directory: folder.checkpoints)
      for path in store.paths where path > "\(folder.checkpoints)/step-\(String(format: "%010d", stop)).checkpoint" {
        try FileManager.default.removeItem(atPath: path)
      }
      let newest = try #require(store.newest())
      trainer = try make(config(way), folder, resuming: newest.reader)
      #expect(trainer.step == stop)
    }
    #expect(try trainer.run() == .finished)
    #expect(try outcome(trainer, folder) == expected)
  }

  /// Asked for at its interval, also after a resume; an agent that is looked at learns as one that is not.
  @Test func recordingEpisodesChangesNothing() throws {
    let space = try Workspace()
    var outcomes: [Outcome] = []
    for interval in [0, 40] {
      var config = config()
      config.recordInterval = interval
      let folder = RunFolder(path: space.file("\(interval)"))
      let trainer = try make(config, folder)
      var steps: [Int] = []
      #expect(
        try trainer.run(recordEpisode: { step in
          steps.append(step)
          var world = Corridor()
          let actor = trainer.agent.makeActingState()
          actor.begin(try world.reset(seed: 1))
          actor.observe(try world.step(actor.greedyAction()).observation)
          _ = actor.greedyAction()
        }) == .finished)
      #expect(steps == (interval == 0 ? [] : [40, 80, 120, 160, 200, 240]))
      outcomes.append(try outcome(trainer, folder))
    }
    #expect(outcomes[0] == outcomes[1])
  }

  /// Of the evaluations, the first with the highest mean; a checkpoint from before any of them has none, and takes a file of
  /// later steps away.
  @Test func theBestWeightsAreThoseOfTheBestEvaluation() throws {
    let space = try Workspace(), folder = RunFolder(path: space.file("run"))
    let trainer = try make(config(), folder)
    #expect(try trainer.run(stopRequested: { trainer.step == 60 }) == .stopped(step: 60))
    #expect(!FileManager.default.fileExists(atPath: folder.best))
    let early = space.file("early")
    try FileManager.default.copyItem(atPath: CheckpointStore(directory: folder.checkpoints).paths[0], toPath: early)
    var kept: [String] = []
    _ = try trainer.run(report: { _ in
      guard let step = (try? Safetensors(path: folder.best))?.metadata["step"], kept.last != step else { return }
      kept.append(step)
    })
    // Evaluated at 70, 140 and 210.
    let file = try Safetensors(path: folder.best), last = try #require(file.metadata["step"])
    #expect(["70", "140", "210"].contains(last) && kept.first == "70")
    #expect(file.metadata["chosen"] == "best of the evaluations during training" && file.metadata["chosenReturn"] != nil)
    _ = try make(config(), folder, resuming: CheckpointReader(path: early))
    #expect(!FileManager.default.fileExists(atPath: folder.best))
  }

  /// Bytes are scaled to 0 … 1 and kept as bytes: the run of floats scaled by 1/255, bit for bit, in less memory.
  @Test(arguments: [ReplayKind.window, .sequence]) func picturesAreKeptAsBytes(_ replay: ReplayKind) throws {
    let space = try Workspace()
    var outcomes: [Outcome] = [], memory: [Double] = [], sizes: [Int] = []
    for element in [BoxSpace.Element.uint8, .float32] {
      var config = config()
      if replay == .sequence {
        (config.encoder, config.norm, config.replay, config.latents) = (EncoderKind(rawValue: "mamba2"), .rms, .sequence, .state)
        (config.batchSize, config.sequenceLength, config.sequenceOverlap, config.headSize) = (3, 8, 4, 8)
      }
      if element == .float32 { config.observationScale = "\(Float(1) / 255)" }
      let folder = RunFolder(path: space.file("\(element)"))
      try makeFolder(folder.path)
      var trainer = try Trainer(config: config, folder: folder) { Pictures(element) }
      #expect(try trainer.run(stopRequested: { trainer.step == 133 }) == .stopped(step: 133))
      let store = try CheckpointStore(directory: folder.checkpoints), newest = try #require(store.newest())
      sizes.append(try newest.reader.bytes(replay == .window ? "replay/observations" : "replay/0/observations").count)
      trainer = try Trainer(config: config, folder: folder, resuming: newest.reader) { Pictures(element) }
      #expect(try trainer.run() == .finished)
      outcomes.append(try outcome(trainer, folder))
      memory.append(trainer.agent.memoryNeed.replay)
    }
    #expect(outcomes[0] == outcomes[1])
    #expect(sizes[0] * 4 == sizes[1] && memory[0] < memory[1])
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
