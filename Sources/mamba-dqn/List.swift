import ArgumentParser
import Experiments
import Foundation
import Records

struct List: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "List environments, presets, settings or policies.",
    discussion: """
      `list settings` shows what every setting is by default; with --env, --preset and --set, what it is in a run of `train`
      with the same options.
      """)

  enum Subject: String, ExpressibleByArgument, CaseIterable { case environments, presets, settings, policies }

  @Argument(help: "One of: environments, presets, settings, policies.")
  var subject: Subject
  @Flag(help: "As JSON lines.")
  var json = false
  @Option(name: .customLong("env"), help: "Settings of a run in this environment.")
  var environment: String?
  @Option(help: "Settings of a run from this preset. (default: default)")
  var preset: String?
  @Option(
    name: .customLong("set"), parsing: .singleValue,
    help: ArgumentHelp("Settings with this one; may be repeated.", valueName: "key=value"))
  var assignments: [String] = []

  func run() throws {
    guard subject == .settings || environment == nil && preset == nil && assignments.isEmpty else {
      throw UsageError("--env, --preset and --set are for list settings")
    }
    var rows: [[(String, String)]]
    switch subject {
    case .environments: rows = EnvironmentCatalog.listing.map { [("name", $0.name), ("summary", $0.summary)] }
    case .presets:
      rows = Presets.all.map {
        [("name", $0.name), ("environment", $0.environment), ("reaches", $0.reaches), ("summary", $0.summary)]
      }
    case .settings:
      let config = try config(), title = environment == nil ? "default" : "value"
      rows = Settings.all.map {
        [("key", $0.key), ("type", $0.type), (title, $0.value(in: config)), ("meaning", $0.meaning)]
      }
      if environment != nil {
        rows.append([
          ("key", "--steps"), ("type", "whole number"), (title, "\(config.totalSteps)"), ("meaning", "environment steps"),
        ])
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

  /// What settings are shown of: the program's defaults, or a run.
  private func config() throws -> ExperimentConfig {
    guard let environment else {
      guard preset == nil, assignments.isEmpty else { throw UsageError("--preset and --set need --env ENVIRONMENT") }
      return ExperimentConfig()
    }
    var config = try Presets.config(environment: EnvironmentCatalog.entry(environment).name, preset: preset ?? "default")
    for assignment in assignments { try Settings.apply(assignment, to: &config) }
    try Settings.check(config)
    return config
  }
}
