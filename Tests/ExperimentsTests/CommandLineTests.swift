/// The built program as a person uses it: what it prints, how it exits, what a mistake costs.
import Agents
import Environments
import Experiments
import Foundation
import Networks
import Records
import TestSupport
import Testing

@Suite struct CommandLineTests {
  private static let small =
    "--set learningStarts=200 --set stateSize=8 --set modelSize=32 --set hiddenSize=32 --set checkpointInterval=250 "
    + "--set evaluationInterval=500 --set evaluationEpisodes=1 --set logInterval=100"

  @Test func mistakesAreOneLineAndSixtyFour() throws {
    let space = try Workspace()
    let cases = [
      ("train LunarLander-v2", "unknown environment LunarLander-v2; did you mean LunarLander-v3?"),
      ("train LunarLander-v3 --preset papr", "unknown preset papr for LunarLander-v3; did you mean paper?"),
      ("train LunarLander-v3 --set learningrate=1", "unknown setting learningrate; did you mean learningRate?"),
      ("train LunarLander-v3 --set learningRate=-1", "learningRate must be a number from"),
      ("train LunarLander-v3 --set learningRate=nan", "learningRate must be a number from"),
      ("train LunarLander-v3 --set batchSize=0", "batchSize must be a whole number from 1"),
      ("train LunarLander-v3 --set batchSize", "write key=value"),
      ("train LunarLander-v3 --steps -5", "--steps"),
      ("train LunarLander-v3 --steps 99999999999", "must be a whole number"),
      ("train TMaze-10 --preset window --set burnIn=4", "windows begin at the zero state"),
      ("evaluate --policy heuristc --env LunarLander-v3", "did you mean heuristic?"),
      ("evaluate --policy always:MIAN --env LunarLander-v3", "did you mean MAIN?"),
      ("evaluate --policy random", "needs --env"),
      ("evaluate", "exactly one of them"),
      ("rollout LunarLander-v3 --seed 0 --actions 0,9", "unknown action 9"),
      ("rollout LunarLander-v3 --seed 0", "exactly one of them"),
    ]
    for (arguments, expected) in cases {
      let suffix = arguments.hasPrefix("train") ? " --out \(space.file("never"))" : ""
      let result = try mamba(arguments + suffix)
      #expect(result.status == 64, "\(arguments): \(result.error)")
      #expect(result.error.contains(expected), "\(arguments): \(result.error)")
    }
    #expect(!FileManager.default.fileExists(atPath: space.file("never")))
  }

  @Test func otherFailuresAreOneLineAndOne() throws {
    let space = try Workspace()
    let noise = try space.write("noise.safetensors", Array(repeating: 0xff, count: 100))
    let full = space.file("full")
    try FileManager.default.createDirectory(atPath: full, withIntermediateDirectories: true)
    _ = try space.write("full/x", [1])
    let cases = [
      ("resume \(space.file("absent"))", "does not exist"),
      ("resume \(full)", "no config.json"),
      ("train LunarLander-v3 --out \(full)", "exists and is not empty"),
      ("evaluate \(noise)", "not a safetensors file"),
      ("predict \(noise) --input \(noise)", "not a safetensors file"),
      ("parity \(noise)", "not a safetensors file"),
      ("evaluate \(full)", "no config.json"),
    ]
    for (arguments, expected) in cases {
      let result = try mamba(arguments)
      #expect(result.status == 1, "\(arguments): \(result.error)")
      #expect(result.error.contains(expected), "\(arguments): \(result.error)")
      #expect(result.error.hasPrefix("error: ") && result.error.split(separator: "\n").count == 1, "\(result.error)")
    }
  }

