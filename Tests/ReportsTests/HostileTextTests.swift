/// Every text that a run folder brings may be markup of some kind: in a report, its figures and a model card it stays text.
import Foundation
import Records
import Reports
import TestSupport
import Testing

#if canImport(FoundationXML)
  import FoundationXML
#endif

@Suite struct HostileTextTests {
  /// Each says BOO where it may show, and carries no letters of a tag that we write ourselves.
  private static let texts = [
    "<script>BOO</script>", "</title><script>BOO</script>", "--><svg onload=BOO>", "<img src=x onerror=BOO>",
    "![BOO](https://x.example/y)", "[BOO](javascript:BOO)", "[BOO]: javascript:BOO", "[BOO][BOO]", "<https://BOO.example>",
    "\n\n# BOO\n\n<iframe>", "\n\n    BOO", "| BOO | <iframe> |", "`BOO` <iframe>", "`BOO <iframe>", "```\nBOO\n<iframe>",
    "&lt;BOO&gt;&#60;iframe>",
    "\u{202e}BOO\u{0}\u{1b}[2J", "]]>BOO<!--", "\" onmouseover=\"BOO", "' onmouseover='BOO", "\\<iframe>BOO",
    "*BOO* __<iframe>__",
    String(repeating: "<iframe>BOO", count: 400),
  ]

  private func write(_ space: Workspace, _ text: String, seed: UInt64) throws {
    // A folder's name may hold anything but a slash and the end of a C string, in 255 bytes.
    let name = String(text.replacingOccurrences(of: "/", with: "").replacingOccurrences(of: "\u{0}", with: "").prefix(60))
    for (folder, isFinished) in [("finished \(seed) \(name)", true), ("unfinished \(seed) \(name)", false)] {
      let run = RunFolder(path: space.file("runs/\(folder)"))
      try makeFolder(run.path)
      var config = ExperimentConfig()
      (config.environment, config.preset, config.seed) = ("gymnasium:LunarLander-v3?highway=\(text)", text, seed)
      (config.totalSteps, config.learningStarts) = (100, 10)
      var provenance = Provenance.current(recipe: "default")
      (provenance.commit, provenance.processor, provenance.system) = (text, text, text)
      var files: [(String, Data)] = [
        (run.config, try config.json), (run.command, Data("mamba-dqn train \(text)\n".utf8)),
        (run.provenance, try provenance.json), (run.monitor, Data("#{}\nr,l,t\n1,50,0\n2,50,0\n".utf8)),
        (run.progress, Data("step,train/loss,time_elapsed\n50,0.5,1\n100,0.25,2\n".utf8)),
      ]
      if isFinished {
        files.append((run.evaluation, Data("{\"returns\": [1, 200], \"lengths\": [1, 1], \"shareTruncated\": 0}".utf8)))
      }
      for (path, data) in files { try AtomicFile.write(data, to: path) }
    }
  }

  /// The names of all elements, and of attributes that could do something.
  private final class Elements: NSObject, XMLParserDelegate {
    var names: Set<String> = [], handlers: [String] = []
    func parser(
      _ parser: XMLParser, didStartElement name: String, namespaceURI: String?, qualifiedName: String?,
      attributes: [String: String] = [:]
    ) {
      names.insert(name)
      handlers += attributes.keys.filter { $0.hasPrefix("on") || ["href", "src"].contains($0) }
    }
  }

  private func check(xml: String, of text: String, allowed: Set<String>) {
    let parser = XMLParser(data: Data(xml.utf8)), elements = Elements()
    parser.delegate = elements
    #expect(parser.parse(), "\(text): \(parser.parserError.map { "\($0)" } ?? "") at line \(parser.lineNumber)")
    #expect(elements.names.subtracting(allowed) == [] && elements.handlers == [], "\(text)")
  }

  /// Everything at once, and each alone: one text must not end what another one began.
  @Test func reportsAndCardsShowTextAsText() throws {
    let html: Set = [
      "html", "head", "meta", "title", "style", "body", "main", "h1", "h2", "h3", "p", "ul", "li", "code", "pre", "div", "table",
      "thead", "tbody", "tr", "th", "td", "figure", "figcaption",
    ]
    let svg: Set = [
      "svg", "title", "desc", "style", "g", "rect", "path", "line", "circle", "text", "tspan", "polyline", "clipPath", "defs",
    ]
    var documents: [String] = []
    for (index, text) in Self.texts.enumerated() {
      let space = try Workspace()
      try write(space, text, seed: UInt64(index))
      let found = try FoundRun.all(under: space.file("runs"))
      let report = Report(found, policies: [PolicyResult(environment: "LunarLander-v3", policy: text, returns: [1])])
      check(xml: report.html, of: text, allowed: html.union(svg))
      for figure in report.figures { check(xml: figure.svg, of: text, allowed: svg) }
      let card = try ModelCard(found).markdown
      documents += [
        report.markdown,
        String(card.dropFirst(card.range(of: "\n---\n").map { card.distance(from: card.startIndex, to: $0.upperBound) } ?? 0)),
      ]
      for document in documents.suffix(2) { #expect(document.contains("BOO"), "\(text)") }
    }
    // The reader of Markdown that Python has: what it makes of every one.
    let space = try Workspace()
    let file = try space.write("documents.json", Array(try JSONEncoder().encode(documents)))
    let result = try python(
      """
      import html.parser, json, markdown, sys
      allowed = set("h1 h2 h3 p ul li code pre table thead tbody tr th td img em strong".split())
      class Reader(html.parser.HTMLParser):
          def handle_starttag(self, tag, attributes):
              values = dict(attributes)
              if tag not in allowed or any(name.startswith("on") for name in values) or not values.get("src", "figures/").startswith("figures/"):
                  print(f"document {number}: {self.get_starttag_text()!r}")
          def handle_comment(self, data): print(f"document {number}: a comment")
          def handle_decl(self, data): print(f"document {number}: a declaration")
      for number, text in enumerate(json.load(open(sys.argv[1]))):
          Reader().feed(markdown.markdown(text, extensions=["tables", "fenced_code"]))
      """, [file])
    #expect(result.status == 0 && result.output == "", "\(result.output.prefix(3000))\(result.error)")
  }
}
