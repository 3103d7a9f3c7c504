/// A report before it is a page: headings, paragraphs, tables and figures. Rendered as one HTML file that opens offline,
/// and as Markdown with the figures beside it.
import Foundation
import Records

struct Document {
  enum Block {
    case heading(Int, String)
    case paragraph(String)
    case list([String])
    /// Plain cells; the first column names the row, the others are numbers.
    case table(caption: String, header: [String], rows: [[String]])
    /// Shown in the page and written to figures/NAME.svg and .png.
    case figure(name: String, caption: String, Figure)
    case code([String])
  }

  let title: String
  private(set) var blocks: [Block] = []

  init(title: String) { self.title = title }
  mutating func add(_ block: Block) { blocks.append(block) }

  var figures: [(name: String, figure: Figure)] {
    blocks.compactMap { if case .figure(let name, _, let figure) = $0 { (name, figure) } else { nil } }
  }

  // MARK: - Markdown

  var markdown: String {
    var text = "# \(plain(title))\n"
    for block in blocks {
      switch block {
      case .heading(let level, let words): text += "\n\(String(repeating: "#", count: level)) \(plain(words))\n"
      case .paragraph(let words): text += "\n\(plain(words))\n"
      case .list(let items): text += "\n" + items.map { "- \(plain($0))\n" }.joined()
      case .table(let caption, let header, let rows):
        func row(_ cells: [String]) -> String {
          "| " + cells.map { plain($0).replacingOccurrences(of: "|", with: "\\|") }.joined(separator: " | ") + " |\n"
        }
        text += "\n\(plain(caption))\n\n" + row(header) + "|---|" + String(repeating: "---:|", count: header.count - 1) + "\n"
        text += rows.map(row).joined()
      case .figure(let name, let caption, _): text += "\n![\(Self.withoutLinks(plain(caption)))](figures/\(name).svg)\n"
      case .code(let lines):
        // A fence longer than any within.
        let longest = lines.map { $0.split { $0 != "`" }.map(\.count).max() ?? 0 }.max() ?? 0
        let fence = String(repeating: "`", count: max(3, longest + 1))
        text += "\n\(fence)\n" + lines.map { Self.oneLine($0) + "\n" }.joined() + "\(fence)\n"
      }
    }
    return text
  }

  /// Words as Markdown takes them: `code` stays code, and nothing else of them is markup, HTML or a line of its own.
  private func plain(_ words: String) -> String {
    var parts = Self.oneLine(words).split(separator: "`", omittingEmptySubsequences: false).map(String.init)
    if parts.count % 2 == 0 { parts = [parts.joined(separator: "'")] }
    return parts.enumerated().map { index, part in
      guard index % 2 == 0 else { return "`\(part)`" }
      return part.map { character in
        switch character {
        case "&": "&amp;"
        case "<": "&lt;"
        case ">": "&gt;"
        default: String(character)
        }
      }.joined().replacingOccurrences(of: "](", with: "]\\(")
    }.joined()
  }

  private static func withoutLinks(_ markdown: String) -> String {
    markdown.replacingOccurrences(of: "[", with: "\\[").replacingOccurrences(of: "]", with: "\\]")
  }

  private static func oneLine(_ text: String) -> String {
    text.split { $0.isNewline || ($0.asciiValue ?? 32) < 32 }.joined(separator: " ")
  }

  // MARK: - HTML

  var html: String {
    """
    <!DOCTYPE html>
    <html lang="en">
    <head>
    <meta charset="utf-8"/>
    <meta name="viewport" content="width=device-width, initial-scale=1"/>
    <meta name="color-scheme" content="light dark"/>
    <title>\(title.markupEscaped)</title>
    <style>
    \(Self.css)
    \(FigureStyle.pageCSS)
    </style>
    </head>
    <body>
    <main>
    <h1>\(title.markupEscaped)</h1>
    \(htmlBody)
    </main>
    </body>
    </html>

    """
  }

  /// Figures that follow each other stand side by side where there is room.
  private var htmlBody: String {
    var parts: [String] = []
    for (index, block) in blocks.enumerated() {
      let isFigure = if case .figure = block { true } else { false }
      let before = if index > 0, case .figure = blocks[index - 1] { true } else { false }
      if isFigure != before { parts.append(isFigure ? "<div class=\"figures\">" : "</div>") }
      parts.append(html(block))
    }
    if case .figure = blocks.last { parts.append("</div>") }
    return parts.joined(separator: "\n")
  }

