/// Where an agent meets an environment: act, step, remember, learn, record, in the order in which time passes.
import Agents
import Environments
import Foundation
import Randomness
import Records
import Statistics

/// How a run came to its end.
public enum TrainingOutcome: Equatable, Sendable {
  /// All its steps were taken.
  case finished
  /// Stopped by a request at this step; a checkpoint was written.
  case stopped(step: Int)
}

/// What keeps a run from going on, in one line.
public struct TrainingError: Error, CustomStringConvertible {
  public var description: String
  /// One line for a person.
  public init(_ description: String) { self.description = description }
}

/// One run: environments, an agent, and what is recorded of them. The same configuration gives the same bytes.
public final class Trainer {
  /// Every setting that it follows.
  public let config: ExperimentConfig
  /// What learns.
  public let agent: DQNAgent
  /// One an actor.
  private var environments: [any Environment]
  /// The same, where there are several and all of them live elsewhere: they can work at once.
  private let elsewhere: [any AsynchronousEnvironment]?
  private let makeEvaluationEnvironment: () throws -> any Environment
  private let record: RunRecorder
  private let folder: RunFolder
  private let checkpoints: CheckpointStore
  /// Those of `state.best`.
  private var bestWeights: [Float] = []
  private var state: TrainerState
  /// Each actor's present observation, and where the environment writes the one after it.
  private var observations: [[Float]]
  private var next: [[Float]]

  /// Starts a run in `folder`, or goes on with the one there from `resuming`.
  public init(
    config: ExperimentConfig, folder: RunFolder, resuming reader: CheckpointReader? = nil,
    makeEnvironment: @escaping () throws -> any Environment
  ) throws {
    self.config = config
    environments = try (0..<config.actors).map { _ in try makeEnvironment() }
    let asynchronous = environments.compactMap { $0 as? any AsynchronousEnvironment }
    elsewhere = config.actors > 1 && asynchronous.count == config.actors ? asynchronous : nil
    makeEvaluationEnvironment = makeEnvironment
    let space = environments[0].observationSpace, actions = environments[0].actionSpace
    let encoder: ObservationEncoder
    if let reader {
      encoder = try ObservationEncoder(
        config, observationSize: space.count, actionCount: actions.count, areBytes: space.element == .uint8, from: reader)
    } else {
      let statistics = try ObservationEncoder.needsStatistics(config) ? measureObservations(config, makeEnvironment()) : nil
      encoder = try ObservationEncoder(
        config, observationSize: space.count, actionCount: actions.count, areBytes: space.element == .uint8,
        statistics: statistics)
    }
    agent = try DQNAgent(config: config, encoder: encoder)
    self.folder = folder
    checkpoints = try CheckpointStore(directory: folder.checkpoints)
    observations = Array(repeating: [Float](repeating: 0, count: space.count), count: config.actors)
    next = observations
    if let reader {
      state = try reader.json("trainer", as: TrainerState.self)
      try state.check(config, actionCount: actions.count)
      record = try RunRecorder(folder: folder, config: config, resuming: state.record)
      try agent.restore(from: reader)
      try restoreBest(from: reader)
      let stored: [Float]? =
        reader.contains(Self.observationsSection)
        ? try reader.values(Self.observationsSection, space.count * config.actors) : nil
      for actor in environments.indices {
        try replayEpisode(actor, stored: stored.map { Array($0[actor * space.count..<(actor + 1) * space.count]) })
      }
    } else {
      state = TrainerState(actors: config.actors, seed: config.seed)
      record = try RunRecorder(folder: folder, config: config, resuming: nil)
      do { for actor in environments.indices { try beginEpisode(actor) } } catch let failure as EnvironmentFailure {
        throw failure.error
      }
    }
  }

  /// Environment steps taken so far, of all actors.
  public var step: Int { state.step }
  /// What a person should be told about a run that was resumed (`replayDifference`).
  public private(set) var warnings: [String] = []
  /// The environment step at which a checkpoint was taken.
  public static func step(of reader: CheckpointReader) throws -> Int { try reader.json("trainer", as: TrainerState.self).step }

  /// Runs to the end of the configuration. `stopRequested` is asked after every step of all actors, and between the steps of an
  /// evaluation; `report` is told about every environment step; `recordEpisode` is called every `recordInterval` steps and must
  /// leave the agent as it is.
  ///
  /// What an environment throws ends the run with a checkpoint of what was learned until then, as it stood before that step.
  public func run(
    stopRequested: () -> Bool = { false }, report: (ProgressReport) -> Void = { _ in },
    recordEpisode: (_ step: Int) throws -> Void = { _ in }
  ) throws -> TrainingOutcome {
    // Acting too, between gradient steps.
    try Learner.computing { try runToTheEnd(stopRequested, report, recordEpisode) }
  }

