/// What the page is told: runs that grow, are cut back, end, vanish; and of 500 of them only what is new.
import Foundation
import Records
import TestSupport
import Testing
import Watching

/// An answer read back as the page reads it.
struct Answer {
  let since: String
  let present: [Int]
  let title: String
  let encoders: [String]
  let runs: [String: [String: Any]]

  init(_ data: Data) throws {
    let object = try #require(JSONSerialization.jsonObject(with: data) as? [String: Any])
    since = object["since"] as? String ?? ""
    present = object["present"] as? [Int] ?? []
    title = object["root"] as? String ?? ""
    encoders = object["encoders"] as? [String] ?? []
    let list = object["runs"] as? [[String: Any]] ?? []
    runs = Dictionary(uniqueKeysWithValues: list.map { ($0["name"] as? String ?? "", $0) })
  }
  func points(_ name: String) -> ([Int], [Double]) {
    let curve = runs[name]?["returns"] as? [String: Any]
    return (curve?["x"] as? [Int] ?? [], (curve?["y"] as? [NSNumber] ?? []).map(\.doubleValue))
  }
}

@Suite struct WatcherTests {
  private static let header = "step,rollout/ep_rew_mean,time_elapsed,replay/latent_staleness\n"

  private func make(
    _ path: String, rows: [Int] = [], _ change: (inout ExperimentConfig) -> Void = { _ in }
  ) throws {
    let folder = RunFolder(path: path)
    try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    var config = ExperimentConfig()
    change(&config)
    try config.json.write(to: URL(fileURLWithPath: folder.config))
    try write(rows, to: folder)
  }
  private func write(_ rows: [Int], to folder: RunFolder, tail: String = "") throws {
    let lines = rows.map { "\($0),\($0 == 500 ? "" : "\(-Double($0) / 10)"),\(Double($0) / 100),0.25\n" }
    try Data((Self.header + lines.joined() + tail).utf8).write(to: URL(fileURLWithPath: folder.progress))
  }
  /// A watcher looks at the disk at most so often; tests do not wait for it but ask a new one, or look on.
  private func answer(_ root: String) async throws -> Answer { try Answer(await RunWatcher(root: root).news(since: nil)) }
  /// The first answer in which `isRight` holds.
  private func answer(
    _ watcher: RunWatcher, since: String?, _ isRight: (Answer) -> Bool
  ) async throws -> Answer {
    while true {
      let answer = try Answer(await watcher.news(since: since))
      if isRight(answer) { return answer }
      try await Task.sleep(for: .milliseconds(20))
    }
  }

  @Test(.timeLimit(.minutes(5))) func aRunGrowsIsCutBackEndsAndVanishes() async throws {
    let space = try Workspace(), folder = RunFolder(path: space.file("study/a b.c"))
    try make(folder.path, rows: [500, 1000])
    let watcher = RunWatcher(root: space.path)
    let first = try Answer(await watcher.news(since: nil))
    #expect(Array(first.runs.keys) == ["study/a b.c"] && first.present.count == 1)
    // The first row has no return yet.
    #expect(first.points("study/a b.c") == ([1000], [-100]))
    let run = try #require(first.runs["study/a b.c"])
    #expect(
      run["totalSteps"] as? Int == 200_000 && run["staleness"] as? Double == 0.25 && run["stepsPerSecond"] as? Double == 100)
    #expect(run["final"] == nil && run["error"] == nil && run["environment"] as? String == "LunarLander-v3")
    // Nothing is new.
    #expect(try Answer(await watcher.news(since: first.since)).runs.isEmpty)

    // Half a line is no row yet; a page of another watcher is told everything.
    try write([500, 1000, 1500], to: folder, tail: "2000,-1")
    let grown = try await answer(watcher, since: first.since) { !$0.runs.isEmpty }
    #expect(grown.points("study/a b.c") == ([1000, 1500], [-100, -150]))
    #expect(try await answer(watcher, since: "another-17") { _ in true }.runs.count == 1)

    // A resumed run has cut its log back and written other rows, as long as those before.
    let lines = Self.header + "500,,5.0,0.25\n1000,-100.0,10.0,0.25\n1500,-777.0,15.0,0.25\n2000,-888.0,20.0,0.5\n"
    try Data(lines.utf8).write(to: URL(fileURLWithPath: folder.progress))
    let cut = try await answer(watcher, since: grown.since) { !$0.runs.isEmpty }
    #expect(cut.points("study/a b.c") == ([1000, 1500, 2000], [-100, -777, -888]))

