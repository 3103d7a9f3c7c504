import ArgumentParser
import Environments
import Experiments
import Foundation
import Records
import Reports
import Statistics
import Training

struct ReportCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "report",
    abstract: "Tables, curves and statistics of any number of runs, as one page.",
    discussion: """
      Reads run folders only, finished or not, and may be called at any time. Writes report.html (one file, opens offline),
      report.md, and every figure as SVG and PNG. Policies that do not learn are played for comparison.

      --card writes a model card instead: a README.md in Hugging Face's form of the seeds of one agent.
      """)

  @Argument(help: "Run folders, or folders of run folders.")
  var paths: [String]
  @Option(
    help: "The folder for the report; for a card also a .md file. (default: report, in the first path; a card's is that path)")
  var out: String?
  @Flag(help: "A model card of one agent, all its seeds in it.")
  var card = false

  func run() throws {
    let found = try paths.flatMap(FoundRun.all(under:))
    if card { return try writeCard(of: found) }
    let environments = Set(found.compactMap { if case .readable(let run) = $0 { run.config.environment } else { nil } })
    let report = Report(found, policies: try environments.sorted().flatMap(policies))
    let folder = out ?? "\(paths[0])/report"
    try makeFolder("\(folder)/figures")
    for figure in report.figures {
      let path = "\(folder)/figures/\(figure.name).svg"
      try AtomicFile.write(Data(figure.svg.utf8), to: path)
    }
    let missing = try Rasterizer.writePNGs(of: report.figures.map { "\(folder)/figures/\($0.name).svg" })
    try AtomicFile.write(Data(report.markdown.utf8), to: "\(folder)/report.md")
    try AtomicFile.write(Data(report.html.utf8), to: "\(folder)/report.html")
    if let missing { say("warning: \(missing)") }
    try output("\(folder)/report.html")
  }

  private func writeCard(of found: [FoundRun]) throws {
    let card = try ModelCard(found), place = out ?? paths[0], isFile = place.hasSuffix(".md")
    let path = isFile ? place : "\(place)/README.md"
    try makeFolder(isFile ? URL(fileURLWithPath: place).deletingLastPathComponent().path : place)
    let old = FileManager.default.contents(atPath: path).map { String(decoding: $0, as: UTF8.self) }
    guard old?.contains("library_name: \(ModelCard.library)\n") ?? true else {
      throw FileError(path, "exists and is no model card of this program; give another place with --out")
    }
    try AtomicFile.write(Data(card.markdown.utf8), to: path)
    try output(path)
  }

  /// Those of `evaluate` that make sense in the environment, 100 episodes from seed 0.
  private func policies(in environment: String) throws -> [PolicyResult] {
    guard let entry = try? EnvironmentCatalog.entry(environment), entry.isNative else { return [] }
    let actions = try entry.make().actionSpace
    let constant = environment.hasPrefix("highway") ? ["SLOWER", "IDLE", "FASTER"].map { "always:\($0)" } : []
    let names = ["random"] + (entry.heuristic == nil ? [] : ["heuristic"]) + constant
    return try names.map { name in
      let make = try PolicyCatalog.policy(name, for: entry, actions: actions)
      let episodes = try evaluate(
        { EpisodeActor(make) }, in: entry.make, episodes: 100, seed: 0, parallel: entry.parallelEpisodes)
      return PolicyResult(environment: environment, policy: name, returns: episodes.map(\.return))
    }
  }
}
