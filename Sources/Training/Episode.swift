/// One finished episode.
public struct Episode: Codable, Equatable, Sendable {
  public var `return`: Double
  public var length: Int
  public var terminated: Bool
  public var truncated: Bool
  /// Mean over its steps, in m/s, where an evaluation measured it.
  public var speed: Double?

  public init(return: Double, length: Int, terminated: Bool, truncated: Bool, speed: Double? = nil) {
    (self.return, self.length, self.terminated, self.truncated) = (`return`, length, terminated, truncated)
    self.speed = speed
  }
}