  private func runToTheEnd(
    _ stopRequested: () -> Bool, _ report: (ProgressReport) -> Void, _ recordEpisode: (_ step: Int) throws -> Void
  ) throws -> TrainingOutcome {
    if let before = state.evaluationIsDueSince {
      state.evaluationIsDueSince = nil
      guard try keepRecords(since: before, stopRequested, recordEpisode) else { return try stop() }
    }
    while state.step < config.totalSteps {
      let before = state.step
      // All choose before any moves, and all move before any learns: what the learner changes in between does not reach them.
      let count = min(config.actors, config.totalSteps - before)
      let results: [Step]
      let exploration = agent.explorationStates
      do {
        let actions = agent.act(step: before + 1, count: count).map(\.action)
        results = try take(actions, after: before)
        for (actor, action) in actions.enumerated() { try learn(action, results[actor], actor, report) }
      } catch let failure as EnvironmentFailure {
        agent.explorationStates = exploration
        return try endedByEnvironment(failure.error, stopRequested)
      }
      var failed: (any Error)?
      do { for actor in 0..<count where results[actor].isLast { try beginEpisode(actor) } } catch let failure
        as EnvironmentFailure
      {
        failed = failure.error
      }
      try log(since: before)
      let isRecorded = try keepRecords(since: before, stopRequested, recordEpisode)
      if let failed { return try endedByEnvironment(failed, stopRequested) }
      guard isRecorded else { return try stop() }
      if stopRequested() && state.step < config.totalSteps {
        return passed(config.checkpointInterval, since: before) ? .stopped(step: state.step) : try stop()
      }
    }
    return .finished
  }

  /// What an actor's step brought: remembered, learned from, recorded.
  private func learn(_ action: Int, _ result: Step, _ actor: Int, _ report: (ProgressReport) -> Void) throws {
    state.step += 1
    let step = state.step
    observations[actor] = next[actor]
    state.actors[actor].took(action, result.reward)
    try agent.remember(
      action: action, reward: result.reward, terminated: result.terminated, truncated: result.truncated,
      next: observations[actor], allowed: environments[actor].actionMask, actor: actor)
    if agent.learns(at: step) {
      for _ in 0..<config.gradientSteps { record.learned(try agent.learn(step: step)) }
    }
    agent.updateTarget(step: step)
    if result.isLast {
      state.episodes += 1
      state.actors[actor].isOver = true
      try record.finishedEpisode(state.actors[actor].finish(result))
    }
    report(record.progress(step: step, epsilon: agent.epsilon(at: step)))
  }

  private func stop() throws -> TrainingOutcome {
    try saveCheckpoint()
    return .stopped(step: state.step)
  }

  /// An environment that was given up because somebody wants to stop is no failure.
  private func endedByEnvironment(_ error: any Error, _ stopRequested: () -> Bool) throws -> TrainingOutcome {
    // Before the first step nothing has been learned.
    guard state.step > 0 else { throw error }
    if error is EnvironmentInterruption || stopRequested() { return try stop() }
    try saveCheckpoint()
    throw TrainingError("\(error)\(Self.isLong(error) ? "\n" : "; ")what was learned until step \(state.step) is saved")
  }

  /// With a traceback, say.
  private static func isLong(_ error: any Error) -> Bool { "\(error)".contains("\n") }

  // MARK: - Episodes

  /// Every episode gets a seed of its own, so that an environment can be rebuilt in the middle of one: reset with that
  /// seed and take the same actions again.
  private func beginEpisode(_ actor: Int) throws {
    var episode = state.actors[actor]
    episode.begin()
    try byEnvironment {
      try reset(actor, seed: episode.seed)
      try checkObservation(next[actor], at: state.step)
    }
    state.actors[actor] = episode
    observations[actor] = next[actor]
    try observations[actor].withUnsafeBufferPointer {
      try agent.beginEpisode($0, allowed: environments[actor].actionMask, actor: actor)
    }
  }

  /// An error of the environment, told from all others.
  private struct EnvironmentFailure: Error { var error: any Error }
  private func byEnvironment<Result>(_ body: () throws -> Result) throws -> Result {
    do { return try body() } catch { throw EnvironmentFailure(error: error) }
  }

