/// Where an environment masks actions: a masked one is never taken, in training, evaluation or exploration, and never the
/// maximum in a target; masks survive a stop.
import Agents
import Autograd
import Environments
import Foundation
import Randomness
import Records
import Replay
import TestSupport
import Testing
import Training

/// Which of five actions are allowed follows from the observation's second number; a masked one throws. Before
/// an episode's step `first` there is no mask at all.
private struct Gated: Environment {
  struct Forbidden: Error {}
  let observationSpace = BoxSpace(shape: [2], low: [-10, -10], high: [40, 40])
  let actionSpace = DiscreteSpace(names: ["A", "B", "C", "D", "E"])
  private var generator = SplitMix64(seed: 0)
  private var steps = 0
  private var gate = 1
  private let first: Int

  init(from first: Int = 0) { self.first = first }

  static func mask(_ gate: Int) -> [Bool] { (0..<5).map { gate >> $0 & 1 == 1 } }
  var actionMask: [Bool]? { steps < first ? nil : Self.mask(gate) }

  mutating func reset(seed: UInt64?, into observation: UnsafeMutableBufferPointer<Float>) {
    if let seed { generator = SplitMix64(seed: seed) }
    steps = 0
    next(observation)
  }
  mutating func step(_ action: Int, into observation: UnsafeMutableBufferPointer<Float>) throws -> Step {
    guard actionMask?[action] ?? true else { throw Forbidden() }
    steps += 1
    next(observation)
    return Step(reward: Double(action), terminated: steps == 9, truncated: steps == 7 && gate % 2 == 0)
  }
  private mutating func next(_ observation: UnsafeMutableBufferPointer<Float>) {
    gate = steps < first ? 31 : 1 + Int(generator.next(upperBound: UInt64(31)))
    (observation[0], observation[1]) = (Float(steps), Float(gate))
  }
}

@Suite struct MaskTests {
  private func config(_ sequences: Bool) -> ExperimentConfig {
    var config = ExperimentConfig()
    (config.encoder, config.norm, config.hiddenSize, config.modelSize) = (EncoderKind(rawValue: "lstm"), .rms, 8, 8)
    (config.batchSize, config.replayCapacity, config.learningStarts, config.windowLength) = (4, 64, 20, 3)
    (config.totalSteps, config.evaluationEpisodes, config.evaluationInterval, config.actors) = (150, 2, 50, 2)
    (config.epsilonEnd, config.doubleQ, config.nStep) = (0.5, true, 2)
    if sequences { (config.replay, config.latents, config.sequenceLength, config.sequenceOverlap) = (.sequence, .state, 6, 3) }
    return config
  }

