/// Line plots and interval plots as SVG: geometry of hand-made plots, well-formed XML, and what happens without data.
import Foundation
import Reports
import Testing

#if canImport(FoundationXML)
  import FoundationXML
#endif

@Suite struct FigureTests {
  /// Two points at the corners of the plot, a band around them, and a reference half way up.
  static let simple = LinePlot(
    title: "Return", xLabel: "steps", yLabel: "return",
    series: [
      Series(
        name: "A", colour: 1, points: [Point(x: 0, y: 0), Point(x: 10, y: 100)],
        band: [BandPoint(x: 0, low: 0, high: 25), BandPoint(x: 10, low: 75, high: 100)])
    ],
    references: [Reference(label: "half", value: 50)], yRange: 0...100)
  static let intervals = IntervalPlot(
    title: "Probability of improvement", xLabel: "P(X > Y)",
    rows: [.init(label: "A", colour: 0, points: [0, 1], estimate: 0.5, interval: 0.25...0.75)],
    references: [Reference(label: "even", value: 0.5)])

  @Test func linesBandsAndReferencesLieWhereTheDataSay() throws {
    let elements = try Elements(of: Self.simple.svg(style: .page))
    let axis = try numbers(#require(elements.all("path", class: "axis").first)["d"])
    let (left, bottom, right) = (axis[0], axis[1], axis[2])
    let top = bottom - LinePlot.plotHeight
    #expect(left > 0 && right < LinePlot.width)
    #expect(try numbers(elements.one("path", class: "line series-1")["d"]) == [left, bottom, right, top])
    // The upper edge forwards, the lower edge back; a quarter of 280 is 70.
    #expect(
      try numbers(elements.one("path", class: "band series-1")["d"])
        == [left, bottom - 70, right, top, right, top + 70, left, bottom])
    #expect(try numbers(elements.one("path", class: "reference")["d"]) == [left, bottom - 140, right, bottom - 140])
    #expect(try numbers(elements.one("circle", class: "point series-1")["cy"]) == [top])
  }

  @Test func stepsHoldTheirValueAndGapsStayOpen() throws {
    var plot = Self.simple
    plot.series[0].band = []
    plot.series[0].isStep = true
    let step = try Elements(of: plot.svg(style: .page)).one("path", class: "line series-1")["d"]!
    #expect(step.contains("H") && step.contains("V") && !step.contains("L"))
    plot.series[0].isStep = false
    plot.series[0].points = points([0, 1, .nan, 3, 4, .infinity, 6])
    let gaps = try Elements(of: plot.svg(style: .page)).one("path", class: "line series-1")["d"]!
    #expect(gaps.filter { $0 == "M" }.count == 3 && gaps.filter { $0 == "L" }.count == 2 && gaps.hasSuffix("h0"))
  }

  @Test func aLogarithmicAxisSpacesDecadesEvenlyAndSkipsWhatIsNotPositive() throws {
    let plot = LinePlot(
      title: "Loss", xLabel: "steps", yLabel: "loss",
      series: [
        Series(name: "A", colour: 0, points: points([0.01, 0, 0.1, -1, 1]))
      ], yRange: 0.01...1, logY: true)
    let path = try numbers(Elements(of: plot.svg(style: .page)).one("path", class: "line series-0")["d"])
    // Three dots ("M x y h0"), a decade apart
    #expect(path[1] - path[4] == LinePlot.plotHeight / 2 && path[4] - path[7] == LinePlot.plotHeight / 2)
  }

  @Test func intervalsLieWhereTheDataSay() throws {
    let elements = try Elements(of: Self.intervals.svg(style: .page))
    let circles = elements.all("circle", class: "point series-0").map { Double($0["cx"]!)! }
    let (zero, one) = (circles[0], circles[1])
    let band = try elements.one("rect", class: "band series-0")
    #expect(abs(Double(band["x"]!)! - (zero + (one - zero) / 4)) < 0.11)
    #expect(abs(Double(band["width"]!)! - (one - zero) / 2) < 0.11)
    for name in ["estimate series-0", "reference"] {
      #expect(try abs(numbers(elements.one("path", class: name)["d"])[0] - (zero + one) / 2) < 0.11)
    }
    #expect(elements.texts.contains("0.50 [0.25, 0.75]"))
  }

