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

/// Which of five actions are allowed follows from the observation's second number; a masked one throws.
private struct Gated: Environment {
  struct Forbidden: Error {}
  let observationSpace = BoxSpace(shape: [2], low: [-10, -10], high: [40, 40])
  let actionSpace = DiscreteSpace(names: ["A", "B", "C", "D", "E"])
  private var generator = SplitMix64(seed: 0)
  private var steps = 0
  private var gate = 1

  static func mask(_ gate: Int) -> [Bool] { (0..<5).map { gate >> $0 & 1 == 1 } }
  var actionMask: [Bool]? { Self.mask(gate) }

  mutating func reset(seed: UInt64?, into observation: UnsafeMutableBufferPointer<Float>) {
    if let seed { generator = SplitMix64(seed: seed) }
    steps = 0
    next(observation)
  }
  mutating func step(_ action: Int, into observation: UnsafeMutableBufferPointer<Float>) throws -> Step {
    guard Self.mask(gate)[action] else { throw Forbidden() }
    steps += 1
    next(observation)
    return Step(reward: Double(action), terminated: steps == 9, truncated: steps == 7 && gate % 2 == 0)
  }
  private mutating func next(_ observation: UnsafeMutableBufferPointer<Float>) {
    gate = 1 + Int(generator.next(upperBound: UInt64(31)))
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

  @Test(arguments: [false, true]) func maskedActionsAreNeverTaken(_ sequences: Bool) throws {
    let space = try Workspace(), config = config(sequences)
    func weights(stoppingAt stop: Int?) throws -> [Float] {
      let folder = RunFolder(path: space.file("\(stop ?? 0)"))
      try makeFolder(folder.path)
      var steps = 0
      var trainer = try Trainer(config: config, folder: folder) { Gated() }
      _ = try trainer.run(stopRequested: { stop.map { steps >= $0 } ?? false }) { _ in steps += 1 }
      if stop != nil {
        let newest = try CheckpointStore(directory: folder.checkpoints).newest()
        trainer = try Trainer(config: config, folder: folder, resuming: newest?.reader) { Gated() }
        #expect(try trainer.run() == .finished)
      }
      let values = trainer.agent.weights
      let episodes = try evaluate(
        { EpisodeActor(trainer.agent.makeActingState()) }, in: { Gated() }, episodes: 5, seed: 3, parallel: 2)
      #expect(episodes.count == 5)
      return values
    }
    let whole = try weights(stoppingAt: nil)
    for stop in [15, 64, 101] { #expect(try weights(stoppingAt: stop) == whole, "stopped at \(stop)") }
  }

  /// Drawn windows carry the mask of the state that their return ends in, whatever was overwritten.
  @Test func replayKeepsTheMaskOfTheNextState() throws {
    let nStep = NStep(steps: 3, discount: 0.9)
    let replay = PrioritizedReplay(
      capacity: 20, windowLength: 2, observationSize: 2, latentSize: 0, priorities: 0, nStep: nStep, maskSize: 5)
    let batch = ReplayBatch(count: 16, windowLength: 2, observationSize: 2, maskSize: 5)
    var generator = SplitMix64(seed: 5), world = Gated()
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
        let gate = Int(batch.nextStates[row * 4 + 3])
        let mask = (0..<5).map { action in batch.nextMasks.map { $0[row * 5 + action] != 0 } ?? true }
        #expect(mask == Gated.mask(gate))
      }
    }
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
        rows: 2, returns: [10, 20], discounts: [0.5, 0.5], next: tensor, masks: [1, 0, 0, 0, 0, 1], into: &targets)
      #expect(targets == [10.5, 20.5])
    }
  }
}