    // Evaluations, a heartbeat, recorded episodes, the end.
    try Npz.write(
      [
        ("timesteps", .int64([1000, 2000], shape: [2])), ("results", .float64([1, 3, -5, -7], shape: [2, 2])),
        ("ep_lengths", .int64([1, 1, 1, 1], shape: [2, 2])),
      ], to: folder.evaluations)
    var heartbeat = Heartbeat(step: 2345, totalSteps: 200_000, stepsPerSecond: 77, epsilon: 1, sessionSeconds: 3, updated: "")
    heartbeat.error = "the disk is full"
    try heartbeat.json.write(to: URL(fileURLWithPath: folder.status))
    try FileManager.default.createDirectory(atPath: folder.episodes, withIntermediateDirectories: true)
    for name in ["step-0000000500.html", "step-0000001500.html", "step-x.html", "step-0000002000.html.partial"] {
      try Data("page of \(name)".utf8).write(to: URL(fileURLWithPath: "\(folder.episodes)/\(name)"))
    }
    let more = try await answer(watcher, since: cut.since) { ($0.runs.values.first?["episodes"] as? [Int])?.count == 2 }
    let told = try #require(more.runs["study/a b.c"])
    #expect(told["greedy"] as? Double == -6 && told["best"] as? Double == 2 && told["episodes"] as? [Int] == [500, 1500])
    #expect(
      told["step"] as? Int == 2345 && told["stepsPerSecond"] as? Double == 77 && told["error"] as? String == "the disk is full")
    let id = first.present[0]
    #expect(await watcher.episode(run: id, "1500") == Data("page of step-0000001500.html".utf8))
    for (run, name) in [
      (id, "2000"), (id, "x"), (id, "../config.json"), (id, "last"), (id, "-1"), (id + 1, "500"), (-1, "500"),
    ] { #expect(await watcher.episode(run: run, name) == nil, "\(run) \(name)") }

    try FileManager.default.removeItem(atPath: folder.path)
    let gone = try await answer(watcher, since: more.since) { $0.present.isEmpty }
    #expect(gone.runs.isEmpty)
    #expect(await watcher.episode(run: id, "500") == nil)
  }

  @Test func brokenFoldersAreNamedAndOthersStay() async throws {
    let space = try Workspace()
    try make(space.file("whole"), rows: [500, 1000])
    try make(space.file("older"))
    try Data("{\"wrong\": 1}".utf8).write(to: URL(fileURLWithPath: space.file("older/config.json")))
    try make(space.file("empty"))
    try Data().write(to: URL(fileURLWithPath: RunFolder(path: space.file("empty")).progress))
    try make(space.file("garbled"), rows: [500])
    for path in [\RunFolder.evaluations, \.evaluation, \.status] {
      try Data([0xff, 0, 1, 0x50, 0x4b]).write(to: URL(fileURLWithPath: RunFolder(path: space.file("garbled"))[keyPath: path]))
    }
    try FileManager.default.createDirectory(atPath: space.file(".hidden/run"), withIntermediateDirectories: true)
    try make(space.file(".hidden/run"))
    let found = try await answer(space.path)
    #expect(Set(found.runs.keys) == ["whole", "older", "empty", "garbled"])
    #expect((found.runs["older"]?["error"] as? String)?.contains("unknown key wrong") == true)
    for name in ["whole", "empty", "garbled"] { #expect(found.runs[name]?["error"] == nil) }
    // A run itself, with a slash behind it, is a folder of one.
    #expect(Array(try await answer(space.file("whole") + "/").runs.keys) == ["whole"])
  }

  /// The published encoders have a report's colours, and every other one a place behind them; no folder is called ".".
  @Test func encodersAndTheTitleAreTold() async throws {
    let space = try Workspace()
    try make(space.file("a/one")) { ($0.encoder, $0.seed) = (EncoderKind(rawValue: "mamba2"), .max) }
    try make(space.file("a/two")) { $0.encoder = EncoderKind(rawValue: "gru") }
    let found = try await answer(space.file("a/."))
    #expect(found.encoders == ["dqn", "lstm", "transformer", "mamba", "gru", "mamba2"] && found.title == "a")
    #expect(Set(found.runs.keys) == ["one", "two"] && found.runs["one"]?["seed"] as? String == "\(UInt64.max)")
    let one = try await answer(space.file("a/two/.."))
    #expect(one.title == "a")
    #expect(try await answer(space.file("a")).title == space.file("a"))
    #expect(Array(try await answer(space.file("a/one/.")).runs.keys) == ["one"])
  }

  /// All 500 once, then only the one that changes.
  @Test(.timeLimit(.minutes(5))) func fiveHundredRunsAreToldOnce() async throws {
    let space = try Workspace(), rows = Array(stride(from: 500, through: 200_000, by: 500))
    for index in 0..<500 { try make(space.file("run-\(index)"), rows: rows) }
    let watcher = RunWatcher(root: space.path)
    let data = try await watcher.news(since: nil), first = try Answer(data)
    #expect(first.runs.count == 500 && first.present.count == 500)
    #expect(first.points("run-499").0.count == 240 && first.points("run-499").0.last == 200_000)
    #expect(data.count < 8_000_000)
    try write(rows + [200_500], to: RunFolder(path: space.file("run-3")))
    let second = try await answer(watcher, since: first.since) { !$0.runs.isEmpty }
    #expect(Array(second.runs.keys) == ["run-3"] && second.present == first.present)
  }
}
