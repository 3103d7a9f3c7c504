/// Writes SVG: escaping, coordinates to a tenth of a unit, and the frame that both plots share.
import Foundation
import Records

struct SVGDocument {
  static let titleSize = 15.0
  static let textSize = 13.0
  static let lineHeight = 16.0

  private var body = ""

  mutating func open(_ tag: String, _ attributes: String) { body += "<\(tag) \(attributes)>\n" }
  mutating func close(_ tag: String) { body += "</\(tag)>\n" }

  mutating func line(_ x1: Double, _ y1: Double, _ x2: Double, _ y2: Double, class name: String) {
    body += "<path class=\"\(name)\" d=\"M\(Self.number(x1)) \(Self.number(y1))L\(Self.number(x2)) \(Self.number(y2))\"/>\n"
  }
  mutating func path(_ data: String, class name: String) { body += "<path class=\"\(name)\" d=\"\(data)\"/>\n" }
  mutating func circle(_ x: Double, _ y: Double, radius: Double, class name: String) {
    body += "<circle class=\"\(name)\" cx=\"\(Self.number(x))\" cy=\"\(Self.number(y))\" r=\"\(Self.number(radius))\"/>\n"
  }
  mutating func rectangle(_ x: Double, _ y: Double, _ width: Double, _ height: Double, class name: String) {
    body +=
      "<rect class=\"\(name)\" x=\"\(Self.number(x))\" y=\"\(Self.number(y))\" width=\"\(Self.number(width))\""
      + " height=\"\(Self.number(height))\"/>\n"
  }
  /// `y` is the baseline; `anchor` start, middle or end.
  mutating func text(_ text: String, _ x: Double, _ y: Double, anchor: String = "start", class name: String = "text") {
    body +=
      "<text class=\"\(name)\" x=\"\(Self.number(x))\" y=\"\(Self.number(y))\" text-anchor=\"\(anchor)\">"
      + "\(text.markupEscaped)</text>\n"
  }

  /// The whole figure; `title` and `description` are what a screen reader says.
  func finished(width: Double, height: Double, title: String, description: String, style: FigureStyle) -> String {
    let size = "\(Self.number(width)) \(Self.number(height))"
    let head = "<title>\(title.markupEscaped)</title>\n<desc>\(description.markupEscaped)</desc>\n"
    let open = "<svg class=\"figure\" xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 \(size)\" role=\"img\""
    switch style {
    case .page:
      return "<div class=\"figure-scroll\">\(open) width=\"100%\">\n\(head)\(body)</svg></div>\n"
    case .standalone:
      let pixels = "width=\"\(Self.number(width))\" height=\"\(Self.number(height))\""
      return """
        <?xml version="1.0" encoding="UTF-8"?>
        \(open) \(pixels)>
        \(head)<style>
        \(FigureStyle.standaloneCSS)
        </style>
        <rect class="background" width="100%" height="100%"/>
        \(body)</svg>

        """
    }
  }

  /// Without a locale, and without "-0" or trailing zeros.
  static func number(_ value: Double) -> String {
    let tenths = Int((value * 10).rounded())
    let (whole, tenth) = abs(tenths).quotientAndRemainder(dividingBy: 10)
    return (tenths < 0 ? "-" : "") + String(whole) + (tenth == 0 ? "" : ".\(tenth)")
  }
}