  @Test func whereNothingCanBeLearnedIsSaid() throws {
    let space = try Workspace()
    let train =
      "train MemoryChain-1 --steps 400 --set learningStarts=50 --set sequenceStart=anywhere --set evaluationEpisodes=0 "
      + "--set modelSize=8 --set hiddenSize=8 --set headSize=4 --set batchSize=4"
    let never = try mamba("\(train) --set burnIn=8 --set crossEpisodes=false --out \(space.file("never"))")
    #expect(never.status == 1 && never.error.contains("error: there is nothing to learn from"), "\(never)")
    // A batch without anything to learn is no end where the next one has something.
    let seldom = try mamba(
      "\(train) --set latents=state --set sequenceLength=1 --set sequenceOverlap=0 --set burnIn=2 --set batchSize=1 "
        + "--out \(space.file("seldom"))")
    #expect(seldom.status == 0, "\(seldom)")
    let late = try mamba("\(train) --set burnIn=1000 --out \(space.file("late"))")
    #expect(late.status == 0 && late.error.contains("warning: nothing was learned"), "\(late)")
  }

  /// SIGKILL at moments spread over the run, SIGTERM once: every resumed run ends in the bytes of one never stopped.
  @Test func killedRunsResumeToTheSameBytes() throws {
    let space = try Workspace()
    let train = "train LunarLander-v3 --steps 1200 --seed 7 \(Self.small) --out "
    #expect(try mamba(train + space.file("straight")).status == 0)
    func bytes(_ run: String) throws -> [Data?] {
      let folder = RunFolder(path: space.file(run))
      let progress = try String(contentsOfFile: folder.progress, encoding: .utf8).split(separator: "\n").map {
        $0.split(separator: ",", omittingEmptySubsequences: false).prefix(12).joined(separator: ",")
      }
      return [
        FileManager.default.contents(atPath: folder.weights), Data(progress.joined(separator: "\n").utf8),
        FileManager.default.contents(atPath: folder.evaluations), FileManager.default.contents(atPath: folder.best),
      ]
    }
    let expected = try bytes("straight")
    // After so many lines of progress.csv, one every 100 steps: before the first checkpoint and between two.
    for (lines, signal) in [(1, SIGKILL), (4, SIGKILL), (7, SIGTERM), (9, SIGKILL)] {
      let run = space.file("killed\(lines)")
      let first = try mamba(train + run, signal: signal) { lineCount(RunFolder(path: run).progress) >= lines }
      #expect(first.status == (signal == SIGKILL ? SIGKILL : 128 + SIGTERM))
      if signal == SIGTERM { #expect(first.error.contains("mamba-dqn resume \(run)")) }
      let second = try mamba("resume \(run)")
      #expect(second.status == 0, "\(second.error)")
      #expect(try bytes("killed\(lines)") == expected, "killed after \(lines) lines")
    }

    // A damaged newest checkpoint: said so, and the one before is used.
    let store = try CheckpointStore(directory: RunFolder(path: space.file("straight")).checkpoints)
    try Data("damaged".utf8).write(to: URL(fileURLWithPath: store.paths[0]))
    let resumed = try mamba("resume \(space.file("straight"))")
    #expect(resumed.status == 0 && resumed.error.contains("warning: ") && resumed.error.contains("going on from the one before"))
    #expect(try bytes("straight") == expected)
  }

  /// The README's program: an app that holds the weights file plays the very episode that `train` ended with.
  @Test func anAppPlaysTheSameEpisode() throws {
    let space = try Workspace()
    let run = RunFolder(path: space.file("run"))
    #expect(try mamba("train highway-fast-v0 --steps 300 --seed 3 \(Self.small) --out \(run.path)").status == 0)
    let evaluation = try JSONDecoder().decode(
      EvaluationReport.self, from: #require(FileManager.default.contents(atPath: run.evaluation)))

    let agent = try ActingState(Safetensors(path: run.weights))
    var world = Highway(options: .highwayFast), total = 0.0
    agent.begin(try world.reset(seed: 0))
    while true {
      let action = agent.greedyAction(), (observation, step) = try world.step(action)
      total += step.reward
      if step.isLast { break }
      agent.observe(observation, after: action, reward: Float(step.reward))
    }
    #expect(total == evaluation.returns.first)
  }

  @Test func rolloutPrintsWhatReadsBackExactly() throws {
    let result = try mamba("rollout LunarLander-v3 --seed 3 --actions 0,MAIN,3")
    #expect(result.status == 0)
    let lines = result.output.split(separator: "\n")
    #expect(lines.count == 4)
    for (step, line) in lines.enumerated() {
      let object = try #require(try JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any])
      #expect(Set(object.keys) == ["step", "observation", "reward", "terminated", "truncated"])
      #expect(object["step"] as? Int == step && (object["observation"] as? [Any])?.count == 8)
    }
    #expect(try mamba("rollout LunarLander-v3 --seed 3 --actions 0,MAIN,3").output == result.output)
  }

  /// A PyTorch state dict (the golden's weights), windows of its input: its q and latent.
  @Test(arguments: [("mamba", "mamba.D"), ("lstm", "lstm.bias_hh_l0")])
  func predictEqualsPyTorch(_ encoder: String, _ missing: String) throws {
    let space = try Workspace()
    let golden = try GoldenTensors(
      URL(fileURLWithPath: packageRoot + "/Tests/NetworksTests/Golden/\(encoder).safetensors"))
    func tensor(_ name: String) -> Safetensors.Tensor {
      Safetensors.Tensor(shape: golden.shape(name) ?? [], values: golden.floats(name))
    }
    let weights = golden.names.filter { $0.hasPrefix("weight.") }
    try Safetensors.write(weights.map { (String($0.dropFirst(7)), tensor($0)) }, to: space.file("net"))
    try Safetensors.write([("input", tensor("input"))], to: space.file("input"))
    let result = try mamba("predict \(space.file("net")) --input \(space.file("input"))")
    #expect(result.status == 0, "\(result.error)")
    let object = try #require(
      try JSONSerialization.jsonObject(with: Data(result.output.utf8)) as? [String: [[Double]]])
    for name in ["q", "latent"] {
      let actual = try #require(object[name]).flatMap { $0 }, expected = golden.doubles(name)
      #expect(actual.count == expected.count)
      #expect((zip(actual, expected).map { abs($0 - $1) }.max() ?? 1) <= 1e-5)
    }
    // Wrong shapes, a missing tensor, one too many.
    let broken = weights.filter { $0 != "weight." + missing }.map { (String($0.dropFirst(7)), tensor($0)) }
    try Safetensors.write(broken, to: space.file("broken"))
    let refused = try mamba("predict \(space.file("broken")) --input \(space.file("input"))")
    #expect(refused.status == 1 && refused.error.contains("has no tensor \(missing)"))
    try Safetensors.write([("input", .init(shape: [1, 7, 5], values: Array(repeating: 0, count: 35)))], to: space.file("five"))
    let five = try mamba("predict \(space.file("net")) --input \(space.file("five"))")
    #expect(five.status == 1 && five.error.contains("input has 5 features; the network reads 6"))
  }

  /// One line a tensor, and the exit status says whether all are within tolerance.
  @Test func parity() throws {
    let space = try Workspace(), golden = packageRoot + "/Tests/LayersTests/Golden/mamba1-state.safetensors"
    let right = try mamba("parity \(golden) \(golden)")
    #expect(right.status == 0 && right.output.contains("42 of 42 within tolerance"), "\(right.output)")
    let file = try Safetensors(path: golden)
    let tensors = try file.names.map { name in
      var tensor = try file.tensor(name)
      if name == "weight.D" { tensor.values[0] += 0.01 }
      return (name, tensor)
    }
    try Safetensors.write(tensors, to: space.file("wrong"))
    let wrong = try mamba("parity \(space.file("wrong"))")
    #expect(wrong.status == 1 && wrong.output.contains("grad.input  above 1e-05"), "\(wrong.output)")
  }

  private static let language = packageRoot + "/Tests/NetworksTests/Golden/sequence/lm-mamba2"

  /// The tokens that transformers chooses, from its file and from mamba-ssm's; whatever is wrong in a line.
  @Test func generate() throws {
    let golden = try Safetensors(path: Self.language + "/golden.safetensors")
    let ids = try golden.integers("input_ids").values.map(String.init).joined(separator: ",")
    let expected = try golden.integers("greedy").values
    for format in ["hf", "mamba_ssm"] {
      let model = "generate \(Self.language)/\(format)/model.safetensors"
      let plain = try mamba("\(model) --ids \(ids) --count \(expected.count)").output.split(separator: "\n")
      #expect(plain.first.map(String.init) == expected.map(String.init).joined(separator: ","))
      #expect(plain.count == 2 && plain.last?.hasSuffix(" tokens/s") == true)
      let json = try mamba("\(model) --ids \(ids) --count 3 --json").output
      let object = try #require(try JSONSerialization.jsonObject(with: Data(json.utf8)) as? [String: Any])
      #expect(object["ids"] as? [Int] == Array(expected.prefix(3)) && (object["tokensPerSecond"] as? Double ?? 0) > 0)
      #expect(try mamba("\(model) --ids \(ids) --top-k 1").output.hasPrefix(expected.map(String.init).joined(separator: ",")))
      let cases = [
        ("--ids 64", "--ids 64: the token 64 is none of the model's, 0 to 63"), ("--ids 1,,2", "'' is no token"),
        ("--ids 1 --count -1", "--count"), ("--ids 1 --temperature 0", "--temperature 0.0: must be more than 0"),
        ("--ids 1 --top-k 0", "--top-k 0: must be 1 or more"),
      ]
      for (arguments, problem) in cases {
        let refused = try mamba("\(model) \(arguments)")
        #expect(refused.status == 64 && refused.error.contains(problem), "\(refused.error)")
      }
    }
    let block = packageRoot + "/Tests/LayersTests/Golden/mamba1-odd.safetensors"
    let refused = try mamba("generate \(block) --ids 1")
    #expect(refused.status == 1 && refused.error.contains("has no tensor backbone.embedding.weight"), "\(refused.error)")
  }

  /// Every position's outputs and the state as a file that other programs read, and reading goes on from one.
  @Test func predictToAFile() throws {
    let space = try Workspace(), folder = packageRoot + "/Tests/NetworksTests/Golden/sequence"
    let golden = try Safetensors(path: folder + "/q-stack-mamba2-resets.safetensors")
    let weights = try golden.names.filter { $0.hasPrefix("weight.") }.map { (String($0.dropFirst(7)), try golden.tensor($0)) }
    try Safetensors.write(weights, to: space.file("net"))
    let input = try golden.tensor("input"), reset = try golden.tensor("reset")
    try Safetensors.write([("input", input), ("reset", reset)], to: space.file("input"))
    let result = try mamba("predict \(space.file("net")) --input \(space.file("input")) --out \(space.file("out"))")
    #expect(result.status == 0 && result.output.isEmpty, "\(result.error)")
    let out = try Safetensors(path: space.file("out"))
    for name in ["q", "latent"] {
      let (actual, expected) = (try out.tensor(name), try golden.tensor(name))
      #expect(actual.shape == expected.shape)
      #expect(zip(actual.values, expected.values).allSatisfy { abs($0 - $1) < 1e-5 })
    }
    let states = out.names.filter { $0.hasPrefix("state.") }
    #expect(states == (0..<2).flatMap { layer in ["conv", "ssm"].map { "state.layers.\(layer).\($0)" } })

    // The first position again, from the state after the last: as JSON, and not as from zero.
    let first = Safetensors.Tensor(
      shape: [4, 1, 6], values: (0..<4).flatMap { input.values[$0 * 21 * 6..<$0 * 21 * 6 + 6] })
    try Safetensors.write([("input", first)], to: space.file("first"))
    let predict = "predict \(space.file("net")) --input \(space.file("first"))"
    func q(_ arguments: String) throws -> [[Double]] {
      let result = try mamba(predict + arguments)
      let object = try JSONSerialization.jsonObject(with: Data(result.output.utf8)) as? [String: [[Double]]]
      return try #require(object?["q"], "\(result.error)")
    }
    let fromState = try q(" --state \(space.file("out"))"), fromZero = try q("")
    #expect(fromState.count == 4 && fromState[0].count == 4 && fromState != fromZero)
    let wrong = try mamba(predict + " --state \(space.file("input"))")
    #expect(wrong.status == 1 && wrong.error.contains("has none of state.layers.0.conv"), "\(wrong.error)")
    let tokens = try mamba(
      "predict \(Self.language)/hf/model.safetensors --input \(Self.language)/golden.safetensors --out \(space.file("lm"))")
    #expect(tokens.status == 0, "\(tokens.error)")
    #expect(try Safetensors(path: space.file("lm")).shape(of: "logits") == [1, 20, 64])
  }

  /// A folder that is reached through a link, or a link to a link, is that folder to every command that takes one.
  @Test func aLinkedFolderIsTheFolder() throws {
    let space = try Workspace(), files = FileManager.default
    let trained = try mamba(
      "train MemoryChain-5 --steps 120 --set hiddenSize=8 --set modelSize=8 --set learningStarts=50 --set evaluationEpisodes=0 "
        + "--out \(space.file("real/run"))")
    #expect(trained.status == 0, "\(trained.error)")
    try makeFolder(space.file("links"))
    for (link, target) in [("run", "../real/run"), ("again", "run"), ("all", "../real"), ("nowhere", "../absent")] {
      try files.createSymbolicLink(atPath: space.file("links/\(link)"), withDestinationPath: target)
    }
    let evaluated = try mamba("evaluate \(space.file("real/run")) --episodes 2 --json").output
    for link in ["run", "again", "run/", "all/run"].map({ space.file("links/\($0)") }) {
      let again = try mamba("evaluate \(link) --episodes 2 --json")
      #expect(again.output == evaluated.replacingOccurrences(of: space.file("real/run"), with: link), "\(again.error)")
      for command in ["render \(link)", "resume \(link)", "report \(link) --out \(space.file("report"))"] {
        let result = try mamba(command)
        #expect(result.status == 0, "\(command): \(result.error)")
      }
    }
    for folder in ["links", "links/all", "real"] {
      let result = try mamba("report \(space.file(folder)) --out \(space.file("report"))")
      #expect(result.status == 0, "\(folder): \(result.error)")
      // However many ways lead to it, it is one run.
      let page = try String(contentsOfFile: space.file("report/report.md"), encoding: .utf8)
      #expect(page.contains("1 of 1 finished") || page.contains("| 1 | "), "\(folder)")
    }
    let dangling = try mamba("evaluate \(space.file("links/nowhere"))")
    #expect(
      dangling.status == 1 && dangling.error == "error: \(space.file("links/nowhere")): does not exist\n", "\(dangling.error)")
    #expect(try files.contentsOfDirectory(atPath: space.file("links")).sorted() == ["again", "all", "nowhere", "run"])
  }

  @Test func everyCommandHasHelp() throws {
    for command in [
      "", "train", "resume", "evaluate", "render", "predict", "parity", "generate", "rollout", "bench", "list", "study",
      "study run",
    ] {
      let result = try mamba("\(command) --help")
      #expect(result.status == 0 && result.output.contains("OVERVIEW:") && result.output.contains("USAGE:"), "\(command)")
    }
    let settings = try mamba("list settings --json")
    let keys = try settings.output.split(separator: "\n").map {
      try (JSONSerialization.jsonObject(with: Data($0.utf8)) as? [String: String])?["key"]
    }
    for key in ["learningRate", "batchSize", "gradientClip", "learningStarts", "targetSyncInterval", "checkpointInterval"] {
      #expect(keys.contains(key))
    }
  }
}
