/// What went wrong on the other side of the bridge.

public struct GymnasiumError: Error, CustomStringConvertible, Sendable {
  public let description: String
  /// The environment's name or arguments are at fault, not the run.
  public let isUsage: Bool

  init(_ description: String, isUsage: Bool = false) { (self.description, self.isUsage) = (description, isUsage) }
}
