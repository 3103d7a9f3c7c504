/// Actors whose environments live elsewhere: all are asked before one is waited for, and nothing depends on who answers first.
import Agents
import Environments
import Foundation
import Randomness
import Records
import TestSupport
import Testing
import Training

/// What was asked of the environments and heard of them, in order.
private final class Journal {
  enum Entry: Equatable { case sent(Int), received(Int) }
  var entries: [Entry] = []
}

/// A walk that ends after 7 to 12 steps; here it is the test's own, but it is asked as one elsewhere is.
private final class Walk: AsynchronousEnvironment {
  struct Failure: Error, Equatable {}
  let observationSpace = BoxSpace(shape: [1], low: [-20], high: [20])
  let actionSpace = DiscreteSpace(names: ["LEFT", "RIGHT"])
  private let index: Int
  private let journal: Journal
  /// The step, of all that it takes, whose answer is an error.
  private let fails: Int
  private var generator = SplitMix64(seed: 0)
  private var position: Float = 0
  private var steps = 0, length = 0, taken = 0
  private var answer: Step?

  init(_ index: Int, _ journal: Journal, failingAt fails: Int = 0) {
    (self.index, self.journal, self.fails) = (index, journal, fails)
  }

  func send(resetWithSeed seed: UInt64?) {
    precondition(answer == nil, "a request is under way")
    if let seed { generator = SplitMix64(seed: seed) }
    (position, steps, length) = (0, 0, 7 + Int(generator.next(upperBound: UInt64(6))))
    answer = Step(reward: 0, terminated: false, truncated: false)
  }
  func send(step action: Int) {
    precondition(answer == nil, "a request is under way")
    journal.entries.append(.sent(index))
    (steps, taken) = (steps + 1, taken + 1)
    position += Float(action) - 0.5 + Float(generator.uniform(-0.1, 0.1))
    answer = Step(reward: Double(position), terminated: steps == length, truncated: false)
  }
  func receive(into observation: UnsafeMutableBufferPointer<Float>) throws -> Step {
    defer { answer = nil }
    if steps > 0 { journal.entries.append(.received(index)) }
    if taken == fails, steps > 0 { throw Failure() }
    observation[0] = position
    return answer!
  }
}

/// The same, but it can only be waited for.
private struct Here: Environment {
  var walk: Walk
  var observationSpace: BoxSpace { walk.observationSpace }
  var actionSpace: DiscreteSpace { walk.actionSpace }
  mutating func reset(seed: UInt64?, into observation: UnsafeMutableBufferPointer<Float>) throws {
    try walk.reset(seed: seed, into: observation)
  }
  mutating func step(_ action: Int, into observation: UnsafeMutableBufferPointer<Float>) throws -> Step {
    try walk.step(action, into: observation)
  }
}

@Suite struct EnvironmentsElsewhereTests {
  private var config: ExperimentConfig {
    var config = ExperimentConfig()
    (config.encoder, config.windowLength, config.hiddenSize, config.modelSize) = (.dqn, 2, 8, 8)
    (config.environment, config.actors, config.totalSteps, config.learningStarts) = ("Walk", 3, 200, 40)
    (config.batchSize, config.replayCapacity, config.evaluationInterval, config.evaluationEpisodes) = (4, 90, 1000, 0)
    config.checkpointInterval = 1000
    return config
  }

  @Test func allAreAskedBeforeOneIsWaitedFor() throws {
    let space = try Workspace(), journal = Journal(), config = config
    func weights(_ name: String, _ make: @escaping (Int) -> any Environment) throws -> [Float] {
      let folder = RunFolder(path: space.file(name))
      try makeFolder(folder.path)
      var made = 0
      let trainer = try Trainer(config: config, folder: folder) {
        defer { made += 1 }
        return make(made)
      }
      #expect(try trainer.run() == .finished)
      return trainer.agent.weights
    }
    let atOnce = try weights("elsewhere") { Walk($0, journal) }
    #expect(try weights("here") { Here(walk: Walk($0, Journal())) } == atOnce)
    // 200 steps of three actors: 66 rounds of three, and one of two.
    let round = (0..<3).map(Journal.Entry.sent) + (0..<3).map(Journal.Entry.received)
    #expect(
      journal.entries == Array(repeating: round, count: 66).flatMap { $0 } + [.sent(0), .sent(1), .received(0), .received(1)])
  }

  /// The others have been heard, so that nothing is under way when the run is saved and goes on.
  @Test(arguments: [1, 20, 31]) func afterOnesFailureTheRunGoesOn(_ step: Int) throws {
    let space = try Workspace(), config = config
    func trainer(_ name: String, failing: Int, resuming: Bool = false) throws -> Trainer {
      let folder = RunFolder(path: space.file(name))
      if !resuming { try makeFolder(folder.path) }
      var made = 0
      return try Trainer(
        config: config, folder: folder, resuming: resuming ? CheckpointStore(directory: folder.checkpoints).newest()?.reader : nil
      ) {
        defer { made += 1 }
        return Walk(made, Journal(), failingAt: made == 1 ? failing : 0)
      }
    }
    let whole = try trainer("whole", failing: 0)
    #expect(try whole.run() == .finished)
    let failing = try trainer("failing", failing: step)
    if step == 1 {
      // Nothing has been learned yet: nothing is saved.
      #expect(throws: Walk.Failure()) { try failing.run() }
      return
    }
    let error = #expect(throws: TrainingError.self) { try failing.run() }
    #expect(error?.description.contains("what was learned until step \(3 * (step - 1)) is saved") == true, "\(error as Any)")
    let resumed = try trainer("failing", failing: 0, resuming: true)
    #expect(try resumed.run() == .finished)
    #expect(resumed.agent.weights == whole.agent.weights)
  }
}
