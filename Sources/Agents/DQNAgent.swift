/// The agent: actors that choose ε-greedily, a replay, a learner. It meets environments in Training; it never sees one itself.
import Autograd
import Networks
import Optimizers
import Randomness
import Records
import Replay

/// What the agent decided for one observation.
public struct Decision: Sendable {
  /// From 0.
  public var action: Int
  /// Largest Q-value, also when the action was drawn at random.
  public var value: Float
}

/// What goes wrong while learning or restoring: said in one line, with what would help.
public struct LearningError: Error, CustomStringConvertible {
  public var description: String
  /// One line: which step, and what was not finite.
  public init(description: String) { self.description = description }
}

/// Deep Q-learning: acts ε-greedily, remembers in replay, and learns from what it draws there.
public final class DQNAgent {
  /// Every setting that it follows.
  public let config: ExperimentConfig
  /// What makes the network's input of an observation.
  public let encoder: ObservationEncoder
  /// Networks and optimizer.
  public let learner: Learner
  private let experience: any Experience
  private let actors: [Actor]
  private let acting: ActingBatch
  private var sampling: SplitMix64
  /// Of all actors; nil without `rareEpsilon`.
  private var visits: VisitCounts?

  /// Everything random (initial weights, exploration, sampling) follows from `config.seed`.
  ///
  /// - Throws: `LearningError` where the machine has less memory than this needs, or the encoder cannot read sequences.
  public init(config: ExperimentConfig, encoder: ObservationEncoder) throws {
    self.config = config
    self.encoder = encoder
    guard config.entities == 0 || encoder.observationSize % config.entities == 0 else {
      throw LearningError(
        description: "entities=\(config.entities): an observation of \(encoder.observationSize) numbers is no list of so many")
    }
    guard !config.perAction || (encoder.actionCount > 1 && encoder.observationSize % encoder.actionCount == 0) else {
      throw LearningError(
        description: "perAction=true: an observation of \(encoder.observationSize) numbers has no part for each of "
          + "\(encoder.actionCount) actions")
    }
    memoryNeed = MemoryNeed(
      config, observationSize: encoder.inputSize, actionCount: encoder.actionCount, storage: encoder.storage)
    try memoryNeed.check()
    let root = SplitMix64(seed: config.seed)
    var initialisation = root.split(stream: RandomStream.initialisation)
    sampling = root.split(stream: RandomStream.sampling)
    let learner = Learner(
      sizes: NetworkSizes(config, observationSize: encoder.inputSize, actionCount: encoder.actionCount), config: config,
      generator: &initialisation)
    guard config.replay == .window || learner.online.stateLayout != nil else {
      throw LearningError(
        description: "replay=sequence: a \(config.encoder.rawValue) encoder without norm only reads windows; use norm=rms")
    }
    self.learner = learner
    let exploration = root.split(stream: RandomStream.exploration)
    actors = (0..<config.actors).map { index in
      Actor(
        ActingState(learner.online, encoder: encoder, recurrent: config.replay == .sequence),
        generator: index == 0 ? exploration : exploration.split(stream: UInt64(index)),
        epsilonExponent: config.actors == 1 ? 1 : 1 + config.epsilonSpread * Double(index) / Double(config.actors - 1),
        latentSize: config.modelSize)
    }
    acting = ActingBatch(learner.online)
    visits = config.rareEpsilon > 0 ? VisitCounts(rareEpsilon: config.rareEpsilon) : nil
    experience =
      config.replay == .window
      ? WindowExperience(config, learner, encoder.storage)
      : try SequenceExperience(config, learner, encoder.storage)
  }

  /// Bytes that it takes once its replay is full.
  public let memoryNeed: MemoryNeed
  /// Taken so far.
  public var gradientSteps: Int { learner.gradientSteps }
  /// Transitions in replay.
  public var replayCount: Int { experience.count }

  /// ε at an environment step, of the first actor.
  public func epsilon(at step: Int) -> Double {
    linearSchedule(from: config.epsilonStart, to: config.epsilonEnd, over: config.epsilonDecaySteps, at: step)
  }
  /// β of the importance weights at an environment step: linear to 1 at the end of the run.
  public func importanceExponent(at step: Int) -> Double {
    linearSchedule(from: config.importanceExponentStart, to: 1, over: config.totalSteps, at: step)
  }
  /// The learning rate of a gradient step at an environment step.
  public func learningRate(at step: Int) -> Double { config.learningRate * learner.learningRateShare(at: step) }

