/// `gymnasium:ID?key=value&key=value`, taken apart.
import Foundation

public struct GymnasiumName: Equatable, Sendable {
  public static let prefix = "gymnasium:"

  /// As `gymnasium.make` takes it; `module:ID` imports a module first.
  public let id: String
  /// Keyword arguments of `gymnasium.make`: JSON values, or text where they are not JSON.
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
      let sides = assignment.split(separator: "=", maxSplits: 1).map(String.init)
      guard sides.count == 2 else {
        throw GymnasiumError("\(text): \(assignment) must be key=value", isUsage: true)
      }
      if sides[0] == "grayscale" {
        let size = sides[1].split(separator: "x").map { Int($0) ?? 0 }
        guard size.count == 2, size.allSatisfy({ 1...1024 ~= $0 }) else {
          throw GymnasiumError("\(text): grayscale must be HEIGHTxWIDTH, such as 84x84", isUsage: true)
        }
        grayscale = size
      } else {
        arguments[sides[0]] = sides[1]
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

  /// The MAKE request's JSON.
  var request: [UInt8] {
    get throws {
      let values = arguments.mapValues { text -> Any in
        let value = try? JSONSerialization.jsonObject(with: Data(text.utf8), options: .fragmentsAllowed)
        return value ?? ["True": true, "False": false][text] ?? text
      }
      let object: [String: Any] = ["id": id, "arguments": values, "grayscale": grayscale ?? NSNull()]
      return Array(try JSONSerialization.data(withJSONObject: object))
    }
  }
}
