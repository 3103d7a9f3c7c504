/// Files that people read too: indented, keys in order, a newline at the end.
import Foundation

public protocol ReadableJSON: Encodable {}

extension ReadableJSON {
  public var json: Data {
    get throws {
      let encoder = JSONEncoder()
      encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
      return try encoder.encode(self) + Data("\n".utf8)
    }
  }
}