  private func html(_ block: Block) -> String {
    switch block {
    case .heading(let level, let words): return "<h\(level)>\(words.markupEscaped)</h\(level)>"
    case .paragraph(let words): return "<p>\(inline(words))</p>"
    case .list(let items): return "<ul>" + items.map { "<li>\(inline($0))</li>" }.joined() + "</ul>"
    case .table(let caption, let header, let rows):
      let head = header.map { "<th scope=\"col\">\($0.markupEscaped)</th>" }.joined()
      let body = rows.map { cells in
        "<tr><th scope=\"row\">\((cells.first ?? "").markupEscaped)</th>"
          + cells.dropFirst().map { "<td>\($0.markupEscaped)</td>" }.joined() + "</tr>"
      }
      // The caption stays outside of what scrolls sideways on a phone.
      return "<p class=\"caption\">\(inline(caption))</p><div class=\"scroll\"><table><thead><tr>\(head)</tr></thead><tbody>"
        + body.joined(separator: "\n") + "</tbody></table></div>"
    case .figure(_, let caption, let figure):
      return "<figure>\(figure.svg(style: .page))<figcaption>\(caption.markupEscaped)</figcaption></figure>"
    case .code(let lines): return "<pre class=\"scroll\"><code>\(lines.joined(separator: "\n").markupEscaped)</code></pre>"
    }
  }

  /// `code` as Markdown writes it.
  private func inline(_ text: String) -> String {
    text.markupEscaped.split(separator: "`", omittingEmptySubsequences: false).enumerated()
      .map { $0 % 2 == 1 ? "<code>\($1)</code>" : String($1) }.joined()
  }

  private static let css = """
    :root { --page: #ffffff; --text: #1b1f24; --quiet: #57606a; --line: #d0d7de; --stripe: #f6f8fa; }
    @media (prefers-color-scheme: dark) {
      :root { --page: #0f1318; --text: #e6edf3; --quiet: #9aa6b2; --line: #30363d; --stripe: #161b22; }
    }
    * { box-sizing: border-box; }
    body { margin: 0; background: var(--page); color: var(--text); font: 16px/1.55 system-ui, "DejaVu Sans", sans-serif; }
    main { max-width: 76rem; margin: 0 auto; padding: 1.5rem 1rem 4rem; }
    h1 { font-size: 1.9rem; line-height: 1.2; }
    h2 { margin-top: 3rem; padding-top: 1rem; border-top: 1px solid var(--line); }
    h3 { margin-top: 2rem; }
    p, li { max-width: 46rem; }
    .scroll { overflow-x: auto; margin: 0 0 1.25rem; }
    .caption { color: var(--quiet); font-size: 0.875rem; margin: 1.5rem 0 0.5rem; }
    table { border-collapse: collapse; font-size: 0.875rem; font-variant-numeric: tabular-nums; min-width: 100%; }
    th, td { padding: 0.35rem 0.7rem; text-align: right; white-space: nowrap; border-bottom: 1px solid var(--line); }
    th:first-child { text-align: left; }
    thead th { border-bottom: 2px solid var(--line); color: var(--quiet); font-weight: 600; white-space: normal; vertical-align: bottom; }
    tbody th { font-weight: 500; }
    tbody tr:nth-child(odd) { background: var(--stripe); }
    .figures { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, \(FigureStyle.minimumWidth)px), 1fr)); gap: 1.5rem; margin: 1.5rem 0; }
    figure { margin: 0; min-width: 0; max-width: 45rem; }
    figcaption { color: var(--quiet); font-size: 0.875rem; }
    pre { background: var(--stripe); padding: 0.75rem 1rem; border: 1px solid var(--line); border-radius: 6px; font-size: 0.8rem; }
    """
}

/// Any of the plots.
enum Figure {
  case lines(LinePlot)
  case intervals(IntervalPlot)

  func svg(style: FigureStyle) -> String {
    switch self {
    case .lines(let plot): plot.svg(style: style)
    case .intervals(let plot): plot.svg(style: style)
    }
  }
}
