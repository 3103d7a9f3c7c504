/// What is wrong with a file, in one line: which file, what was found, what would be right.
import Foundation

/// What is wrong with a file, in one line that begins with its path.
public struct FileError: Error, CustomStringConvertible, Equatable {
  public let description: String
  /// Control characters, which a file may bring along, become spaces: the line stays one.
  public init(_ path: String, _ problem: String) {
    description = String(
      String.UnicodeScalarView("\(path): \(problem)".unicodeScalars.map { $0.properties.generalCategory == .control ? " " : $0 }))
  }

  /// The system's reason for the last failed call, such as "No space left on device".
  static func system(_ path: String, _ action: String) -> FileError {
    FileError(path, "cannot \(action): \(String(cString: strerror(errno)))")
  }
}
