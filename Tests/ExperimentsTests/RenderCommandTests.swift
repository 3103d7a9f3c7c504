/// `mamba-dqn render` as a person uses it.
import Experiments
import Foundation
import Records
import TestSupport
import Testing

@Suite struct RenderCommandTests {
  @Test func mistakesAreOneLine() throws {
    let space = try Workspace()
    let unfinished = space.file("unfinished"), never = space.file("never"), many = space.file("many")
    for index in 0..<500 { try begin(space.file("many/run\(index)")) }
    try begin(unfinished)
    let cases: [(String, Int32, String)] = [
      ("--policy heuristic --env LunarLander-v3 --episodes 0", 64, "--episodes 0: must be a whole number from 1"),
      ("--policy heuristic --env LunarLander-v3 --episodes -1", 64, "--episodes -1: must be a whole number from 1"),
      ("--policy heuristic --env LunarLander-v3 --format mp4 --out \(never).gif", 64, "ends as a gif does"),
      ("--policy heuristic --env LunarLander-v2", 64, "did you mean LunarLander-v3?"),
      ("--policy heuristic --env highway-fast-v0", 64, "has no heuristic policy"),
      ("--policy heuristic", 64, "needs --env"), ("", 64, "exactly one of them"),
      (unfinished, 1, "has no model.safetensors: the run has not finished"), (space.file("absent"), 1, "does not exist"),
      ("\(unfinished) --checkpoint last", 1, "has no checkpoint yet"),
      ("\(unfinished) --checkpoint best", 1, "has no best.safetensors"),
      ("\(unfinished) --checkpoint first", 64, "must be best, last or an environment step"),
      ("--policy random --env LunarLander-v3 --checkpoint last", 64, "a policy has none"),
      (many, 1, "is not a run folder: it has no config.json; it holds 500, such as \(many)/run0"),
      ("\(many)/run7 \(many)/run8", 64, "Unexpected argument"),
      ("--policy heuristic --env LunarLander-v3 --out \(unfinished)/absent/x.html", 1, "cannot create it"),
    ]
    for (arguments, status, message) in cases {
      let result = try mamba("render \(arguments)\(arguments.contains("--out") ? "" : " --out \(never)")")
      #expect(result.status == status && result.error.contains(message), "\(arguments): \(result.error)")
      // The parser of arguments shows the usage too.
      let lines = message == "Unexpected argument" ? 3 : 1
      #expect(
        result.error.lowercased().hasPrefix("error: ") && result.error.split(separator: "\n").count == lines, "\(result.error)")
    }
    #expect(try FileManager.default.contentsOfDirectory(atPath: space.path).sorted() == ["many", "unfinished"])
    #expect(try FileManager.default.contentsOfDirectory(atPath: unfinished) == ["config.json"])
  }

  private func begin(_ path: String) throws {
    try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    try ExperimentConfig().json.write(to: URL(fileURLWithPath: RunFolder(path: path).config))
  }

  @Test(arguments: ["gif", "mp4"]) func withoutFFmpegThereIsOneLineAndNoFile(_ format: String) throws {
    let space = try Workspace()
    let render = "render --policy heuristic --env LunarLander-v3 --format \(format) --out \(space.file("film"))"
    let result = try run("/usr/bin/env", ["PATH=\(space.path)", builtProgram] + render.split(separator: " ").map(String.init))
    #expect(result.status == 1 && result.error.contains("apt-get install ffmpeg"), "\(result.error)")
    #expect(result.error.split(separator: "\n").count == 1)
    #expect(try FileManager.default.contentsOfDirectory(atPath: space.path).isEmpty)
  }

  @Test func aRunShowsItselfInItsFolder() throws {
    let space = try Workspace(), run = RunFolder(path: space.file("run"))
    let small =
      "--set learningStarts=200 --set stateSize=8 --set modelSize=32 --set hiddenSize=32 --set evaluationInterval=500 "
      + "--set evaluationEpisodes=1"
    #expect(try mamba("train highway-fast-v0 --steps 300 --seed 3 \(small) --out \(run.path)").status == 0)
    let left = FileManager.default.contents(atPath: run.episodePage)
    let page = try mamba("render \(run.path) --episodes 2 --seed 7")
    #expect(page.status == 0 && page.output == "\(run.path)/episode-seeds7-8.html\n", "\(page.error)")
    #expect(try mamba("render \(run.path) --seed 7").output == "\(run.path)/episode-seed7.html\n")
    #expect(try mamba("render \(run.path) --env highway-v0").output == "\(run.path)/episode-highway-v0.html\n")
    // What the run left at its end is still there.
    #expect(left != nil && FileManager.default.contents(atPath: run.episodePage) == left)
    let html = try String(contentsOfFile: "\(run.path)/episode-seeds7-8.html", encoding: .utf8)
    // Two episodes of this run's network, with its Q-values and its 32 numbers of latent.
    for part in ["\"seed\":\"7\"", "\"seed\":\"8\"", "\"latent\":{\"size\":32", "highway-fast-v0"] {
      #expect(html.contains(part))
    }
    let films = try mamba("render \(run.path) --episodes 2 --format gif --overlay")
    #expect(films.output == "\(run.path)/episode-seed0.gif\n\(run.path)/episode-seed1.gif\n", "\(films.error)")
    #expect(try mamba("render \(run.path) --format png").output == "\(run.path)/episode-frames\n")
    // A place's ending says what is written, and a place without one gets it.
    let place = space.file("b"), short = "render --policy always:0 --env LunarLander-v3"
    #expect(try mamba("\(short) --out \(place).gif").output == "\(place).gif\n")
    #expect(FileManager.default.contents(atPath: "\(place).gif")?.starts(with: Data("GIF8".utf8)) == true)
    #expect(
      try mamba("\(short) --format gif --episodes 2 --out \(place)").output == "\(place)-seed0.gif\n\(place)-seed1.gif\n")
    #expect(try mamba("\(short) --out \(place)").output == "\(place).html\n")
  }

  /// Any of a run's weights, into a file of their own; and those of a run whose configuration knows nothing of later settings.
  @Test func aRunsWeightsAreChosen() throws {
    let space = try Workspace(), run = RunFolder(path: space.file("run"))
    let small =
      "--set encoder=dqn --set norm=none --set residual=false --set replay=window --set latents=none --set hiddenSize=8 --set modelSize=8 "
      + "--set batchSize=4 --set learningStarts=50 --set evaluationInterval=150 --set evaluationEpisodes=1 --set checkpointInterval=100"
    let trained = try mamba("train MemoryChain-5 --steps 300 --seed 3 \(small) --out \(run.path)")
    #expect(trained.status == 0, "\(trained.error)")
    func page(_ arguments: String) throws -> (path: String, text: String) {
      let result = try mamba("render \(run.path) \(arguments)")
      #expect(result.status == 0, "\(arguments): \(result.error)")
      let path = result.output.trimmingCharacters(in: .newlines)
      return (path, try String(contentsOfFile: path, encoding: .utf8))
    }
    let final = try page("")
    for (choice, name, words) in [
      ("last", "last", "weights of step 300"), ("best", "best", "best weights of step"),
      ("200", "step200", "weights of step 200"),
    ] {
      let chosen = try page("--checkpoint \(choice)")
      #expect(chosen.path == "\(run.path)/episode-\(name).html" && chosen.text.contains(words))
    }
    #expect(try String(contentsOfFile: final.path, encoding: .utf8) == final.text)

    var settings = try #require(
      try JSONSerialization.jsonObject(with: FileManager.default.contents(atPath: run.config) ?? Data()) as? [String: Any])
    for key in ExperimentConfig.laterKeys { settings[key] = nil }
    try JSONSerialization.data(withJSONObject: settings).write(to: URL(fileURLWithPath: run.config))
    #expect(try page("").text == final.text)
  }

  /// The same episode that `evaluate` counts.
  @Test func whatIsShownIsWhatIsEvaluated() throws {
    let space = try Workspace(), path = space.file("page.html")
    #expect(try mamba("render --policy heuristic --env LunarLander-v3 --seed 9 --out \(path)").status == 0)
    let evaluated = try mamba("evaluate --policy heuristic --env LunarLander-v3 --seed 9 --episodes 1 --json").output
    let report = try JSONDecoder().decode(EvaluationReport.self, from: Data(evaluated.utf8))
    let html = try String(contentsOfFile: path, encoding: .utf8)
    let rewards = try #require(html.firstMatch(of: /"rewards":\[([^\]]*)\]/)).1.split(separator: ",").compactMap { Double($0) }
    #expect(abs(rewards.reduce(0, +) - report.returns[0]) < 0.05)
  }
}
