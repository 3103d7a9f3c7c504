/// The picture of an environment that has none of its own: what the agent is given to see, what it did, what it got.

/// The environment itself where it draws itself; otherwise one that shows its observation.
public func drawable(_ world: any Environment) -> any Drawable {
  if let world = world as? any Drawable, world.isDrawable { return world }
  return ObservedEnvironment(world)
}

/// Plays as the environment inside does, and remembers what went in and out.
struct ObservedEnvironment: Drawable {
  private var world: any Environment
  private var observation: [Float] = []
  private var last: (action: Int, step: Step)?
  private var total = 0.0

  init(_ world: any Environment) { self.world = world }

  var observationSpace: BoxSpace { world.observationSpace }
  var actionSpace: DiscreteSpace { world.actionSpace }
  var actionMask: [Bool]? { world.actionMask }
  /// Such an environment has no time of its own: as fast as one can read.
  let framesPerSecond = 5.0

  mutating func reset(seed: UInt64?, into observation: UnsafeMutableBufferPointer<Float>) throws {
    try world.reset(seed: seed, into: observation)
    (self.observation, last, total) = (Array(observation), nil, 0)
  }

  mutating func step(_ action: Int, into observation: UnsafeMutableBufferPointer<Float>) throws -> Step {
    let step = try world.step(action, into: observation)
    (self.observation, last) = (Array(observation), (action, step))
    total += step.reward
    return step
  }

  func scene() -> Scene {
    ObservationDrawing(space: observationSpace, actions: actionSpace).scene(
      observation, action: last?.action, reward: last?.step.reward, return: total)
  }
}