  private func reset(_ actor: Int, seed: UInt64) throws {
    try next[actor].withUnsafeMutableBufferPointer { try environments[actor].reset(seed: seed, into: $0) }
  }

  /// The first actors' actions; results are in the actors' order, whoever answers first.
  private func take(_ actions: [Int], after before: Int) throws -> [Step] {
    guard let elsewhere else {
      return try actions.enumerated().map { actor, action in
        try byEnvironment {
          try checked(
            next[actor].withUnsafeMutableBufferPointer { try environments[actor].step(action, into: $0) }, actor,
            at: before + actor + 1)
        }
      }
    }
    return try byEnvironment {
      var results: [Step] = []
      let failures = askAllThenHear(actions.indices) { actor in
        try elsewhere[actor].send(step: actions[actor])
        return true
      } hear: { actor in
        results.append(
          try checked(
            next[actor].withUnsafeMutableBufferPointer { try elsewhere[actor].receive(into: $0) }, actor, at: before + actor + 1))
      }
      if let first = failures.first { throw first.error }
      return results
    }
  }

  /// A step of an actor, whose observation lies in `next`.
  private func checked(_ result: Step, _ actor: Int, at step: Int) throws -> Step {
    guard result.reward.isFinite else {
      throw TrainingError("step \(step): \(config.environment) gave the reward \(result.reward); rewards must be finite")
    }
    try checkObservation(next[actor], at: step)
    return result
  }

  private func checkObservation(_ observation: [Float], at step: Int) throws {
    if let index = observation.firstIndex(where: { !$0.isFinite }) {
      throw TrainingError(
        "step \(step): \(config.environment) gave \(observation[index]) as element \(index) of its observation; "
          + "observations must be finite")
    }
  }

  /// - Parameter stored: the actor's observation in the checkpoint; nil in one of an earlier version.
  private func replayEpisode(_ actor: Int, stored: [Float]?) throws {
    let episode = state.actors[actor]
    if episode.isOver ?? false {
      do { return try beginEpisode(actor) } catch let failure as EnvironmentFailure { throw failure.error }
    }
    try reset(actor, seed: episode.seed)
    var total = 0.0
    for (number, action) in episode.actions.enumerated() {
      let result = try next[actor].withUnsafeMutableBufferPointer { try environments[actor].step(Int(action), into: $0) }
      total += result.reward
      guard !result.isLast else {
        throw TrainingError(
          "\(config.environment), reset with its seed and given the episode's \(episode.actions.count) actions again, ends after "
            + "\(number + 1) of them: it does not follow its seed, and the run cannot go on from this checkpoint")
      }
    }
    observations[actor] = next[actor]
    agent.restore(allowed: environments[actor].actionMask, actor: actor)
    try checkObservation(observations[actor], at: state.step)
    guard let stored else { return }
    if let difference = replayDifference(
      in: config.environment, actions: episode.actions.count, stored: stored, replayed: observations[actor],
      storedReturn: episode.return, replayedReturn: total)
    {
      warnings.append(difference)
    }
  }

  // MARK: - Records

  /// Whether a multiple of `interval` was passed since an earlier step.
  private func passed(_ interval: Int, since before: Int) -> Bool { state.step / interval > before / interval }

  private func log(since before: Int) throws {
    let step = state.step
    guard passed(config.logInterval, since: before) || step == config.totalSteps else { return }
    try record.log(
      step: step, epsilon: agent.epsilon(at: step), importanceExponent: agent.importanceExponent(at: step),
      learningRate: agent.learningRate(at: step), replayCount: agent.replayCount, gradientSteps: agent.gradientSteps)
  }

  /// What falls due at this step, beside its row of the log. False where a stop was requested in the middle of an evaluation:
  /// then all of it is still to come.
  private func keepRecords(since before: Int, _ stopRequested: () -> Bool, _ recordEpisode: (Int) throws -> Void) throws -> Bool {
    if config.evaluationEpisodes > 0, passed(config.evaluationInterval, since: before) {
      guard try evaluateNow(since: before, stopRequested) else { return false }
    }
    if config.recordInterval > 0, passed(config.recordInterval, since: before) { try recordEpisode(state.step) }
    if passed(config.checkpointInterval, since: before) || state.step == config.totalSteps { try saveCheckpoint() }
    return true
  }

