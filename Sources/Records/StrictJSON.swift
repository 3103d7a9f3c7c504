/// JSON as RFC 8259 has it and no more: a key twice, a lone surrogate, a number beyond every double, nesting without end and
/// bytes after the end are refused. For files that somebody else may have written or changed; whoever reads one of ours
/// through `Codable` reads it through here first.
import Foundation

/// A JSON text, read strictly.
public enum JSONValue: Equatable, Sendable {
  /// null.
  case null
  /// true or false.
  case bool(Bool)
  /// As it was written.
  case number(String)
  /// Without quotes and escapes.
  case string(String)
  /// In the order of the file.
  case array([JSONValue])
  /// In the order of the file; each key once.
  case object([JSONField])

  /// - Throws: `JSONError`.
  public init(_ bytes: some Collection<UInt8>) throws {
    var parser = JSONParser(bytes: Array(bytes))
    self = try parser.document()
  }

  /// Nil where it is no object.
  public var fields: [JSONField]? { if case .object(let fields) = self { fields } else { nil } }
  /// Nil where it is no string.
  public var text: String? { if case .string(let text) = self { text } else { nil } }
  /// Nil where it is no array.
  public var elements: [JSONValue]? { if case .array(let elements) = self { elements } else { nil } }
  /// A whole number written without sign, fraction and exponent.
  public var count: Int? {
    guard case .number(let text) = self, text.utf8.allSatisfy({ UInt8(ascii: "0")...UInt8(ascii: "9") ~= $0 }) else { return nil }
    return Int(text)
  }

  /// For a message.
  public var written: String {
    switch self {
    case .array(let elements): "[\(elements.count) elements]"
    case .object(let fields): "{\(fields.count) fields}"
    case .null, .bool, .number, .string: scalar ?? "null"
    }
  }

  /// Written again, where it is neither null nor made of parts.
  var scalar: String? {
    switch self {
    case .bool(let value): "\(value)"
    case .number(let text): text
    case .string(let text): (try? JSONEncoder().encode(text)).map { String(decoding: $0, as: UTF8.self) }
    case .null, .array, .object: nil
    }
  }

  /// An object's value; nil where it has none of that key.
  public subscript(_ key: String) -> JSONValue? { fields?.first { $0.key == key }?.value }
}

/// A key and its value.
public struct JSONField: Equatable, Sendable {
  /// Without quotes and escapes.
  public var key: String
  /// What stands behind the colon.
  public var value: JSONValue
}

/// What is wrong with a text that should be JSON, and at which byte.
public struct JSONError: Error, Equatable, CustomStringConvertible {
  /// What is wrong.
  public var problem: String
  /// At which byte, from 0.
  public var offset: Int
  public var description: String { "\(problem) at byte \(offset)" }
}

private struct JSONParser {
  let bytes: [UInt8]
  private var position = 0
  private var depth = 0
  /// The safetensors package's own limit.
  private static let deepest = 127

  init(bytes: [UInt8]) { self.bytes = bytes }

  mutating func document() throws -> JSONValue {
    let result = try value()
    skipSpace()
    guard position == bytes.count else { throw error("something follows the end") }
    return result
  }

  private func error(_ problem: String) -> JSONError { JSONError(problem: problem, offset: position) }
  private var isDigit: Bool { next.map { UInt8(ascii: "0")...UInt8(ascii: "9") ~= $0 } ?? false }
  private var next: UInt8? { position < bytes.count ? bytes[position] : nil }

  private mutating func skipSpace() { while let byte = next, [0x20, 0x09, 0x0a, 0x0d].contains(byte) { position += 1 } }

  private mutating func take(_ text: StaticString) -> Bool {
    let wanted = UnsafeBufferPointer(start: text.utf8Start, count: text.utf8CodeUnitCount)
    guard bytes[position...].starts(with: wanted) else { return false }
    position += wanted.count
    return true
  }

