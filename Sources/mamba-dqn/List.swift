import ArgumentParser
import Experiments
import Foundation
import Records

struct List: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "List environments, presets, settings or policies.")

  enum Subject: String, ExpressibleByArgument, CaseIterable { case environments, presets, settings, policies }

  @Argument(help: "One of: environments, presets, settings, policies.")
  var subject: Subject
  @Flag(help: "As JSON lines.")
  var json = false

  func run() throws {
    let rows: [[(String, String)]]
    switch subject {
    case .environments: rows = EnvironmentCatalog.listing.map { [("name", $0.name), ("summary", $0.summary)] }
    case .presets:
      rows = Presets.all.map {
        [("name", $0.name), ("environment", $0.environment), ("reaches", $0.reaches), ("summary", $0.summary)]
      }
    case .settings:
      let defaults = ExperimentConfig()
      rows = Settings.all.map {
        [("key", $0.key), ("type", $0.type), ("default", $0.value(in: defaults)), ("meaning", $0.meaning)]
      }
    case .policies:
      rows = PolicyCatalog.summaries.map { [("name", $0.name), ("summary", $0.summary)] }
    }
    if json {
      for row in rows {
        let object = Dictionary(uniqueKeysWithValues: row)
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        try output(String(decoding: encoder.encode(object), as: UTF8.self))
      }
      return
    }
    let widths = (rows.first ?? []).indices.map { column in rows.map { $0[column].1.count }.max() ?? 0 }
    for row in rows {
      let cells = row.enumerated().map { $1.1.padding(toLength: max(widths[$0], $1.1.count), withPad: " ", startingAt: 0) }
      try output(cells.joined(separator: "  ").trimmingCharacters(in: .whitespaces))
    }
    if subject == .environments { try output("through Python, after `make gymnasium`: \(EnvironmentCatalog.foreignNames)") }
  }
}
