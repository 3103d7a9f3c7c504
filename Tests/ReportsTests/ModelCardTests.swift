/// A model card: the numbers of all seeds, in a form that a YAML reader reads back.
import Foundation
import Records
import Reports
import TestSupport
import Testing
import Yams

@Suite struct ModelCardTests {
  private let space: Workspace
  init() throws { space = try Workspace() }

  private func run(
    _ seed: UInt64, _ returns: [Double], environment: String = "highway-fast-v0", truncated: Double = 0.75, finished: Bool = true,
    folder: String? = nil, _ change: (inout ExperimentConfig) -> Void = { _ in }
  ) throws {
    let run = RunFolder(path: space.file("runs/\(folder ?? "s\(seed)")"))
    try makeFolder(run.path)
    var config = ExperimentConfig()
    (config.environment, config.seed, config.totalSteps) = (environment, seed, 100)
    change(&config)
    var provenance = Provenance.current(recipe: "default")
    (provenance.commit, provenance.processor, provenance.cores) = ("abc1234", "a processor", 2)
    var files = [
      (run.config, try config.json), (run.command, Data("mamba-dqn train \(environment) --seed \(seed)\n".utf8)),
      (run.provenance, try provenance.json), (run.monitor, Data("#{}\nr,l,t\n1,1,0\n".utf8)),
      (run.progress, Data("step,train/loss,time_elapsed\n50,0.5,60\n100,0.25,\(120 + 60 * seed)\n".utf8)),
    ]
    if finished {
      let evaluation: [String: Any] = [
        "returns": returns, "lengths": returns.map { _ in 1 }, "shareTruncated": truncated,
      ]
      files.append((run.evaluation, try JSONSerialization.data(withJSONObject: evaluation)))
    }
    for (path, data) in files { try AtomicFile.write(data, to: path) }
  }
  private func card() throws -> String { try ModelCard(FoundRun.all(under: space.file("runs"))).markdown }

  @Test func allSeedsAreInIt() throws {
    try run(0, [20, 22])
    try run(1, [24, 28], truncated: 1)
    try run(2, [22, 24], truncated: 0.5) { $0.recordInterval = 50 }  // which makes no other agent
    try run(3, [], finished: false)
    let text = try card()
    for part in [
      "# Mamba-DQN on highway-fast-v0\n", "**3 seeds**: mean 23.33 ± 2.52 over seeds, worst 21.00",
      "**crash rate**: 25 % of all episodes", "3.00 minutes in the median", "1 more run has not ended",
      "| 0 | 21.00 | 1.41 | 21.00 | 25 % | 2.00 |", "| 1 | 26.00 | 2.83 | 26.00 | 0 % | 3.00 |", "commit: abc1234\n",
      "machine: a processor, 2 cores", "mamba-dqn train highway-fast-v0 --seed 2\n", "library_name: latent-mamba-dqn\n",
      "value: \"23.33 +/- 2.52\"\n", "type: crash_rate\n", "value: 0.250\n",
    ] { #expect(text.contains(part), "\(part)") }
    #expect(!text.contains("landed") && !text.contains("landing_rate"))
  }

  /// A resumed run has a line for each command, and so has its card.
  @Test func everyCommandIsALine() throws {
    try run(0, [20])
    let begin = "mamba-dqn train highway-fast-v0 --seed 0", goOn = "mamba-dqn resume runs/s0 --steps 200"
    try AtomicFile.write(Data("\(begin)\n\(goOn)\n".utf8), to: RunFolder(path: space.file("runs/s0")).command)
    #expect(try card().contains("\n```\n\(begin)\n\(goOn)\n```\n"))
    #expect(Report(try FoundRun.all(under: space.file("runs")), policies: []).markdown.contains("\n\(begin)\n\(goOn)\n"))
  }

  /// The front matter holds whatever an environment may be called.
  @Test func theFrontMatterIsYAML() throws {
    let name = "gymnasium:pkg.module:LunarLander-v3?text='a: \"b\" # - é'"
    try run(7, [100, 300], environment: name)
    let parts = try card().components(separatedBy: "---\n")
    #expect(parts[0].isEmpty && parts[2].hasPrefix("# Mamba-DQN on "))
    let front = try #require(try Yams.load(yaml: parts[1]) as? [String: Any])
    #expect(front["tags"] as? [String] == [name, "deep-reinforcement-learning", "reinforcement-learning", "dqn", "mamba"])
    let model = try #require((front["model-index"] as? [[String: Any]])?.first)
    let results = try #require((model["results"] as? [[String: Any]])?.first)
    #expect((results["dataset"] as? [String: Any])?["type"] as? String == name)
    let metrics = try #require(results["metrics"] as? [[String: Any]])
    #expect(metrics.map { $0["type"] as? String } == ["mean_reward", "iqm_reward", "landing_rate", "training_minutes"])
    #expect(metrics[0]["value"] as? String == "200.00 +/- 141.42" && metrics[2]["value"] as? Double == 0.5)
  }

  @Test func everyTagIsThereOnce() throws {
    try run(0, [20]) { $0.encoder = .dqn }
    #expect(try card().components(separatedBy: "- \"dqn\"\n").count == 2)
  }

  @Test func whatIsNoModelIsRefused() throws {
    func refused(_ message: String) {
      let error = #expect(throws: ModelCardError.self) { try card() }
      #expect(
        error?.description.contains(message) == true && error?.description.contains("\n") == false, "\(error?.description ?? "")")
    }
    try run(0, [], finished: false)
    refused("none of the runs is finished")
    try run(1, [20])
    try run(2, [20]) { $0.learningRate = 0.5 }
    refused("there are 2: ")
    refused("learningRate")
    try FileManager.default.removeItem(atPath: space.file("runs/s2"))
    try run(1, [21], folder: "again")
    refused("seed 1 is there twice")
  }
}
