/// One finished episode.
public struct Episode: Codable, Equatable, Sendable {
  public var `return`: Double
  public var length: Int
  public var terminated: Bool
  public var truncated: Bool

  public init(return: Double, length: Int, terminated: Bool, truncated: Bool) {
    (self.return, self.length, self.terminated, self.truncated) = (`return`, length, terminated, truncated)
  }
}
