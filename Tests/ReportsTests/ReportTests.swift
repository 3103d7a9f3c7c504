/// The whole page from small run folders: well-formed, self-contained, and no run left out without a word.
import Foundation
import Records
import Reports
import TestSupport
import Testing

#if canImport(FoundationXML)
  import FoundationXML
#endif

@Suite struct ReportTests {
  private func run(
    _ space: Workspace, _ name: String, _ encoder: EncoderKind, seed: UInt64, clip: Double = 1,
    environment: String = "LunarLander-v3", preset: String = "paper", level: Double, finished: Bool = true
  ) throws {
    let run = RunFolder(path: space.file("runs/\(name)"))
    try makeFolder(run.path)
    var config = ExperimentConfig()
    (config.environment, config.preset, config.encoder) = (environment, preset, encoder)
    (config.seed, config.gradientClip, config.totalSteps, config.learningStarts) = (seed, clip, 100, 10)
    let episodes = (1...10).map { "\(level + Double($0 % 3)),10,0" }
    var files = [
      (run.config, String(decoding: try config.json, as: UTF8.self)), (run.command, "mamba-dqn train \(name) <&>"),
      (run.monitor, "#{}\nr,l,t\n" + episodes.map { $0 + "\n" }.joined()),
      (run.progress, "step,train/loss,time_elapsed\n50,0.5,1\n" + (finished ? "100,0.25,2\n" : "")),
    ]
    if finished { files.append((run.evaluation, "{\"returns\": [\(level)], \"lengths\": [1], \"shareTruncated\": 0}")) }
    for (path, text) in files { try AtomicFile.write(Data(text.utf8), to: path) }
  }

  private func report(_ space: Workspace) throws -> Report {
    Report(
      try FoundRun.all(under: space.file("runs")),
      policies: [PolicyResult(environment: "LunarLander-v3", policy: "heuristic", returns: [240, 250])])
  }

  @Test func everyRunIsThere() throws {
    let space = try Workspace()
    for seed in UInt64(0)..<3 {
      try run(space, "mamba-s\(seed)", .mamba, seed: seed, level: 200 + Double(seed))
      try run(space, "dqn-s\(seed)", .dqn, seed: seed, level: 10 * Double(seed))
    }
    try run(space, "lstm-s0", .lstm, seed: 0, level: 5, finished: false)
    try run(space, "road", .mamba, seed: 0, clip: 0.5, environment: "highway-fast-v0", level: 20)
    try FileManager.default.createDirectory(atPath: space.file("runs/broken"), withIntermediateDirectories: true)
    try AtomicFile.write(Data("{\"seed\": 1}".utf8), to: space.file("runs/broken/config.json"))
    let report = try report(space)

    for text in [report.html, report.markdown] {
      #expect(text.contains("not finished: step 100 of 100"))
      #expect(text.contains("runs/broken") && text.contains("not readable"))
      #expect(text.contains("0 of 1 finished"), "the LSTM's row")
      #expect(text.contains("highway-fast-v0, preset paper") && text.contains("LunarLander-v3, preset paper"))
      #expect(text.contains("224.68") && text.contains("20.99"), "the published rewards")
      #expect(text.contains("policy heuristic") && text.contains("245.00"))
    }
    #expect(report.markdown.contains("With 3 seeds the interval is at most their range"))
    #expect(report.markdown.contains("in 75% of cases, not 95%"))
    let rows = report.markdown.split(separator: "\n").filter { $0.hasPrefix("| Mamba-DQN |") }
    #expect(rows.first?.hasPrefix("| Mamba-DQN | 3 | ") == true)
    #expect(report.markdown.contains("mamba-dqn train mamba-s2 <&>"))
    #expect(report.figures.map(\.name).contains("LunarLander-v3-improvement"))
    #expect(Set(report.figures.map(\.name)).count == report.figures.count)
  }

