/// Estimates with their intervals, one row each, and the single seeds below: aggregate scores, probability of improvement.

package struct IntervalPlot: Sendable {
  package struct Row: Sendable {
    package var label: String
    /// Index into the palette of six.
    package var colour: Int
    /// One per seed.
    package var points: [Double]
    /// NaN without data.
    package var estimate: Double
    /// Nil where there is too little for one.
    package var interval: ClosedRange<Double>?

    package init(label: String, colour: Int, points: [Double], estimate: Double, interval: ClosedRange<Double>?) {
      (self.label, self.colour, self.points) = (label, colour, points)
      (self.estimate, self.interval) = (estimate, interval)
    }
  }

  package var title, xLabel: String
  package var rows: [Row]
  package var references: [Reference]

  package init(title: String, xLabel: String, rows: [Row], references: [Reference] = []) {
    (self.title, self.xLabel, self.rows, self.references) = (title, xLabel, rows, references)
  }

  static let width = 720.0
  static let rowHeight = 40.0

  /// The same bytes for the same plot.
  package func svg(style: FigureStyle) -> String {
    var document = SVGDocument()
    var top = document.heading(title, width: Self.width)
    let values = rows.flatMap { $0.points + [$0.estimate] + $0.ends }
    guard values.contains(where: \.isFinite),
      let domain = Scale.domain(of: values + references.map(\.value), margin: 0.05)
    else {
      return document.withoutData(width: Self.width, top: top, title: title, style: style)
    }

    let names = rows.map { TextLayout.lines(of: $0.label, size: SVGDocument.textSize, limit: 150) }
    let step = Ticks.niceStep(atLeast: (domain.upperBound - domain.lowerBound) / 6)
    let numbers = rows.map { number($0, step: step / 10) }
    func widest(_ texts: [String]) -> Double {
      texts.map { TextLayout.width(of: $0, size: SVGDocument.textSize) }.max() ?? 0
    }
    let x = Scale(
      domain: domain, start: widest(Array(names.joined())) + 20, end: Self.width - widest(numbers) - 20)

    let levels = referenceLevels(x)
    top += Double((levels.map(\.level).max() ?? -1) + 1) * SVGDocument.lineHeight + 4
    let bottom = top + Double(rows.count) * Self.rowHeight
    let ticks = x.ticks(about: 6)
    for tick in ticks { document.line(x(tick.value), top, x(tick.value), bottom, class: "grid") }
    document.horizontalAxis(x, ticks: ticks, label: xLabel, y: bottom)
    for one in levels {
      let baseline = top - 6 - Double(one.level) * SVGDocument.lineHeight
      document.line(x(one.value), baseline + 3, x(one.value), bottom, class: "reference")
    }
    for one in levels {
      document.text(
        one.label, one.centre, top - 6 - Double(one.level) * SVGDocument.lineHeight, anchor: "middle", class: "text halo")
    }
    for (index, row) in rows.enumerated() {
      draw(row, names[index], numbers[index], &document, x, top: top + Double(index) * Self.rowHeight)
    }
    let spoken =
      zip(rows, numbers).map { "\($0.label): \($1)." } + references.map { "\($0.label): \(SVGDocument.spoken($0.value))." }
    return document.finished(
      width: Self.width, height: bottom + 44, title: title,
      description: (["\(xLabel), estimate and interval."] + spoken).joined(separator: " "), style: style)
  }

  private func draw(
    _ row: Row, _ name: [String], _ number: String, _ document: inout SVGDocument, _ x: Scale, top: Double
  ) {
    let colour = FigureStyle.series(row.colour)
    let middle = top + Self.rowHeight / 2
    for (index, line) in name.enumerated() {
      let offset = (Double(index) - Double(name.count - 1) / 2) * SVGDocument.lineHeight
      document.text(line, x.start - 10, middle + offset + 4.5, anchor: "end", class: colour)
    }
    document.text(number, x.end + 12, middle + 4.5, class: row.estimate.isFinite ? "text" : "muted")
    if row.ends.count == 2 {
      let (low, high) = (x(row.ends[0]), x(row.ends[1]))
      document.rectangle(low, middle - 11, high - low, 12, class: "band \(colour)")
    }
    if row.estimate.isFinite {
      document.line(x(row.estimate), middle - 13, x(row.estimate), middle + 3, class: "estimate \(colour)")
    }
    for point in row.points where point.isFinite {
      document.circle(x(point), middle + 10, radius: 4, class: "point \(colour)")
    }
  }

  /// "0.62 [0.55, 0.71]"
  private func number(_ row: Row, step: Double) -> String {
    guard row.estimate.isFinite else { return "no data yet" }
    let largest = ([row.estimate] + row.ends).map(abs).max()!
    let labels = ([row.estimate] + row.ends).map { Ticks.label($0, step: step, largest: largest) }
    return labels.count == 3 ? "\(labels[0]) [\(labels[1]), \(labels[2])]" : labels[0]
  }

  /// Labels above their lines, on a level of their own where they would touch one that is placed already.
  private func referenceLevels(_ x: Scale) -> [(label: String, value: Double, centre: Double, level: Int)] {
    var ends: [Double] = []
    return references.filter(\.value.isFinite).sorted { $0.value < $1.value }.map { reference in
      let label = TextLayout.shortened(reference.label, size: SVGDocument.textSize, limit: x.end - x.start)
      let half = TextLayout.width(of: label, size: SVGDocument.textSize) / 2
      let centre = min(max(x(reference.value), half + 4), Self.width - half - 4)
      let level = ends.firstIndex { $0 < centre - half } ?? ends.count
      if level == ends.count { ends.append(0) }
      ends[level] = centre + half + 10
      return (label, reference.value, centre, level)
    }
  }
}

extension IntervalPlot.Row {
  /// The interval's two ends, or none unless both are finite.
  fileprivate var ends: [Double] {
    let ends = interval.map { [$0.lowerBound, $0.upperBound] } ?? []
    return ends.allSatisfy(\.isFinite) ? ends : []
  }
}
