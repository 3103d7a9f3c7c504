/// What both plots draw alike: the title and the horizontal axis.

extension SVGDocument {
  /// Returns the y below the title.
  mutating func heading(_ title: String, width: Double) -> Double {
    let lines = TextLayout.lines(of: title, size: Self.titleSize * 1.1, limit: width - 16)
    for (index, line) in lines.enumerated() { text(line, 8, 20 + 20 * Double(index), class: "title") }
    return 10 + 20 * Double(lines.count)
  }

  /// 44 units high: marks, their numbers, and the label below.
  mutating func horizontalAxis(_ x: Scale, ticks: [Tick], label: String, y: Double) {
    line(x.start, y, x.end, y, class: "axis")
    for tick in ticks {
      line(x(tick.value), y, x(tick.value), y + 4, class: "axis")
      text(tick.label, x(tick.value), y + 18, anchor: "middle", class: "muted")
    }
    text(label, (x.start + x.end) / 2, y + 37, anchor: "middle", class: "muted")
  }

  /// The figure below its heading when there is nothing to draw.
  func withoutData(width: Double, top: Double, title: String, style: FigureStyle) -> String {
    var document = self
    document.text("no data yet", width / 2, top + 40, anchor: "middle", class: "muted")
    return document.finished(width: width, height: top + 70, title: title, description: "No data yet.", style: style)
  }

  /// A number for a screen reader, to three digits or so.
  static func spoken(_ value: Double) -> String {
    guard value.isFinite else { return "unknown" }
    let largest = abs(value)
    guard largest >= 1e-300 else { return "0" }
    return Ticks.label(value, step: Ticks.niceStep(atLeast: largest) / 1000, largest: largest)
  }
}
