/// The agent: a window of observations, an ε-greedy choice, prioritized replay, a learner. It meets an environment in
/// Training; it never sees one itself.
import Autograd
import Networks
import Optimizers
import Randomness
import Records
import Replay

/// What the agent decided for one observation.
public struct Decision: Sendable {
  public var action: Int
  /// Largest Q-value of the window, also when the action was drawn at random.
  public var value: Float
}

/// What goes wrong while learning or restoring: said in one line, with what would help.
public struct LearningError: Error, CustomStringConvertible {
  public var description: String
  public init(description: String) { self.description = description }
}

public final class DQNAgent {
  public let config: ExperimentConfig
  public let observationSize: Int
  public let actionCount: Int
  public let learner: Learner
  public let replay: PrioritizedReplay
  private let batch: ReplayBatch
  private let acting: ActingState
  /// The latent of the present window, as `act` computed it.
  private let latent: Buffer
  private var exploration: SplitMix64
  private var sampling: SplitMix64

  /// Everything random (initial weights, exploration, sampling) follows from `config.seed`.
  public init(config: ExperimentConfig, observationSize: Int, actionCount: Int) throws {
    self.config = config
    self.observationSize = observationSize
    self.actionCount = actionCount
    let root = SplitMix64(seed: config.seed)
    var initialisation = root.split(stream: 0)
    exploration = root.split(stream: 1)
    sampling = root.split(stream: 2)
    learner = Learner(
      sizes: NetworkSizes(config, observationSize: observationSize, actionCount: actionCount), config: config,
      generator: &initialisation)
    replay = PrioritizedReplay(
      capacity: config.replayCapacity, windowLength: config.windowLength, observationSize: observationSize,
      latentSize: config.modelSize, priorities: config.priorityExponent, clampPriorityError: config.clampPriorityError,
      nStep: NStep(
        steps: config.nStep, discount: Float(config.discount), cutsAtTruncation: config.cutBootstrapAtTruncation))
    batch = ReplayBatch(
      count: config.batchSize, windowLength: config.windowLength, observationSize: observationSize)
    acting = ActingState(learner.online)
    latent = Buffer(count: config.modelSize)
  }

  /// The learning rate of a gradient step at an environment step.
  public func learningRate(at step: Int) -> Double { config.learningRate * learner.learningRateShare(at: step) }

  /// Bytes of the replay, and of networks, moments and gradients.
  public var memoryEstimate: (replay: Int, network: Int) {
    (replay.memoryBytes, learner.online.block.values.count * 4 * (config.amsgrad ? 6 : 5))
  }
  public var gradientSteps: Int { learner.gradientSteps }
  public var replayCount: Int { replay.count }

  /// ε at an environment step.
  public func epsilon(at step: Int) -> Double {
    linearSchedule(from: config.epsilonStart, to: config.epsilonEnd, over: config.epsilonDecaySteps, at: step)
  }
  /// β of the importance weights at an environment step: linear to 1 at the end of the run.
  public func importanceExponent(at step: Int) -> Double {
    linearSchedule(from: config.importanceExponentStart, to: 1, over: config.totalSteps, at: step)
  }

  /// The window becomes `observation` repeated.
  public func beginEpisode(_ observation: UnsafeBufferPointer<Float>) throws {
    acting.begin(observation)
    replay.beginEpisode(observation)
  }

  /// ε-greedy on the present window. The latent is computed either way: `remember` stores it.
  public func act(step: Int) -> Decision {
    let output = acting.evaluate()
    latent.pointer.update(from: output.latent, count: config.modelSize)
    let greedy = acting.argmax(output.q)
    let explores = exploration.uniform() < epsilon(at: step)
    let action = explores ? Int(exploration.next(upperBound: UInt64(actionCount))) : greedy
    return Decision(action: action, value: output.q[greedy])
  }

  /// Stores (window, action, reward, next observation, flags, latent) and moves the window on.
  public func remember(
    action: Int, reward: Double, terminated: Bool, truncated: Bool, next observation: UnsafeBufferPointer<Float>
  ) throws {
    replay.append(
      action: action, reward: Float(reward * config.rewardScale), terminated: terminated, truncated: truncated, next: observation,
      latent: UnsafeBufferPointer(start: latent.pointer, count: config.modelSize))
    acting.observe(observation)
  }

  /// One gradient step on a prioritized batch, then new priorities. Throws where the loss or a gradient is not finite.
  public func learn(step: Int) throws -> LearningReport {
    replay.sample(into: batch, importanceExponent: importanceExponent(at: step), generator: &sampling)
    let (report, tdErrors) = try learner.update(
      LearningBatch(
        count: batch.count, states: batch.states, nextStates: batch.nextStates, actions: batch.actions,
        returns: batch.returns, discounts: batch.discounts, weights: batch.weights), step: step)
    replay.updatePriorities(of: batch, tdErrors: UnsafeBufferPointer(start: tdErrors, count: batch.count))
    acting.parametersChanged()
    return report
  }

  /// After an environment step: what its number asks of the target network.
  public func updateTarget(step: Int) {
    if config.targetUpdate == .hard, step % config.targetSyncInterval == 0 { learner.syncTarget() }
  }
  /// Whether an environment step is one to learn after.
  public func learns(at step: Int) -> Bool { step > config.learningStarts && step % config.gradientInterval == 0 }

  /// A greedy actor of its own, with its own window: for evaluation.
  public func makeActingState() -> ActingState { ActingState(learner.evaluated, stepping: true) }

  /// Network, moments, target, replay with priorities, generators, counters, the present window.
  public func save(to sink: inout some CheckpointSink) throws {
    try learner.save(to: &sink)
    try replay.save(to: &sink)
    try withUnsafeBytes(of: (exploration.state, sampling.state)) { try sink.write("agent/generators", $0) }
    try sink.write("agent/window", acting.windowBytes)
  }

  public func restore(from source: some CheckpointSource) throws {
    try learner.restore(from: source)
    try replay.restore(from: source)
    let generators = try source.bytes("agent/generators")
    exploration.state = generators.loadUnaligned(as: UInt64.self)
    sampling.state = generators.loadUnaligned(fromByteOffset: 8, as: UInt64.self)
    try acting.restoreWindow(source.bytes("agent/window"))
  }

  /// The parameters that evaluations act with, under their published names.
  public func forEachParameter(
    _ body: (_ name: String, _ shape: [Int], _ values: UnsafeBufferPointer<Float>) throws -> Void
  ) rethrows {
    let block = learner.evaluated.block
    for (name, parameter) in zip(block.names, block.parameters) {
      try body(name, parameter.shape, UnsafeBufferPointer(parameter.values))
    }
  }
}
