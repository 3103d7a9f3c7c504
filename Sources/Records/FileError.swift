/// What is wrong with a file, in one line: which file, what was found, what would be right.
import Foundation

public struct FileError: Error, CustomStringConvertible, Equatable {
  public let description: String
  public init(_ path: String, _ problem: String) { description = "\(path): \(problem)" }

  /// The system's reason for the last failed call, such as "No space left on device".
  static func system(_ path: String, _ action: String) -> FileError {
    FileError(path, "cannot \(action): \(String(cString: strerror(errno)))")
  }
}
