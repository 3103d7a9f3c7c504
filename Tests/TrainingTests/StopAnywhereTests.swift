/// A run may be stopped, and an environment may fail, at any moment: at every one of them in turn, and what goes on from there
/// ends in the bytes of a run that was never disturbed.
import Environments
import Foundation
import Randomness
import Records
import TestSupport
import Testing
import Training

/// Short episodes on a line. Its calls are counted together with those of its sisters; at one of them it throws.
private struct Fragile: Environment {
  final class Counter {
    var calls = 0
    var failsAt: Int?
    let error: any Error
    init(failsAt: Int? = nil, error: any Error = EnvironmentInterruption("asked to stop")) {
      (self.failsAt, self.error) = (failsAt, error)
    }
    func count() throws {
      calls += 1
      if calls == failsAt { throw error }
    }
  }

  let observationSpace = BoxSpace(shape: [2], low: [-10, -10], high: [10, 10])
  let actionSpace = DiscreteSpace(names: ["LEFT", "RIGHT"])
  let counter: Counter
  private var generator = SplitMix64(seed: 0)
  private var position: Float = 0
  private var steps = 0

  init(_ counter: Counter) { self.counter = counter }

  mutating func reset(seed: UInt64?, into observation: UnsafeMutableBufferPointer<Float>) throws {
    try counter.count()
    if let seed { generator = SplitMix64(seed: seed) }
    (position, steps) = (Float(generator.uniform(-1, 1)), 0)
    (observation[0], observation[1]) = (position, 0)
  }
  mutating func step(_ action: Int, into observation: UnsafeMutableBufferPointer<Float>) throws -> Step {
    try counter.count()
    position += (action == 1 ? 0.5 : -0.5) + Float(generator.uniform(-0.1, 0.1))
    steps += 1
    (observation[0], observation[1]) = (position, Float(steps) / 6)
    return Step(reward: Double(position), terminated: abs(position) > 2, truncated: steps == 6)
  }
}

@Suite struct StopAnywhereTests {
  enum Kind: CaseIterable { case window, twoActors, recurrent }

  private func config(_ kind: Kind) -> ExperimentConfig {
    var config = ExperimentConfig()
    (config.encoder, config.norm, config.hiddenSize, config.modelSize) = (EncoderKind(rawValue: "lstm"), .rms, 8, 8)
    (config.batchSize, config.replayCapacity, config.learningStarts, config.windowLength) = (2, 64, 12, 3)
    (config.totalSteps, config.evaluationEpisodes, config.evaluationInterval, config.checkpointInterval) = (36, 2, 10, 14)
    (config.logInterval, config.targetSyncInterval, config.epsilonEnd) = (6, 8, 0.3)
    config.actors = kind == .window ? 1 : 2
    if kind == .recurrent {
      (config.replay, config.latents, config.sequenceLength, config.sequenceOverlap) = (.sequence, .state, 4, 2)
      config.inputs = "observation,action,reward"
    }
    return config
  }

  private func bytes(_ folder: RunFolder, _ trainer: Trainer) throws -> [String: Data] {
    var weights = Data()
    trainer.agent.forEachParameter { _, _, values in weights.append(Data(buffer: values)) }
    func columns(_ path: String, _ count: Int) throws -> Data {
      let rows = try String(contentsOfFile: path, encoding: .utf8).split(separator: "\n").filter { !$0.hasPrefix("#") }
      return Data(
        rows.map { $0.split(separator: ",", omittingEmptySubsequences: false).prefix(count).joined(separator: ",") }
          .joined(separator: "\n").utf8)
    }
    return [
      "weights": weights, "progress": try columns(folder.progress, 12), "monitor": try columns(folder.monitor, 2),
      "evaluations": FileManager.default.contents(atPath: folder.evaluations) ?? Data(),
    ]
  }

  private static func differing(_ a: [String: Data], _ b: [String: Data]) -> [String] {
    a.keys.filter { a[$0] != b[$0] }.sorted()
  }

  private func undisturbed(_ space: Workspace, _ config: ExperimentConfig) throws -> (bytes: [String: Data], calls: Int) {
    let counter = Fragile.Counter(), folder = RunFolder(path: space.file("whole"))
    try makeFolder(folder.path)
    let trainer = try Trainer(config: config, folder: folder) { Fragile(counter) }
    #expect(try trainer.run() == .finished)
    return (try bytes(folder, trainer), counter.calls)
  }

  /// Goes on with what a disturbed run left, as `resume` does; from the start where there is no checkpoint yet.
  private func goneOn(_ folder: RunFolder, _ config: ExperimentConfig) throws -> [String: Data] {
    let newest = try CheckpointStore(directory: folder.checkpoints).newest()
    let trainer = try Trainer(config: config, folder: folder, resuming: newest?.reader) { Fragile(Fragile.Counter()) }
    #expect(try trainer.run() == .finished && trainer.warnings.isEmpty)
    return try bytes(folder, trainer)
  }

  @Test(arguments: Kind.allCases, [true, false]) func anEnvironmentFailsAtEveryCall(_ kind: Kind, _ isInterruption: Bool) throws {
    struct Failure: Error {}
    let space = try Workspace(), config = config(kind)
    let (expected, calls) = try undisturbed(space, config)
    for call in 1...calls {
      let folder = RunFolder(path: space.file("\(call)"))
      try makeFolder(folder.path)
      let counter = Fragile.Counter(failsAt: call, error: isInterruption ? EnvironmentInterruption("asked to stop") : Failure())
      var saved: Int?
      do {
        let trainer = try Trainer(config: config, folder: folder) { Fragile(counter) }
        let outcome = try trainer.run()
        if case .stopped(let step) = outcome { saved = step } else { Issue.record("call \(call) did not end the run") }
        #expect(isInterruption)
      } catch let error as TrainingError {
        #expect(!isInterruption && error.description.contains("is saved"))
        saved = savedSteps(folder.path)
      } catch {
        #expect(!FileManager.default.fileExists(atPath: folder.checkpoints) || savedSteps(folder.path) == 0, "\(call): \(error)")
      }
      if let saved { #expect(savedSteps(folder.path) == saved && saved > 0) }
      // Where the run never came to learn, it begins anew.
      if saved == nil { for path in [folder.progress, folder.monitor, folder.events] { unlink(path) } }
      #expect(try Self.differing(goneOn(folder, config), expected) == [], "\(kind), call \(call), saved at \(saved ?? 0)")
    }
  }

  /// `stopRequested` is asked between steps, and between the steps of evaluations.
  @Test(arguments: Kind.allCases) func aStopAtEveryQuestion(_ kind: Kind) throws {
    let space = try Workspace(), config = config(kind)
    let expected = try undisturbed(space, config).bytes
    var question = 0, isOver = false
    while !isOver {
      question += 1
      let folder = RunFolder(path: space.file("\(question)"))
      try makeFolder(folder.path)
      var asked = 0
      let trainer = try Trainer(config: config, folder: folder) { Fragile(Fragile.Counter()) }
      let outcome = try trainer.run(stopRequested: {
        asked += 1
        return asked >= question
      })
      if case .stopped(let step) = outcome { #expect(savedSteps(folder.path) == step) } else { isOver = true }
      let found = try isOver ? bytes(folder, trainer) : goneOn(folder, config)
      #expect(Self.differing(found, expected) == [], "\(kind), question \(question), \(outcome)")
    }
    #expect(question > 40, "evaluations are asked too")
  }
}