  @Test(arguments: [false, true], [0, 3]) func maskedActionsAreNeverTaken(_ sequences: Bool, _ first: Int) throws {
    let space = try Workspace(), config = config(sequences)
    func weights(stoppingAt stop: Int?) throws -> [Float] {
      let folder = RunFolder(path: space.file("\(stop ?? 0)"))
      try makeFolder(folder.path)
      var steps = 0
      var trainer = try Trainer(config: config, folder: folder) { Gated(from: first) }
      _ = try trainer.run(stopRequested: { stop.map { steps >= $0 } ?? false }) { _ in steps += 1 }
      if stop != nil {
        let newest = try CheckpointStore(directory: folder.checkpoints).newest()
        trainer = try Trainer(config: config, folder: folder, resuming: newest?.reader) { Gated(from: first) }
        #expect(try trainer.run() == .finished)
      }
      let values = trainer.agent.weights
      let episodes = try evaluate(
        { EpisodeActor(trainer.agent.makeActingState()) }, in: { Gated(from: first) }, episodes: 5, seed: 3, parallel: 2)
      #expect(episodes.count == 5)
      return values
    }
    let whole = try weights(stoppingAt: nil)
    // Before the first mask comes too.
    for stop in [2, 15, 64, 101] { #expect(try weights(stoppingAt: stop) == whole, "stopped at \(stop)") }
  }

  /// Drawn windows carry the mask of the state that their return ends in, whatever was overwritten.
  @Test(arguments: [0, 4]) func replayKeepsTheMaskOfTheNextState(_ first: Int) throws {
    let nStep = NStep(steps: 3, discount: 0.9)
    let replay = WindowReplay(
      capacity: 20, windowLength: 2, observationSize: 2, latentSize: 0, priorities: 0, nStep: nStep, actionCount: 5)
    let batch = Batch(windows: 16, length: 2, observationSize: 2, actionCount: 5)
    var generator = SplitMix64(seed: 5), world = Gated(from: first)
    var observation: [Float] = []
    for step in 0..<90 {
      if observation.isEmpty {
        observation = try world.reset(seed: UInt64(step))
        observation.withUnsafeBufferPointer { replay.beginEpisode($0) }
      }
      let action = world.actionMask?.firstIndex(of: true) ?? 0
      let (next, result) = try world.step(action)
      next.withUnsafeBufferPointer {
        replay.append(
          action: action, reward: 1, terminated: result.terminated, truncated: result.truncated, next: $0,
          latent: .init(start: nil, count: 0), allowed: world.actionMask)
      }
      observation = result.isLast ? [] : next
      replay.sample(into: batch, importanceExponent: 0, generator: &generator)
      for row in 0..<batch.count where batch.discounts[row] > 0 {
        let gate = Int(batch.nextInputs[row * 4 + 3])
        let mask = (0..<5).map { action in batch.nextMasks.map { $0[row * 5 + action] != 0 } ?? true }
        #expect(mask == Gated.mask(gate))
      }
    }
  }

  /// One action's value is enormous, everywhere. It is never allowed after the episodes that ended in their first step, before
  /// any mask had come: whatever the agent is made of, nothing that it learns from may know of it.
  @Test func noTargetKnowsAMaskedAction() throws {
    for (sequences, start) in [(false, SequenceStart.anywhere), (true, .anywhere), (true, .episode)] {
      for members in sequences ? [1] : [1, 3] {
        for (doubleQ, nStep, threads) in [(false, 1, 1), (true, 1, 2), (true, 3, 1), (false, 3, 2)] {
          for target in sequences ? [false] : [false, true] {
            var config = config(sequences)
            (config.sequenceStart, config.members, config.doubleQ, config.nStep) = (start, members, doubleQ, nStep)
            (config.threads, config.actors, config.priorityExponent, config.batchSize) = (threads, 1, 0, 16)
            if start == .episode { config.latents = .none }
            if target { config.latents = .target }
            let masked = try meanError(config, isMasked: true), open = try meanError(config, isMasked: false)
            let name = "\(config.replay), \(start), members \(members), double \(doubleQ), n \(nStep), \(config.latents)"
            #expect(masked < 10, "\(name): \(masked)")
            #expect(open > 1000, "\(name): without masks \(open)")
          }
        }
      }
    }
  }

  /// Of one gradient step where action 4 is worth 10⁵.
  private func meanError(_ config: ExperimentConfig, isMasked: Bool) throws -> Float {
    let encoder = try ObservationEncoder(config, observationSize: 2, actionCount: 5)
    let agent = try DQNAgent(config: config, encoder: encoder)
    let block = agent.learner.online.block
    for (name, parameter) in zip(block.names, block.parameters) where name.hasSuffix("head.bias") {
      parameter.values[4] = 100_000
    }
    agent.learner.syncTarget()
    func episode(_ length: Int, _ allowed: [Bool]?) throws {
      var numbers = SplitMix64(seed: UInt64(length))
      func observation() -> [Float] { [Float(numbers.uniform(-1, 1)), Float(numbers.uniform(-1, 1))] }
      try observation().withUnsafeBufferPointer { try agent.beginEpisode($0) }
      for step in 1...length {
        _ = agent.act(step: step)  // its latent is what is stored
        try observation().withUnsafeBufferPointer {
          try agent.remember(
            action: step % 4, reward: 0.5, terminated: step == length, truncated: false, next: $0, allowed: allowed)
        }
      }
    }
    for _ in 0..<12 { try episode(1, nil) }
    for length in [5, 9, 4, 7] { try episode(length, isMasked ? [true, true, true, true, false] : nil) }
    return try agent.learn(step: 50).meanAbsoluteTDError
  }

  @Test func theMaximumIsOverWhatIsAllowed() {
    let values: [Float] = [1, 9, 3, 5, 9, 1]
    values.withUnsafeBufferPointer { q in
      let tensor = Tensor(data: UnsafeMutablePointer(mutating: q.baseAddress!), rows: 2, columns: 3)  // not empty
      #expect(Targets.greedyAction(tensor, row: 0) == 1)
      for (mask, first, second) in [([1, 0, 1], 2, 0), ([0, 0, 1], 2, 2), ([1, 1, 1], 1, 1), ([0, 0, 0], 1, 1)]
        as [([UInt8], Int, Int)]
      {
        #expect(
          Targets.greedyAction(tensor, row: 0, mask: mask) == first && Targets.greedyAction(tensor, row: 1, mask: mask) == second)
      }
      var targets: [Float] = [0, 0]
      Targets.write(
        rows: 2, returns: [10, 20], discounts: [0.5, 0.5], nextRows: [0, 1], next: tensor, masks: [1, 0, 0, 0, 0, 1],
        into: &targets)
      #expect(targets == [10.5, 20.5])
    }
  }
}
