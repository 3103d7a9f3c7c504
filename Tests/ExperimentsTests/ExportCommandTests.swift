/// `export` as a person uses it, and the agent that it writes for PyTorch in the real Gymnasium.
import Foundation
import Records
import TestSupport
import Testing

@Suite struct ExportCommandTests {
  private static let small =
    "--steps 300 --seed 3 --set learningStarts=200 --set stateSize=8 --set modelSize=16 --set hiddenSize=16 "
    + "--set checkpointInterval=1000 --set evaluationInterval=1000 --set evaluationEpisodes=1 --set headSize=8 --out "

  /// Return and length of every episode are those of our own actor in the same environment.
  @Test(arguments: ["--preset recurrent --set encoder=mamba3", "--set encoder=mamba --set windowLength=3"])
  func torchPlaysTheSameEpisodes(_ settings: String) throws {
    let space = try Workspace(), run = space.file("run"), out = space.file("out")
    let trained = try mamba("train LunarLander-v3 \(settings) \(Self.small)\(run)")
    #expect(trained.status == 0, "\(trained.error)")
    let ours = try mamba("evaluate \(run) --env gymnasium:LunarLander-v3 --episodes 4 --seed 20 --json")
    let report = try #require(try JSONSerialization.jsonObject(with: Data(ours.output.utf8)) as? [String: Any])
    let returns = try #require(report["returns"] as? [Double]), lengths = try #require(report["lengths"] as? [Int])

    let exported = try mamba("export \(run) --to torch --out \(out)")
    #expect(exported.status == 0 && exported.output == "\(out)/agent.py\n\(out)/agent.safetensors\n", "\(exported.error)")
    let played = try python(
      "import runpy, sys; sys.argv = sys.argv[1:]; runpy.run_path(sys.argv[0], run_name='__main__')",
      ["\(out)/agent.py", "--seed", "20", "--episodes", "4"])
    #expect(played.status == 0, "\(played.error) (`make exporters` installs torch)")
    let theirs = try played.output.split(separator: "\n").map {
      try #require(try JSONSerialization.jsonObject(with: Data($0.utf8)) as? [String: Any])
    }
    #expect(theirs.compactMap { $0["length"] as? Int } == lengths)
    let theirReturns = theirs.compactMap { $0["return"] as? Double }
    #expect(theirReturns.count == 4 && zip(theirReturns, returns).allSatisfy { abs($0 - $1) < 1e-6 }, "\(theirReturns)")

    #expect(try mamba("export \(run) --to step --out \(out)").output == "\(out)/agent.h\n\(out)/agent.weights\n")
    let graph = try mamba("export \(run) --to onnx --out \(space.file("agent.onnx"))")
    #expect(graph.status == 0 && graph.output == "\(space.file("agent.onnx"))\n", "\(graph.error)")
    #expect(try #require(FileManager.default.contents(atPath: space.file("agent.onnx"))).count > 1_000)

    // The last checkpoint is the end's: the same bytes, also of a run that has not ended.
    func weights(_ options: String, to name: String) throws -> Data? {
      let result = try mamba("export \(run) --to step --out \(space.file(name)) \(options)")
      #expect(result.status == 0, "\(result.error)")
      return FileManager.default.contents(atPath: space.file("\(name)/agent.weights"))
    }
    let final = try weights("", to: "final")
    #expect(try final != nil && weights("--checkpoint 300", to: "step") == final)
    try FileManager.default.removeItem(atPath: RunFolder(path: run).weights)
    #expect(try weights("--checkpoint last", to: "last") == final)
  }

  @Test func mistakesAreOneLine() throws {
    let space = try Workspace(), run = RunFolder(path: space.file("run"))
    try makeFolder(run.path)
    let cases: [(String, Int32, String)] = [
      ("export \(run.path) --to onx --out x", 64, "--to onx: there are onnx, torch, step; did you mean onnx?"),
      ("export \(run.path) --to step --out x", 1, "is not a run folder: it has no config.json"),
      ("export \(space.file("absent")) --to step --out x", 1, "does not exist"),
      ("export \(run.path) --to step --checkpoint newest --out x", 64, "must be best, last or an environment step"),
      ("export \(run.path) --to step --checkpoint last --out x", 1, "is not a run folder: it has no config.json"),
    ]
    for (arguments, status, expected) in cases {
      let result = try mamba(arguments)
      #expect(result.status == status && result.error.contains(expected), "\(arguments): \(result.error)")
      #expect(result.error.hasPrefix("error: ") && result.error.split(separator: "\n").count == 1, "\(result.error)")
    }
  }
}