  /// False where a stop was requested before the last episode's end: then nothing of it counts, and it is still to come.
  private func evaluateNow(since before: Int, _ stopRequested: () -> Bool) throws -> Bool {
    state.evaluationIsDueSince = before
    var episodes: [Episode] = []
    do {
      episodes = try evaluate(
        { EpisodeActor(agent.makeActingState()) }, in: makeEvaluationEnvironment, episodes: config.evaluationEpisodes,
        seed: Self.evaluationSeed, stopRequested: stopRequested)
    } catch  where !(error is EnvironmentInterruption) {
      try saveCheckpoint()
      throw TrainingError(
        "evaluation at step \(state.step): \(error)\(Self.isLong(error) ? "\n" : "; ")what was learned until then is saved")
    } catch {}
    guard episodes.count == config.evaluationEpisodes else { return false }
    state.evaluationIsDueSince = nil
    try record.evaluated(step: state.step, episodes)
    try keepBest(.init(step: state.step, meanReturn: Statistics.mean(episodes.map(\.return))))
    return true
  }

  /// Far from the seeds of `evaluate`, so that nobody selects on what is reported.
  public static let evaluationSeed: UInt64 = 1_000_000

  // MARK: - The best weights

  private func keepBest(_ evaluation: BestEvaluation) throws {
    guard state.best.map({ evaluation.meanReturn > $0.meanReturn }) ?? true else { return }
    (state.best, bestWeights) = (evaluation, agent.weights)
    try writeBest(evaluation)
  }

  private func writeBest(_ evaluation: BestEvaluation) throws {
    try agent.writeWeights(
      bestWeights, step: evaluation.step,
      metadata: ["chosen": "best of the evaluations during training", "chosenReturn": "\(evaluation.meanReturn)"],
      to: folder.best)
  }

  /// The file as it stood at the checkpoint: what a run that was killed wrote after it may never come again, where settings
  /// change.
  private func restoreBest(from reader: CheckpointReader) throws {
    guard let best = state.best else {
      try? FileManager.default.removeItem(atPath: folder.best)
      return
    }
    bestWeights = try reader.values(Self.bestSection, agent.weights.count, as: Float.self)
    guard bestWeights.allSatisfy(\.isFinite) else {
      throw CheckpointError("the checkpoint's \(Self.bestSection) has values that are not finite")
    }
    try writeBest(best)
  }
  private static let bestSection = "trainer/best"

  /// [actors, observation]: what each stands at.
  static let observationsSection = "trainer/observations"
  /// The configuration as in config.json, so that a checkpoint knows its run.
  public static let configSection = "config"

  /// Where the run stands, under the configuration that it has now.
  public func saveCheckpoint() throws {
    state.record = record.position()
    try checkpoints.save(step: state.step) { writer in
      try agent.save(to: &writer)
      try writer.write("trainer", json: state)
      try observations.flatMap { $0 }.withUnsafeBytes { try writer.write(Self.observationsSection, $0) }
      try config.json.withUnsafeBytes { try writer.write(Self.configSection, $0) }
      if state.best != nil { try bestWeights.withUnsafeBytes { try writer.write(Self.bestSection, $0) } }
    }
  }
}

extension DQNAgent {
  fileprivate func remember(
    action: Int, reward: Double, terminated: Bool, truncated: Bool, next: [Float], allowed: [Bool]?, actor: Int
  ) throws {
    try next.withUnsafeBufferPointer {
      try remember(
        action: action, reward: reward, terminated: terminated, truncated: truncated, next: $0, allowed: allowed, actor: actor)
    }
  }
}

/// Root mean squares of observations and their differences over random steps, in an environment of their own.
private func measureObservations(_ config: ExperimentConfig, _ environment: any Environment) throws -> ObservationStatistics {
  var environment = environment
  var generator = SplitMix64(seed: config.seed).split(stream: RandomStream.statistics)
  var statistics = ObservationStatistics(observationSize: environment.observationSpace.count)
  let actions = UInt64(environment.actionSpace.count)
  var isFirst = true
  for _ in 0..<1_000 {
    if isFirst { statistics.add(try environment.reset(seed: generator.next() >> 33), isFirst: true) }
    var action = Int(generator.next(upperBound: actions))
    if let allowed = environment.actionMask, !allowed[action] { action = allowed.firstIndex(of: true) ?? action }
    let (observation, step) = try environment.step(action)
    statistics.add(observation, isFirst: false)
    isFirst = step.isLast
  }
  return statistics
}
