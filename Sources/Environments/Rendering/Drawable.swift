/// An environment that can be looked at. Drawing reads the state and never changes it: an episode that is watched is the
/// episode that is not.

public protocol Drawable: Environment {
  /// Whether this one can: some must be made for it.
  var isDrawable: Bool { get }

  /// Scenes in a second of the environment's own time.
  var framesPerSecond: Double { get }

  /// The present state. Call it between a reset and the next.
  func scene() throws -> Scene

  /// As `step`, with every scene on the way shown: one, unless the environment simulates more finely than it asks for actions.
  mutating func step(
    _ action: Int, into observation: UnsafeMutableBufferPointer<Float>, showing show: (Scene) throws -> Void
  ) throws -> Step
}

extension Drawable {
  public var isDrawable: Bool { true }

  public mutating func step(
    _ action: Int, into observation: UnsafeMutableBufferPointer<Float>, showing show: (Scene) throws -> Void
  ) throws -> Step {
    let step = try step(action, into: observation)
    try show(try scene())
    return step
  }
}