  /// An actor's episode begins.
  public func beginEpisode(_ observation: UnsafeBufferPointer<Float>, allowed: [Bool]? = nil, actor index: Int = 0) throws {
    actors[index].state.begin(observation)
    actors[index].allowed = allowed
    if visits != nil { actors[index].key = VisitCounts.key(observation) }
    experience.beginEpisode(actors[index], index)
  }

  /// What an actor's present observation allows, which a checkpoint does not hold: the environment says it again.
  public func restore(allowed: [Bool]?, actor index: Int) { actors[index].allowed = allowed }

  /// The state of every actor's generator: put back, what `act` decided since was never decided.
  public var explorationStates: [UInt64] {
    get { actors.map(\.generator.state) }
    set { for (actor, state) in zip(actors, newValue) { actor.generator.state = state } }
  }

  /// ε-greedy at the present observations of the first `count` actors, in one forward pass; the first acts at environment step
  /// `step`, the next one at the next. Latents are computed either way: `remember` may store them.
  public func act(step: Int, count: Int = 1) -> [Decision] {
    if count > 1 { acting.evaluate(actors.prefix(count).map(\.state)) }
    return (0..<count).map { actors[$0].act(epsilon: epsilon(at: step + $0), visits) }
  }

  /// Stores the transition and moves the actor on.
  public func remember(
    action: Int, reward: Double, terminated: Bool, truncated: Bool, next observation: UnsafeBufferPointer<Float>,
    allowed: [Bool]? = nil, actor index: Int = 0
  ) throws {
    let actor = actors[index]
    if visits != nil {
      visits?.add(actor.key)
      actor.key = VisitCounts.key(observation)
    }
    actor.moveOn(to: observation, after: action, reward: Float(reward))
    actor.allowed = allowed
    experience.append(
      actor, index, action: action, reward: Float(reward * config.rewardScale), terminated: terminated, truncated: truncated)
  }

  /// Whether an environment step is one to learn after (`firstLearningStep` is the first that may be).
  public func learns(at step: Int) -> Bool {
    step > config.learningStarts && step % config.gradientInterval == 0 && experience.isReady
  }

  /// One gradient step on a drawn batch, then new priorities. Throws where the loss or a gradient is not finite.
  public func learn(step: Int) throws -> LearningReport {
    let report = try experience.learn(step: step, importanceExponent: importanceExponent(at: step), generator: &sampling)
    for actor in actors { actor.state.parametersChanged() }
    return report
  }

  /// After an environment step: what its number asks of the target network.
  public func updateTarget(step: Int) {
    if config.targetUpdate == .hard, step % config.targetSyncInterval == 0 { learner.syncTarget() }
  }

  /// A greedy actor of its own, with its own memory: for evaluation.
  public func makeActingState() -> ActingState {
    ActingState(learner.evaluated, encoder: encoder, stepping: true, recurrent: config.replay == .sequence)
  }

  /// Network, moments, target, replay with priorities, generators, counters, the actors' memories.
  public func save(to sink: inout some CheckpointSink) throws {
    try learner.save(to: &sink)
    try experience.save(to: &sink)
    let generators = [actors[0].generator.state, sampling.state] + actors.dropFirst().map(\.generator.state)
    try generators.withUnsafeBytes { try sink.write("agent/generators", $0) }
    for (index, actor) in actors.enumerated() {
      try actor.state.bytes.withUnsafeBytes { try sink.write(Self.section(index), $0) }
    }
    for (name, tensor) in encoder.tensors { try tensor.values.withUnsafeBytes { try sink.write("agent/\(name)", $0) } }
    if let visits {
      try visits.save(to: &sink)
      try actors.map(\.key).withUnsafeBytes { try sink.write("agent/visits/present", $0) }
    }
  }

  /// Everything that acting and learning go on from.
  ///
  /// - Throws: `CheckpointError` where a section is missing or does not fit this agent.
  public func restore(from source: some CheckpointSource) throws {
    try learner.restore(from: source)
    for actor in actors { actor.state.parametersChanged() }  // whatever a stepper made of the initial ones
    try experience.restore(from: source)
    let generators = try source.values("agent/generators", actors.count + 1, as: UInt64.self)
    sampling.state = generators[1]
    for (index, actor) in actors.enumerated() {
      actor.generator.state = generators[index == 0 ? 0 : index + 1]
      try actor.state.restore(source.bytes(Self.section(index)))
    }
    guard visits != nil else { return }
    try visits?.restore(from: source)
    let keys = try source.values("agent/visits/present", actors.count, as: UInt64.self)
    for (actor, key) in zip(actors, keys) { actor.key = key }
  }

  private static func section(_ actor: Int) -> String { actor == 0 ? "agent/window" : "agent/window/\(actor)" }

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
