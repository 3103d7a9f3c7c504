/// A mistake in what the user typed: exit status 64 (sysexits.h's EX_USAGE).
public struct UsageError: Error, CustomStringConvertible, Equatable {
  /// One line: what was wrong, and what would be right.
  public let description: String
  /// One line: what was wrong, and what would be right.
  public init(_ description: String) { self.description = description }
}
