/// `gymnasium:ID?key=value&key=value`, taken apart.
import Foundation

public struct GymnasiumName: Equatable, Sendable {
  public static let prefix = "gymnasium:"

  /// As `gymnasium.make` takes it; `module:ID` imports a module first.
  public let id: String
  /// Keyword arguments of `gymnasium.make`, as they were written: Python literals (`1.0`, `None`, `(2, 3)`, `{'a': True}`) or
  /// JSON's true, false and null; anything else is text.
  public let arguments: [String: String]
  /// Height and width of the gray image that RGB observations are turned into.
  public let grayscale: [Int]?

  /// Nil if the text does not begin with `gymnasium:`.
  public init?(_ text: String) throws {
    guard text.hasPrefix(Self.prefix) else { return nil }
    let parts = text.dropFirst(Self.prefix.count).split(separator: "?", maxSplits: 1, omittingEmptySubsequences: false)
    id = String(parts[0])
    guard !id.isEmpty else { throw GymnasiumError("\(text): an id must follow, as in gymnasium:CartPole-v1", isUsage: true) }
    var arguments: [String: String] = [:], grayscale: [Int]?
    for assignment in parts.count > 1 ? parts[1].split(separator: "&") : [] {
      let sides = assignment.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
      guard sides.count == 2, !sides[0].isEmpty else {
        throw GymnasiumError("\(text): \(assignment) must be key=value", isUsage: true)
      }
      if sides[0] == "grayscale" {
        let size = sides[1].split(separator: "x").map { Int($0) ?? 0 }
        guard size.count == 2, size.allSatisfy({ 1...1024 ~= $0 }) else {
          throw GymnasiumError("\(text): grayscale must be HEIGHTxWIDTH, such as 84x84", isUsage: true)
        }
        grayscale = size
      } else if arguments.updateValue(sides[1], forKey: sides[0]) != nil {
        throw GymnasiumError("\(text): \(sides[0]) is given twice", isUsage: true)
      }
    }
    (self.arguments, self.grayscale) = (arguments, grayscale)
  }

  private init(id: String, arguments: [String: String], grayscale: [Int]?) {
    (self.id, self.arguments, self.grayscale) = (id, arguments, grayscale)
  }

  /// The same environment, drawing itself; unless the user chose how himself.
  var rendering: GymnasiumName {
    Self(id: id, arguments: arguments.merging(["render_mode": "rgb_array"]) { own, _ in own }, grayscale: grayscale)
  }

  /// The id without module and namespace: what presets go by.
  public var baseID: String { id.split(whereSeparator: { $0 == ":" || $0 == "/" }).last.map(String.init) ?? id }

  /// The module of `module:ID`, which making the environment imports.
  public var module: String? { id.lastIndex(of: ":").map { String(id[..<$0]) } }

  /// What making the environment may execute beside the installed environment of that id; nil where the name is plain data.
  /// An argument can name code too (highway-env's vehicle classes, the id of an environment inside another) or a file, and
  /// then has a dot, a colon or a slash between words; numbers and single words have not.
  public var codeThatItNames: String? {
    if let module { return "imports the Python module \(module)" }
    let suspect = arguments.sorted { $0.key < $1.key }.first { _, value in
      Double(value) == nil && value.contains { ".:/\\".contains($0) } && value.contains(where: \.isLetter)
    }
    return suspect.map { "has the argument \($0.key)=\($0.value), which may name code or a file" }
  }

  /// The MAKE request's JSON.
  var request: [UInt8] {
    get throws {
      let object: [String: Any] = ["id": id, "arguments": arguments, "grayscale": grayscale ?? NSNull()]
      // Sorted, so that an environment that reads them one after the other gets the same every time.
      return Array(try JSONSerialization.data(withJSONObject: object, options: .sortedKeys))
    }
  }
}
