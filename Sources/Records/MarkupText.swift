/// Text that enters HTML, XML or SVG.

extension String {
  /// Between tags and within quotation marks: nothing of it is markup. What XML 1.0 cannot hold at all becomes U+FFFD.
  public var markupEscaped: String {
    var result = ""
    for scalar in unicodeScalars {
      switch scalar {
      case "&": result += "&amp;"
      case "<": result += "&lt;"
      case ">": result += "&gt;"
      case "\"": result += "&quot;"
      case "\u{0}"..<" " where !"\t\n\r".unicodeScalars.contains(scalar), "\u{fffe}", "\u{ffff}": result += "\u{fffd}"
      default: result.unicodeScalars.append(scalar)
      }
    }
    return result
  }
}
