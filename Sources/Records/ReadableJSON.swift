/// Files that people read too: indented, keys in order, a newline at the end.
import Foundation

/// JSON for people: keys sorted, a field a line.
public protocol ReadableJSON: Encodable {}

extension String {
  /// With its quotation marks, as JSON (and YAML) has it.
  public var jsonQuoted: String {
    let encoder = JSONEncoder()
    encoder.outputFormatting = .withoutEscapingSlashes
    return (try? encoder.encode(self)).map { String(decoding: $0, as: UTF8.self) } ?? "\"\""
  }
}

extension ReadableJSON {
  /// With a line's end.
  public var json: Data {
    get throws {
      let encoder = JSONEncoder()
      encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
      return try encoder.encode(self) + Data("\n".utf8)
    }
  }
}