  private mutating func value() throws -> JSONValue {
    skipSpace()
    switch next {
    case UInt8(ascii: "{"): return try nested { try $0.object() }
    case UInt8(ascii: "["): return try nested { try $0.array() }
    case UInt8(ascii: "\""): return .string(try string())
    default:
      if next == UInt8(ascii: "-") || isDigit { return .number(try number()) }
      if take("true") { return .bool(true) }
      if take("false") { return .bool(false) }
      if take("null") { return .null }
      throw error("a value is missing")
    }
  }

  private mutating func nested(_ body: (inout Self) throws -> JSONValue) throws -> JSONValue {
    depth += 1
    defer { depth -= 1 }
    guard depth <= Self.deepest else { throw error("it is nested too deeply") }
    position += 1
    return try body(&self)
  }

  private mutating func object() throws -> JSONValue {
    var fields: [JSONField] = [], keys: Set<String> = []
    skipSpace()
    if take("}") { return .object([]) }
    repeat {
      skipSpace()
      guard next == UInt8(ascii: "\"") else { throw error("a key is missing") }
      let key = try string()
      guard keys.insert(key).inserted else { throw error("the key \(key.prefix(80).debugDescription) is given twice") }
      skipSpace()
      guard take(":") else { throw error("a colon is missing") }
      fields.append(JSONField(key: key, value: try value()))
      skipSpace()
    } while take(",")
    guard take("}") else { throw error("a comma or } is missing") }
    return .object(fields)
  }

  private mutating func array() throws -> JSONValue {
    var elements: [JSONValue] = []
    skipSpace()
    if take("]") { return .array([]) }
    repeat {
      elements.append(try value())
      skipSpace()
    } while take(",")
    guard take("]") else { throw error("a comma or ] is missing") }
    return .array(elements)
  }

  private mutating func number() throws -> String {
    let start = position
    func digits(_ parser: inout Self) throws {
      guard parser.isDigit else { throw parser.error("a digit is missing") }
      while parser.isDigit { parser.position += 1 }
    }
    _ = take("-")
    if take("0") {
      guard !isDigit else { throw error("a number begins with 0") }
    } else {
      try digits(&self)
    }
    if take(".") { try digits(&self) }
    if take("e") || take("E") {
      if !take("+") { _ = take("-") }
      try digits(&self)
    }
    let text = String(decoding: bytes[start..<position], as: UTF8.self)
    guard Double(text)?.isFinite ?? false else { throw error("the number \(text.prefix(20)) is too large") }
    return text
  }

  private mutating func string() throws -> String {
    position += 1
    var text: [UInt8] = []
    while let byte = next {
      position += 1
      switch byte {
      case UInt8(ascii: "\""):
        guard let result = String(validating: text, as: UTF8.self) else { throw error("a text is not UTF-8") }
        return result
      case UInt8(ascii: "\\"): text += try escaped()
      case 0..<0x20: throw error("a control character stands in a text")
      default: text.append(byte)
      }
    }
    throw error("a text has no end")
  }

  private mutating func escaped() throws -> [UInt8] {
    defer { position += 1 }
    switch next {
    case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): return [bytes[position]]
    case UInt8(ascii: "b"): return [8]
    case UInt8(ascii: "f"): return [12]
    case UInt8(ascii: "n"): return [10]
    case UInt8(ascii: "r"): return [13]
    case UInt8(ascii: "t"): return [9]
    case UInt8(ascii: "u"):
      var units = [try codeUnit()]
      if UTF16.isLeadSurrogate(units[0]) {
        position += 1
        guard take("\\"), next == UInt8(ascii: "u") else { throw error("half of a surrogate pair is missing") }
        units.append(try codeUnit())
      }
      guard let text = String(validating: units, as: UTF16.self) else { throw error("a surrogate stands alone") }
      return Array(text.utf8)
    default: throw error("an escape is unknown")
    }
  }

  /// The four digits after the `u` at the present position; ends at the last of them.
  private mutating func codeUnit() throws -> UInt16 {
    let digits = bytes[(position + 1)...].prefix(4)
    guard digits.count == 4, digits.allSatisfy({ Character(UnicodeScalar($0)).isHexDigit && $0 < 0x80 }),
      let unit = UInt16(String(decoding: digits, as: UTF8.self), radix: 16)
    else { throw error("four hexadecimal digits are missing") }
    position += 4
    return unit
  }
}