  /// Two presets of one environment do not write over each other's figures.
  @Test func everyPresetHasFiguresOfItsOwn() throws {
    let space = try Workspace()
    for preset in ["paper", "window"] {
      for seed in UInt64(0)..<2 {
        try run(space, "\(preset)-mamba-s\(seed)", .mamba, seed: seed, preset: preset, level: 200)
        try run(space, "\(preset)-dqn-s\(seed)", .dqn, seed: seed, preset: preset, level: 100)
      }
    }
    try run(space, "road", .mamba, seed: 0, environment: "highway-fast-v0", level: 20)
    let report = try report(space), names = report.figures.map(\.name)
    #expect(Set(names).count == names.count && names.count == 13, "\(names)")
    #expect(names.contains("LunarLander-v3-window-greedy") && names.contains("highway-fast-v0-greedy"))
    #expect(report.markdown.contains("![LunarLander-v3, window: return."))
  }

  @Test func thePageIsOneWellFormedFile() throws {
    let space = try Workspace()
    try run(space, "mamba-s0", .mamba, seed: 0, level: 200)
    try run(space, "lstm-s0", .lstm, seed: 0, level: 100)
    let html = try report(space).html
    let parser = XMLParser(data: Data(html.utf8))
    #expect(parser.parse(), "\(parser.parserError.map { "\($0)" } ?? "") at line \(parser.lineNumber)")
    #expect(!html.contains("src=") && !html.contains("href=") && !html.contains("url(") && !html.contains("<script"))
    #expect(try report(space).html == html)
  }

  /// Of a task that random actions bring 0 and the best fixed policy 1, 0.98 is enough; seconds are the progress row's at or after
  /// the evaluation.
  @Test func manyTasksStandInOneTable() throws {
    let space = try Workspace()
    for (index, task) in ["TMaze-5", "TMaze-6", "TMaze-7", "TMaze-8"].enumerated() {
      for seed in UInt64(0)..<2 {
        let name = "\(task)-s\(seed)"
        try run(space, name, .mamba, seed: seed, environment: task, level: seed == 0 ? 0.98 : 0.25 * Double(index))
        guard seed == 0 else { continue }
        try Npz.write(
          [("timesteps", .int64([20, 40, 60], shape: [3])), ("results", .float64([0, 0.5, 1, 0.96, 0.9, 1], shape: [3, 2]))],
          to: RunFolder(path: space.file("runs/\(name)")).evaluations)
      }
    }
    let policies = ["TMaze-5", "TMaze-6", "TMaze-7", "TMaze-8"].flatMap {
      [
        PolicyResult(environment: $0, policy: "heuristic", returns: [1, 1]),
        PolicyResult(environment: $0, policy: "random", returns: [-1, 1]),
      ]
    }
    let text = Report(try FoundRun.all(under: space.file("runs")), policies: policies).markdown
    #expect(text.contains("| TMaze-5, paper | 0.49 (0.00), 1 of 2 |"))
    #expect(text.contains("| TMaze-7, paper | 0.74 (0.50), 1 of 2 |"))
    #expect(text.contains("| TMaze-5, paper | 40, 1 s |"))
    let few = Report(try FoundRun.all(under: space.file("runs")).filter { !"\($0)".contains("TMaze-5") }, policies: policies)
    #expect(!few.markdown.contains("Tasks and encoders"))
  }

  @Test func aRunInTwoFoldersCountsOnce() throws {
    let space = try Workspace()
    try run(space, "a/mamba-s0", .mamba, seed: 0, level: 200, finished: false)
    try run(space, "b/mamba-s0", .mamba, seed: 0, level: 200)
    let markdown = try report(space).markdown
    #expect(markdown.contains("1 of the folders repeat"))
    let row = try #require(markdown.split(separator: "\n").first { $0.hasPrefix("| Mamba-DQN | ") })
    #expect(row.hasPrefix("| Mamba-DQN | 1 | ") && row.contains(" | – | 224.68 | "), "one seed, no interval: \(row)")
  }

  @Test func nothingFinishedIsSaid() throws {
    let space = try Workspace()
    try run(space, "mamba-s0", .mamba, seed: 0, level: 200, finished: false)
    let report = try report(space)
    #expect(report.markdown.contains("no run has finished yet"))
    #expect(report.markdown.contains("0 of 1 finished"))
  }
}
