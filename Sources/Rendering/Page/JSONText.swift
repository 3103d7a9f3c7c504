/// JSON that may stand inside a page's `<script>`, with numbers as short as they may be.
import Foundation

enum JSONText {
  /// Also `<`, so that no `</script>` or `<!--` can come of it, and the line ends that JavaScript once took for its own.
  static func quoted(_ text: String) -> String {
    var result = "\""
    for scalar in text.unicodeScalars {
      switch scalar {
      case "\"": result += "\\\""
      case "\\": result += "\\\\"
      case "\u{0}"..<" ", "<", ">", "&", "\u{2028}", "\u{2029}": result += String(format: "\\u%04x", scalar.value)
      default: result.unicodeScalars.append(scalar)
      }
    }
    return result + "\""
  }

  /// Five digits; what is no number is null.
  static func number(_ value: Double) -> String {
    guard value.isFinite else { return "null" }
    let rounded = Double(String(format: "%.5g", value)) ?? value
    if rounded == rounded.rounded(), abs(rounded) < 1e15 { return String(Int(rounded)) }
    return "\(rounded)"
  }
  static func numbers(_ values: some Sequence<Double>) -> String { "[\(values.map(number).joined(separator: ","))]" }

  static func colour(_ value: UInt32) -> String {
    let digits = String(value, radix: 16)
    return "#" + String(repeating: "0", count: 8 - digits.count) + digits
  }
}
