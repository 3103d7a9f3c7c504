/// Curves over steps with bands and horizontal reference lines: learning curves, losses.

package struct Point: Equatable, Sendable {
  package var x, y: Double

  package init(x: Double, y: Double) { (self.x, self.y) = (x, y) }
}

package struct BandPoint: Equatable, Sendable {
  package var x, low, high: Double

  package init(x: Double, low: Double, high: Double) { (self.x, self.low, self.high) = (x, low, high) }
}

/// One curve. Points ascend in x; one that is not finite leaves a gap.
package struct Series: Sendable {
  package var name: String
  /// Index into the palette of six.
  package var colour: Int
  package var points: [Point]
  package var band: [BandPoint]
  /// Holds each value until the next point.
  package var isStep: Bool

  package init(name: String, colour: Int, points: [Point], band: [BandPoint] = [], isStep: Bool = false) {
    (self.name, self.colour, self.points, self.band, self.isStep) = (name, colour, points, band, isStep)
  }
}

/// A dashed line across the plot: a constant policy, a published value, an even chance.
package struct Reference: Sendable {
  package var label: String
  package var value: Double

  package init(label: String, value: Double) { (self.label, self.value) = (label, value) }
}

package struct LinePlot: Sendable {
  package var title, xLabel, yLabel: String
  package var series: [Series]
  package var references: [Reference]
  /// Nil: whatever holds every finite point, band and reference.
  package var yRange: ClosedRange<Double>?
  /// Leaves out what is not positive.
  package var logY: Bool

  package init(
    title: String, xLabel: String, yLabel: String, series: [Series], references: [Reference] = [],
    yRange: ClosedRange<Double>? = nil, logY: Bool = false
  ) {
    (self.title, self.xLabel, self.yLabel) = (title, xLabel, yLabel)
    (self.series, self.references, self.yRange, self.logY) = (series, references, yRange, logY)
  }

  package static let width = 720.0
  package static let plotHeight = 280.0

  /// The same bytes for the same plot.
  package func svg(style: FigureStyle) -> String {
    var document = SVGDocument()
    let drawn = series.map(plottable).filter { !$0.points.isEmpty || !$0.band.isEmpty }
    let names = drawn.map { TextLayout.lines(of: $0.name, size: SVGDocument.textSize, limit: 150) }
    let nameWidth = names.joined().map { TextLayout.width(of: $0, size: SVGDocument.textSize) }.max() ?? 0

    var top = document.heading(title, width: Self.width)
    guard let xDomain = Scale.domain(of: drawn.flatMap { $0.points.map(\.x) + $0.band.map(\.x) }),
      let yDomain = yDomain(of: drawn)
    else {
      return document.withoutData(width: Self.width, top: top, title: title, style: style)
    }
    document.text(yLabel, 8, top + 12, class: "muted")
    top += 28

    let bottom = top + Self.plotHeight
    let y = Scale(domain: yDomain, start: bottom, end: top, isLogarithmic: logY)
    let yTicks = y.ticks(about: 7)
    let left = 18 + (yTicks.map { TextLayout.width(of: $0.label, size: SVGDocument.textSize) }.max() ?? 0)
    let x = Scale(domain: xDomain, start: left, end: Self.width - nameWidth - 26)

    for tick in yTicks {
      document.line(x.start, y(tick.value), x.end, y(tick.value), class: "grid")
      document.text(tick.label, left - 8, y(tick.value) + 4.5, anchor: "end", class: "muted")
    }
    document.horizontalAxis(x, ticks: x.ticks(about: 6), label: xLabel, y: bottom)

    // An inner viewport clips what a given range leaves outside; unlike a clip path it needs no id, which several
    // figures on one page would share.
    let (clipX, clipY) = (SVGDocument.number(x.start), SVGDocument.number(top))
    let (clipWidth, clipHeight) = (SVGDocument.number(x.end - x.start), SVGDocument.number(bottom - top))
    document.open(
      "svg",
      "x=\"\(clipX)\" y=\"\(clipY)\" width=\"\(clipWidth)\" height=\"\(clipHeight)\""
        + " viewBox=\"\(clipX) \(clipY) \(clipWidth) \(clipHeight)\"")
    for one in drawn { document.path(bandPath(one.band, x, y), class: "band \(FigureStyle.series(one.colour))") }
    for one in drawn {
      document.path(linePath(one, x, y), class: "line \(FigureStyle.series(one.colour))")
    }
    document.close("svg")
    drawReferences(&document, x, y)
    drawNames(&document, drawn, names, x, y)
    return document.finished(
      width: Self.width, height: bottom + 44, title: title, description: description(drawn), style: style)
  }

  /// Only what the axes can show. Gaps stay as points with a y of NaN.
  private func plottable(_ series: Series) -> Series {
    func shown(_ value: Double) -> Bool { value.isFinite && (value > 0 || !logY) }
    var result = series
    result.points = series.points.filter { $0.x.isFinite }.map { shown($0.y) ? $0 : Point(x: $0.x, y: .nan) }
    if !result.points.contains(where: { $0.y.isFinite }) { result.points = [] }
    result.band = series.band.filter { $0.x.isFinite && shown($0.low) && shown($0.high) }
    return result
  }

  private func yDomain(of drawn: [Series]) -> ClosedRange<Double>? {
    guard !drawn.isEmpty else { return nil }
    if let yRange { return Scale.domain(of: [yRange.lowerBound, yRange.upperBound], isLogarithmic: logY) }
    let values = drawn.flatMap { $0.points.map(\.y) + $0.band.flatMap { [$0.low, $0.high] } } + references.map(\.value)
    return Scale.domain(of: values, margin: 0.05, isLogarithmic: logY)
  }

  /// "M x y L …" per run without a gap.
  private func linePath(_ series: Series, _ x: Scale, _ y: Scale) -> String {
    series.points.split { $0.y.isNaN }.map { run in
      let run = Array(run)
      let values = run.map(\.y)
      let kept = Thinning.indices(x: run.map(\.x), low: values, high: values, in: x.domain).map { run[$0] }
      let start = "M\(SVGDocument.number(x(kept[0].x))) \(SVGDocument.number(y(kept[0].y)))"
      // A run of a single point is a dot: a line of no length with round caps.
      guard kept.count > 1 else { return start + "h0" }
      return start
        + kept.dropFirst().map {
          let (px, py) = (SVGDocument.number(x($0.x)), SVGDocument.number(y($0.y)))
          return series.isStep ? "H\(px)V\(py)" : "L\(px) \(py)"
        }.joined()
    }.joined()
  }

  /// The upper edge forwards, then the lower edge back.
  private func bandPath(_ band: [BandPoint], _ x: Scale, _ y: Scale) -> String {
    let kept = Thinning.indices(x: band.map(\.x), low: band.map(\.low), high: band.map(\.high), in: x.domain)
      .map { band[$0] }
    guard !kept.isEmpty else { return "" }
    let upper = kept.map { "\(SVGDocument.number(x($0.x))) \(SVGDocument.number(y($0.high)))" }
    let lower = kept.reversed().map { "\(SVGDocument.number(x($0.x))) \(SVGDocument.number(y($0.low)))" }
    return "M" + (upper + lower).joined(separator: "L") + "Z"
  }

  /// Labels at the left, above their lines, or below where another line is close above; a reference outside the range leaves an arrow at the edge where it would be.
  private func drawReferences(_ document: inout SVGDocument, _ x: Scale, _ y: Scale) {
    let shown = references.filter { $0.value.isFinite && ($0.value > 0 || !logY) }
    for reference in shown where y.domain.contains(reference.value) {
      document.line(x.start, y(reference.value), x.end, y(reference.value), class: "reference")
    }
    let desired = shown.map { one in
      let crowded = shown.contains { (1..<22).contains(y(one.value) - y($0.value)) }
      return y(one.value) + (crowded ? 10 : -9)
    }
    let centres = TextLayout.spread(
      desired, heights: shown.map { _ in SVGDocument.lineHeight }, within: y.end...y.start)
    for (reference, centre) in zip(shown, centres) {
      let arrow = reference.value > y.domain.upperBound ? "↑ " : reference.value < y.domain.lowerBound ? "↓ " : ""
      let label = TextLayout.shortened(arrow + reference.label, size: SVGDocument.textSize, limit: x.end - x.start - 12)
      document.text(label, x.start + 6, centre + 4.5, class: "text halo")
    }
  }

  /// Names at the lines' ends, with a leader from the end to where the name found room.
  private func drawNames(_ document: inout SVGDocument, _ drawn: [Series], _ names: [[String]], _ x: Scale, _ y: Scale) {
    let ends = drawn.map { one -> (x: Double, y: Double) in
      if let last = one.points.last(where: { $0.y.isFinite }) { return (x(last.x), y(last.y)) }
      let last = one.band.last!
      return (x(last.x), (y(last.low) + y(last.high)) / 2)
    }
    let centres = TextLayout.spread(
      ends.map { min(max($0.y, y.end), y.start) }, heights: names.map { Double($0.count) * SVGDocument.lineHeight },
      within: y.end...y.start)
    for (index, lines) in names.enumerated() {
      let colour = FigureStyle.series(drawn[index].colour)
      let end = min(max(ends[index].y, y.end), y.start)
      // The dot shows a line of a single point, and where a line that is still growing ends.
      if ends[index].y == end { document.circle(ends[index].x, end, radius: 3.5, class: "point \(colour)") }
      document.line(ends[index].x, end, x.end + 14, centres[index], class: "leader \(colour)")
      let first = centres[index] - Double(lines.count - 1) * SVGDocument.lineHeight / 2 + 4.5
      for (row, line) in lines.enumerated() {
        document.text(line, x.end + 18, first + Double(row) * SVGDocument.lineHeight, class: colour)
      }
    }
  }

  private func description(_ drawn: [Series]) -> String {
    let lines = drawn.map { one in
      guard let last = one.points.last(where: { $0.y.isFinite }) else { return "\(one.name): a band only." }
      return "\(one.name) ends at \(SVGDocument.spoken(last.y)) (x = \(SVGDocument.spoken(last.x)))."
    }
    let dashed = references.map { "\($0.label): \(SVGDocument.spoken($0.value))." }
    return (["\(yLabel) over \(xLabel)."] + lines + dashed).joined(separator: " ")
  }
}
