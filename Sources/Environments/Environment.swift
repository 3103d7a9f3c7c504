/// Gymnasium's contract in Swift. Environments know no tensors and no agents: observations are plain floats that an
/// environment writes where the caller says, so that a step allocates nothing.

/// What one step returned, beside the observation.
public struct Step: Equatable, Sendable {
  /// As the environment gives it, unscaled.
  public var reward: Double
  /// The episode reached a terminal state of the task: nothing follows, so no value is bootstrapped.
  public var terminated: Bool
  /// The episode was cut off (a time limit): the task would go on, so its value is bootstrapped.
  public var truncated: Bool

  /// Both flags may be true: then the terminal state counts.
  public init(reward: Double, terminated: Bool, truncated: Bool) {
    self.reward = reward
    self.terminated = terminated
    self.truncated = truncated
  }
  /// Whether the episode is over.
  public var isLast: Bool { terminated || truncated }
}

/// An environment with a flat float32 observation and a discrete action.
///
/// At a terminal or truncated step the observation written is the true last one, never the next episode's first.
public protocol Environment {
  /// Shape and bounds of an observation.
  var observationSpace: BoxSpace { get }
  /// The actions and their names.
  var actionSpace: DiscreteSpace { get }

  /// Starts an episode. `observation` has `observationSpace.count` elements, row-major.
  /// A seed restarts the environment's generator as Gymnasium's `reset(seed:)` does; nil lets it go on.
  mutating func reset(seed: UInt64?, into observation: UnsafeMutableBufferPointer<Float>) throws

  /// Takes `action` (0 ..< `actionSpace.count`) and writes the next observation.
  mutating func step(_ action: Int, into observation: UnsafeMutableBufferPointer<Float>) throws -> Step

  /// Which actions the observation last written allows, one flag an action, at least one of them true; nil where all are
  /// allowed. Holds until the next reset or step. A masked action must not be taken, and its value says nothing.
  var actionMask: [Bool]? { get }

  /// How fast what the agent drives moved after the last step, in m/s; nil where nothing is driven.
  var speed: Double? { get }
}

extension Environment {
  public var actionMask: [Bool]? { nil }
  public var speed: Double? { nil }

  /// The same, with the observation [count] in an array of its own.
  public mutating func reset(seed: UInt64?) throws -> [Float] {
    var observation = [Float](repeating: 0, count: observationSpace.count)
    try observation.withUnsafeMutableBufferPointer { try reset(seed: seed, into: $0) }
    return observation
  }

  /// The same, with the observation [count] in an array of its own.
  public mutating func step(_ action: Int) throws -> (observation: [Float], step: Step) {
    var observation = [Float](repeating: 0, count: observationSpace.count)
    let step = try observation.withUnsafeMutableBufferPointer { try self.step(action, into: $0) }
    return (observation, step)
  }
}

/// The wait for an environment was given up because somebody asked this program to stop. Nothing is wrong with the run: it
/// can be saved as it stood before the step, and go on later.
public struct EnvironmentInterruption: Error, CustomStringConvertible, Sendable {
  public let description: String
  /// One line for a person.
  public init(_ description: String) { self.description = description }
}

/// A policy that needs no network: a baseline row in every table.
public protocol Policy {
  /// The action, from 0, that it takes at `observation` [count].
  mutating func action(for observation: UnsafeBufferPointer<Float>) -> Int
  /// The same under an environment's `actionMask`.
  mutating func action(for observation: UnsafeBufferPointer<Float>, allowed: [Bool]?) -> Int
}

extension Policy {
  /// A policy that knows of no masks takes the first allowed action where its own is masked.
  public mutating func action(for observation: UnsafeBufferPointer<Float>, allowed: [Bool]?) -> Int {
    let wanted = action(for: observation)
    guard let allowed, !allowed[wanted], let first = allowed.firstIndex(of: true) else { return wanted }
    return first
  }
}
