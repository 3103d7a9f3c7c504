/// One finished episode.
public struct Episode: Codable, Equatable, Sendable {
  /// The sum of rewards, not discounted.
  public var `return`: Double
  /// Steps.
  public var length: Int
  /// It ended in a terminal state of the task.
  public var terminated: Bool
  /// It was cut off by a time limit.
  public var truncated: Bool
  /// Mean over its steps, in m/s, where an evaluation measured it.
  public var speed: Double?

  /// As it was played.
  public init(return: Double, length: Int, terminated: Bool, truncated: Bool, speed: Double? = nil) {
    (self.return, self.length, self.terminated, self.truncated) = (`return`, length, terminated, truncated)
    self.speed = speed
  }
}
