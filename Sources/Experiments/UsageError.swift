/// A mistake in what the user typed: exit status 64 (sysexits.h's EX_USAGE).
public struct UsageError: Error, CustomStringConvertible, Equatable {
  public let description: String
  public init(_ description: String) { self.description = description }
}
