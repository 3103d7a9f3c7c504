/// Gymnasium's contract in Swift. Environments know no tensors and no agents: observations are plain floats that an
/// environment writes where the caller says, so that a step allocates nothing.

/// What one step returned, beside the observation.
public struct Step: Equatable, Sendable {
  public var reward: Double
  /// The episode reached a terminal state of the task: nothing follows, so no value is bootstrapped.
  public var terminated: Bool
  /// The episode was cut off (a time limit): the task would go on, so its value is bootstrapped.
  public var truncated: Bool

  public init(reward: Double, terminated: Bool, truncated: Bool) {
    self.reward = reward
    self.terminated = terminated
    self.truncated = truncated
  }
  public var isLast: Bool { terminated || truncated }
}

/// An environment with a flat float32 observation and a discrete action.
///
/// At a terminal or truncated step the observation written is the true last one, never the next episode's first.
public protocol Environment {
  var observationSpace: BoxSpace { get }
  var actionSpace: DiscreteSpace { get }

  /// Starts an episode. `observation` has `observationSpace.count` elements, row-major.
  /// A seed restarts the environment's generator as Gymnasium's `reset(seed:)` does; nil lets it go on.
  mutating func reset(seed: UInt64?, into observation: UnsafeMutableBufferPointer<Float>) throws

  /// Takes `action` (0 ..< `actionSpace.count`) and writes the next observation.
  mutating func step(_ action: Int, into observation: UnsafeMutableBufferPointer<Float>) throws -> Step
}

extension Environment {
  public mutating func reset(seed: UInt64?) throws -> [Float] {
    var observation = [Float](repeating: 0, count: observationSpace.count)
    try observation.withUnsafeMutableBufferPointer { try reset(seed: seed, into: $0) }
    return observation
  }

  public mutating func step(_ action: Int) throws -> (observation: [Float], step: Step) {
    var observation = [Float](repeating: 0, count: observationSpace.count)
    let step = try observation.withUnsafeMutableBufferPointer { try self.step(action, into: $0) }
    return (observation, step)
  }
}

/// A policy that needs no network: a baseline row in every table.
public protocol Policy {
  mutating func action(for observation: UnsafeBufferPointer<Float>) -> Int
}
