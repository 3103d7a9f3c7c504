/// Colours and lines of the figures: custom properties on a page, which follow its light or dark scheme, or fixed light
/// colours in a file of its own.

package enum FigureStyle {
  /// To be inlined in an HTML page that holds `pageCSS` once.
  case page
  /// A complete .svg file.
  case standalone

  /// Colours per role, light and dark. The series keep 4.5:1 against their background, since they colour text too, and
  /// differ under red-green and blue blindness.
  package static let palette: [(name: String, light: String, dark: String)] = [
    ("figure-background", "#ffffff", "#15181d"),
    ("figure-text", "#1f2328", "#e6e8eb"),
    ("figure-axis", "#59616b", "#a3abb5"),
    ("figure-grid", "#e3e6ea", "#2c3138"),
    ("series-0", "#0a2cda", "#3f8cf5"),
    ("series-1", "#ea0800", "#ff8a2a"),
    ("series-2", "#28836c", "#1fd6b8"),
    ("series-3", "#8235a0", "#b0749c"),
    ("series-4", "#72230b", "#f5d650"),
    ("series-5", "#241621", "#f4f6f8"),
  ]
  static let seriesCount = palette.filter { $0.name.hasPrefix("series") }.count

  /// The class of a series; colours past the palette's end start again.
  static func series(_ colour: Int) -> String { "series-\(((colour % seriesCount) + seriesCount) % seriesCount)" }

  /// In pixels; narrower, the labels could not be read.
  package static let minimumWidth = 560

  /// For the page's style sheet. A narrow window scrolls a figure sideways, so that its text stays readable.
  package static var pageCSS: String {
    let light = palette.map { "--\($0.name): \($0.light);" }.joined(separator: " ")
    let dark = palette.map { "--\($0.name): \($0.dark);" }.joined(separator: " ")
    return """
      :root { color-scheme: light dark; \(light) }
      @media (prefers-color-scheme: dark) { :root { \(dark) } }
      .figure-scroll { overflow-x: auto; }
      .figure { display: block; width: 100%; min-width: \(minimumWidth)px; max-width: 960px; height: auto; font-family: inherit; }
      \(rules { "var(--\($0))" })
      """
  }

  static var standaloneCSS: String {
    ".figure { font-family: \"DejaVu Sans\", sans-serif; }\n.background { fill: \(light("figure-background")); }\n"
      + rules(light)
  }

  private static func light(_ name: String) -> String { palette.first { $0.name == name }!.light }

  private static func rules(_ colour: (String) -> String) -> String {
    let shared = """
      .figure text { font-size: 13px; fill: \(colour("figure-text")); }
      .figure .title { font-size: 15px; font-weight: bold; }
      .figure .muted { fill: \(colour("figure-axis")); }
      .figure .halo { paint-order: stroke; stroke: \(colour("figure-background")); stroke-width: 4px; stroke-linejoin: round; }
      .figure path { fill: none; }
      .figure .grid { stroke: \(colour("figure-grid")); stroke-width: 1px; }
      .figure .axis { stroke: \(colour("figure-axis")); stroke-width: 1px; }
      .figure .reference { stroke: \(colour("figure-axis")); stroke-width: 1.5px; stroke-dasharray: 6 4; }
      .figure .line { stroke-width: 2px; stroke-linejoin: round; stroke-linecap: round; }
      .figure .leader { stroke-width: 1px; stroke-dasharray: 1 3; }
      .figure .estimate { stroke-width: 3px; }
      .figure path.band, .figure rect.band { opacity: 0.2; }
      .figure .point { stroke: \(colour("figure-background")); stroke-width: 1px; }
      """
    let perSeries = (0..<seriesCount).map { index in
      let (name, colour) = (series(index), colour("series-\(index)"))
      return """
        .figure .line.\(name), .figure .leader.\(name), .figure .estimate.\(name) { stroke: \(colour); }
        .figure text.\(name), .figure .band.\(name), .figure .point.\(name) { fill: \(colour); }
        """
    }
    return ([shared] + perSeries).joined(separator: "\n")
  }
}
