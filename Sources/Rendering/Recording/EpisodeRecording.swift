/// One episode as it can be shown again: what was seen, what the agent made of it, what it did and what came of that.
import Environments

/// What chooses the actions of a recorded episode. Two closures, so that this room knows no network.
public struct RecordedActor {
  var begin: (_ seed: UInt64) -> Void
  var decide: (_ observation: UnsafeBufferPointer<Float>, _ reward: Double?, _ allowed: [Bool]?) -> EpisodeRecording.Decision

  /// - Parameters:
  ///   - begin: an episode with this seed begins.
  ///   - decide: called once an observation, with the reward that the last action brought; nil for the observation that `reset`
  ///     gave; and the environment's `actionMask`.
  public init(
    begin: @escaping (_ seed: UInt64) -> Void = { _ in },
    decide:
      @escaping (_ observation: UnsafeBufferPointer<Float>, _ reward: Double?, _ allowed: [Bool]?) -> EpisodeRecording.Decision
  ) {
    (self.begin, self.decide) = (begin, decide)
  }
}

public struct EpisodeRecording: Sendable {
  /// What an actor answered to one observation. All but the action may be missing: a hand-written policy has no Q-values.
  public struct Decision: Equatable, Sendable {
    public var action: Int
    /// A Q-value for every action.
    public var values: [Float]
    public var latent: [Float]
    /// Named numbers beside it, the same names in the same order at every step: each block's mean Δ, say.
    public var traces: [Trace]

    public struct Trace: Equatable, Sendable {
      public var name: String
      public var value: Float
      public init(_ name: String, _ value: Float) { (self.name, self.value) = (name, value) }
    }

    public init(action: Int, values: [Float] = [], latent: [Float] = [], traces: [Trace] = []) {
      (self.action, self.values, self.latent, self.traces) = (action, values, latent, traces)
    }
  }

  public struct Step: Equatable, Sendable {
    /// What was decided at the scene before this step's.
    public var decision: Decision
    public var reward: Double
    /// What was seen while the action was carried out; the last one is the state it led to.
    public var frames: [Scene]
  }

  public let environment: String
  /// Who acts, in words: a run's folder, a policy's name.
  public let subject: String
  public let seed: UInt64
  public let actionNames: [String]
  public let framesPerSecond: Double
  /// The state after the reset.
  public let opening: Scene
  public internal(set) var steps: [Step] = []
  /// How it ended; neither, where it was cut off by whoever recorded it.
  public internal(set) var terminated = false, truncated = false

  public var total: Double { steps.reduce(0) { $0 + $1.reward } }

  /// Plays one episode to its end and keeps everything.
  ///
  /// - Parameter stopRequested: asked between steps; the episode ends early where it holds.
  public init(
    of actor: RecordedActor, subject: String, in world: any Environment, named environment: String, seed: UInt64,
    stopRequested: () -> Bool = { false }
  ) throws {
    var world = drawable(world)
    (self.environment, self.subject, self.seed) = (environment, subject, seed)
    actor.begin(seed)
    var observation = try world.reset(seed: seed)
    (actionNames, framesPerSecond) = (world.actionSpace.names, world.framesPerSecond)
    opening = try world.scene()
    while !terminated && !truncated && !stopRequested() {
      let decision = observation.withUnsafeBufferPointer { actor.decide($0, steps.last?.reward, world.actionMask) }
      var frames: [Scene] = []
      let result = try observation.withUnsafeMutableBufferPointer {
        try world.step(decision.action, into: $0) { frames.append($0) }
      }
      steps.append(Step(decision: decision, reward: result.reward, frames: frames))
      (terminated, truncated) = (result.terminated, result.truncated)
    }
  }
}
