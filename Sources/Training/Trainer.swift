/// Where an agent meets an environment: act, step, remember, learn, record, in the order in which time passes.
import Agents
import Environments
import Randomness
import Records

public enum TrainingOutcome: Equatable, Sendable {
  case finished
  /// Stopped by a request at this step; a checkpoint was written.
  case stopped(step: Int)
}

public struct TrainingError: Error, CustomStringConvertible {
  public var description: String
  public init(_ description: String) { self.description = description }
}

public final class Trainer {
  public let config: ExperimentConfig
  public let agent: DQNAgent
  private var environment: any Environment
  private let makeEvaluationEnvironment: () throws -> any Environment
  private let record: RunRecorder
  private let checkpoints: CheckpointStore
  private var state: TrainerState
  private var observation: [Float]

  /// Starts a run in `folder`, or goes on with the one there from `resuming`.
  public init(
    config: ExperimentConfig, folder: RunFolder, resuming reader: CheckpointReader? = nil,
    makeEnvironment: @escaping () throws -> any Environment
  ) throws {
    self.config = config
    environment = try makeEnvironment()
    makeEvaluationEnvironment = makeEnvironment
    let space = environment.observationSpace
    agent = try DQNAgent(config: config, observationSize: space.count, actionCount: environment.actionSpace.count)
    checkpoints = try CheckpointStore(directory: folder.checkpoints)
    observation = [Float](repeating: 0, count: space.count)
    if let reader {
      state = try reader.json("trainer", as: TrainerState.self)
      record = try RunRecorder(folder: folder, config: config, resuming: state.record)
      try agent.restore(from: reader)
      try replayEpisode()
    } else {
      state = TrainerState(generator: SplitMix64(seed: config.seed).split(stream: 3))
      record = try RunRecorder(folder: folder, config: config, resuming: nil)
      try beginEpisode()
    }
  }

  public var step: Int { state.step }

  /// Runs to the end of the configuration. `stopRequested` is asked after every step; `report` is told about every step.
  public func run(
    stopRequested: () -> Bool = { false }, report: (ProgressReport) -> Void = { _ in }
  ) throws -> TrainingOutcome {
    while state.step < config.totalSteps {
      state.step += 1
      let step = state.step

      let decision = agent.act(step: step)
      let result = try take(decision.action)
      try agent.remember(
        action: decision.action, reward: result.reward, terminated: result.terminated, truncated: result.truncated,
        next: observation)
      if agent.learns(at: step) {
        for _ in 0..<config.gradientSteps { record.learned(try agent.learn(step: step)) }
      }
      agent.updateTarget(step: step)

      if result.isLast {
        try record.finishedEpisode(state.finishEpisode(result))
        try beginEpisode()
      }
      try keepRecords(step)
      report(record.progress(step: step, epsilon: agent.epsilon(at: step)))
      if stopRequested() && step < config.totalSteps {
        if step % config.checkpointInterval != 0 { try saveCheckpoint() }
        return .stopped(step: step)
      }
    }
    return .finished
  }

  // MARK: - Episodes

  /// Every episode gets a seed of its own, so that an environment can be rebuilt in the middle of one: reset with that
  /// seed and take the same actions again.
  private func beginEpisode() throws {
    state.beginEpisode()
    try observation.withUnsafeMutableBufferPointer { try environment.reset(seed: state.episodeSeed, into: $0) }
    try checkObservation()
    try observation.withUnsafeBufferPointer { try agent.beginEpisode($0) }
  }

  private func take(_ action: Int) throws -> Step {
    let result = try observation.withUnsafeMutableBufferPointer { try environment.step(action, into: $0) }
    guard result.reward.isFinite else {
      throw TrainingError("step \(state.step): \(config.environment) gave the reward \(result.reward); rewards must be finite")
    }
    try checkObservation()
    state.took(action, result.reward)
    return result
  }

  private func checkObservation() throws {
    if let index = observation.firstIndex(where: { !$0.isFinite }) {
      throw TrainingError(
        "step \(state.step): \(config.environment) gave \(observation[index]) as element \(index) of its observation; "
          + "observations must be finite")
    }
  }

  private func replayEpisode() throws {
    try observation.withUnsafeMutableBufferPointer { try environment.reset(seed: state.episodeSeed, into: $0) }
    for action in state.actions {
      _ = try observation.withUnsafeMutableBufferPointer { try environment.step(Int(action), into: $0) }
    }
  }

  // MARK: - Records

  private func keepRecords(_ step: Int) throws {
    if step % config.logInterval == 0 || step == config.totalSteps {
      try record.log(
        step: step, epsilon: agent.epsilon(at: step), importanceExponent: agent.importanceExponent(at: step),
        learningRate: agent.learningRate(at: step), replayCount: agent.replayCount, gradientSteps: agent.gradientSteps)
    }
    if config.evaluationEpisodes > 0, step % config.evaluationInterval == 0 {
      let episodes = try evaluate(
        { EpisodeActor(agent.makeActingState()) }, in: makeEvaluationEnvironment, episodes: config.evaluationEpisodes,
        seed: Self.evaluationSeed)
      try record.evaluated(step: step, episodes)
    }
    if step % config.checkpointInterval == 0 || step == config.totalSteps { try saveCheckpoint() }
  }

  /// Far from the seeds of `evaluate`, so that nobody selects on what is reported.
  static let evaluationSeed: UInt64 = 1_000_000

  private func saveCheckpoint() throws {
    state.record = record.position()
    try checkpoints.save(step: state.step) { writer in
      try agent.save(to: &writer)
      try writer.write("trainer", json: state)
    }
  }
}

extension DQNAgent {
  fileprivate func remember(action: Int, reward: Double, terminated: Bool, truncated: Bool, next: [Float]) throws {
    try next.withUnsafeBufferPointer {
      try remember(action: action, reward: reward, terminated: terminated, truncated: truncated, next: $0)
    }
  }
}