  @Test func withoutDataTheFigureSaysSo() throws {
    let unfinished = Series(name: "A", colour: 0, points: [Point(x: 0, y: .nan)])
    for series in [[], [unfinished]] {
      let plot = LinePlot(title: "T", xLabel: "x", yLabel: "y", series: series, references: [Reference(label: "r", value: 1)])
      #expect(try Elements(of: plot.svg(style: .standalone)).texts.contains("no data yet"))
    }
    #expect(
      try Elements(of: IntervalPlot(title: "T", xLabel: "x", rows: []).svg(style: .page)).texts.contains("no data yet"))
    // One row without data beside one with data
    var plot = Self.intervals
    plot.rows.append(.init(label: "B", colour: 1, points: [], estimate: .nan, interval: nil))
    let texts = try Elements(of: plot.svg(style: .page)).texts
    #expect(texts.contains("no data yet") && texts.contains("B") && texts.contains("0.50 [0.25, 0.75]"))
  }

  @Test func aConstantAndHugeValuesStayDrawable() throws {
    let cases: [[Double]] = [
      [5, 5], [0], [1e300, -1e300], [1e-300, 2e-300], [.leastNonzeroMagnitude, .leastNonzeroMagnitude], [1, 1 + 1e-15],
    ]
    for values in cases {
      for logY in [false, true] {
        let plot = LinePlot(
          title: "T", xLabel: "x", yLabel: "y",
          series: [Series(name: "A", colour: 0, points: points(values))], logY: logY)
        let svg = plot.svg(style: .page)
        #expect(!svg.contains("nan") && !svg.contains("inf"), "\(values)")
        _ = try Elements(of: svg)
      }
    }
  }

  @Test func labelsAreEscapedInBothStyles() throws {
    let hostile = "a<b> & \"c\"\u{1}"
    let line = LinePlot(
      title: hostile, xLabel: hostile, yLabel: hostile,
      series: [Series(name: hostile, colour: 0, points: [Point(x: 0, y: 0)])],
      references: [Reference(label: hostile, value: 1)])
    let interval = IntervalPlot(
      title: hostile, xLabel: hostile,
      rows: [.init(label: hostile, colour: 0, points: [1], estimate: 1, interval: 0...2)],
      references: [Reference(label: hostile, value: 1)])
    for style in [FigureStyle.page, .standalone] {
      for svg in [line.svg(style: style), interval.svg(style: style)] {
        #expect(try Elements(of: svg).texts.filter { $0 == "a<b> & \"c\"\u{fffd}" }.count >= 4)
      }
    }
  }

  @Test func aPageFigureHasNoColoursOfItsOwnAndNoIds() {
    for svg in [Self.simple.svg(style: .page), Self.intervals.svg(style: .page)] {
      #expect(!svg.contains("#") && !svg.contains("<style") && !svg.contains("id="))
      #expect(svg.contains("role=\"img\"") && svg.contains("<title>") && svg.contains("<desc>"))
    }
    for (name, light, dark) in FigureStyle.palette {
      #expect(FigureStyle.pageCSS.contains("--\(name): \(light)") && FigureStyle.pageCSS.contains("--\(name): \(dark)"))
    }
    #expect(!Self.simple.svg(style: .standalone).contains("var("))
  }

  @Test func theSamePlotGivesTheSameBytes() {
    #expect(Self.simple.svg(style: .standalone) == Self.simple.svg(style: .standalone))
    #expect(Self.intervals.svg(style: .page) == Self.intervals.svg(style: .page))
  }

  /// WCAG's 4.5:1 for text, since names are written in their series' colour.
  @Test func coloursStandOutInBothSchemes() {
    func luminance(_ colour: String) -> Double {
      let value = Int(colour.dropFirst(), radix: 16)!
      let encoded: [Double] = [16, 8, 0].map { Double(value >> $0 & 255) / 255 }
      let channels: [Double] = encoded.map { $0 <= 0.04045 ? $0 / 12.92 : pow(($0 + 0.055) / 1.055, 2.4) }
      return zip(channels, [0.2126, 0.7152, 0.0722]).reduce(0) { $0 + $1.0 * $1.1 }
    }
    func contrast(_ a: String, _ b: String) -> Double {
      (max(luminance(a), luminance(b)) + 0.05) / (min(luminance(a), luminance(b)) + 0.05)
    }
    let background = FigureStyle.palette[0]
    for one in FigureStyle.palette where one.name != background.name && one.name != "figure-grid" {
      #expect(contrast(one.light, background.light) >= 4.5, "\(one.name)")
      #expect(contrast(one.dark, background.dark) >= 4.5, "\(one.name)")
    }
  }
}

/// The elements of a document that an XML parser accepts whole.
private final class Elements: NSObject, XMLParserDelegate {
  private(set) var texts: [String] = []
  private var elements: [(name: String, attributes: [String: String])] = []
  private var text = ""

  init(of document: String) throws {
    super.init()
    let parser = XMLParser(data: Data(document.utf8))
    parser.delegate = self
    try #require(parser.parse(), "not well-formed: \(document)")
  }

  func all(_ name: String, class value: String) -> [[String: String]] {
    elements.filter { $0.name == name && $0.attributes["class"] == value }.map(\.attributes)
  }
  func one(_ name: String, class value: String) throws -> [String: String] {
    let found = all(name, class: value)
    try #require(found.count == 1, "\(found.count) of \(name) \(value)")
    return found[0]
  }

  func parser(
    _ parser: XMLParser, didStartElement name: String, namespaceURI: String?, qualifiedName: String?,
    attributes: [String: String]
  ) {
    elements.append((name, attributes))
    text = ""
  }
  func parser(_ parser: XMLParser, foundCharacters string: String) { text += string }
  func parser(_ parser: XMLParser, didEndElement name: String, namespaceURI: String?, qualifiedName: String?) {
    if name == "text" { texts.append(text) }
  }
}

/// Every number in path data.
private func numbers(_ path: String?) -> [Double] {
  (path ?? "").split { !"-.0123456789".contains($0) }.map { Double($0)! }
}

/// One value per step.
private func points(_ values: [Double]) -> [Point] { values.enumerated().map { Point(x: Double($0), y: $1) } }
