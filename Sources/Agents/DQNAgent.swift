/// STUB with the final public shape: the compute core replaces the bodies.
import Records
import Replay

/// What the agent decided for one observation.
public struct Decision: Sendable {
  public var action: Int
  /// Largest Q-value of the window, also when the action was drawn at random.
  public var value: Float
}

public struct LearningError: Error, CustomStringConvertible {
  public var description: String
  public init(description: String) { self.description = description }
}

public final class DQNAgent {
  public let config: ExperimentConfig
  public let observationSize: Int
  public let actionCount: Int
  /// Estimated bytes of the replay and of everything else the agent holds.
  public var memoryEstimate: (replay: Int, network: Int) { (0, 0) }
  public private(set) var gradientSteps = 0

  /// Everything random (initial weights, exploration, sampling) follows from `config.seed`.
  public init(config: ExperimentConfig, observationSize: Int, actionCount: Int) throws {
    self.config = config
    self.observationSize = observationSize
    self.actionCount = actionCount
  }

  /// ε at an environment step: linear schedule.
  public func epsilon(at step: Int) -> Double { 1 }

  /// The window becomes `observation` repeated.
  public func beginEpisode(_ observation: UnsafeBufferPointer<Float>) throws {}

  /// ε-greedy on the present window; also computes and keeps the latent that `remember` stores.
  public func act(step: Int) -> Decision { Decision(action: 0, value: 0) }

  /// Greedy, nothing kept for replay: for evaluation (its window is separate per `ActingState`).
  public func makeActingState() -> ActingState { ActingState() }

  /// Stores (window, action, reward, next observation, flags, latent) and moves the window on.
  public func remember(
    action: Int, reward: Double, terminated: Bool, truncated: Bool, next observation: UnsafeBufferPointer<Float>
  ) throws {}

  /// One gradient step on a prioritized batch, then new priorities. Throws where the loss or a gradient is not finite.
  public func learn(step: Int) throws -> LearningReport {
    gradientSteps += 1
    return LearningReport(loss: 0, meanAbsoluteTDError: 0, gradientNorm: 0, meanQ: 0)
  }

  /// Hard copy of the online network into the target network.
  public func syncTarget() {}

  public var replayCount: Int { 0 }
  /// β of the importance weights at an environment step.
  public func importanceExponent(at step: Int) -> Double { 0.4 }

  /// Network, moments, target, replay with priorities, generators, counters, the present window.
  public func save(to sink: inout some CheckpointSink) throws {}
  public func restore(from source: some CheckpointSource) throws {}

  /// Parameters under their published names.
  public func forEachParameter(_ body: (_ name: String, _ shape: [Int], _ values: UnsafeBufferPointer<Float>) throws -> Void) rethrows {}
  /// Replaces the parameters (final weights from a file); throws where a name or shape differs.
  public func load(parameter: (_ name: String, _ shape: [Int]) throws -> [Float]) throws {}
}

/// One greedy actor's window and cached work (constant cost per step).
public final class ActingState {
  public init() {}
  public func begin(_ observation: UnsafeBufferPointer<Float>) {}
  public func observe(_ observation: UnsafeBufferPointer<Float>) {}
  public func greedyAction() -> Int { 0 }
}
