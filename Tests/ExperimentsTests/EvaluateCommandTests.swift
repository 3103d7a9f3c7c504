/// `mamba-dqn evaluate` and `resume --steps --set` as a person uses them.
import Environments
import Experiments
import Foundation
import Records
import TestSupport
import Testing

@Suite struct EvaluateCommandTests {
  private static let small =
    "--set learningStarts=200 --set stateSize=8 --set modelSize=32 --set hiddenSize=32 --set checkpointInterval=250 "
    + "--set evaluationInterval=200 --set evaluationEpisodes=2 --set logInterval=100"

  private func report(_ arguments: String) throws -> EvaluationReport {
    let result = try mamba("evaluate \(arguments) --json")
    #expect(result.status == 0, "\(arguments): \(result.error)")
    return try JSONDecoder().decode(EvaluationReport.self, from: Data(result.output.utf8))
  }

  private func returns(_ run: RunFolder) throws -> [Double] {
    try JSONDecoder().decode(EvaluationReport.self, from: #require(FileManager.default.contents(atPath: run.evaluation))).returns
  }

  /// The newest checkpoint of a finished run acts as its final weights do; the best weights play the evaluation that chose
  /// them; a run that has not ended has its newest checkpoint.
  @Test(arguments: [
    ("highway-fast-v0", "--set averagedWeights=0.9 --set entities=0 --set inputs=observation,action,differences"),
    ("RepeatPreviousEasy", "--set learningStarts=100 --set sequenceLength=64"),
  ])
  func aRunsWeightsAreChosen(_ environment: String, _ settings: String) throws {
    let space = try Workspace(), run = RunFolder(path: space.file("run"))
    let train = "train \(environment) --steps 700 --seed 4 \(Self.small) \(settings) --out "
    let finished = try mamba(train + run.path)
    #expect(finished.status == 0, "\(finished.error)")
    let final = try report("\(run.path) --episodes 100")
    #expect(try final.returns == returns(run) && final.trainingSeed == 4 && final.trainedSteps == 700)
    #expect(try report("\(run.path) --episodes 100 --checkpoint last").returns == final.returns)
    #expect(try report("\(run.path) --episodes 100 --checkpoint 700").returns == final.returns)

    let best = try Safetensors(path: run.best), step = try #require(best.metadata["step"].flatMap { Int($0) })
    let chosen = try report("\(run.path) --checkpoint best --seed 1000000 --episodes 2")
    #expect(chosen.trainedSteps == step && chosen.subject.contains("best weights of step \(step)"))
    #expect("\(chosen.summary.mean)" == best.metadata["chosenReturn"])
    #expect(try report("\(run.path) --checkpoint \(step) --seed 1000000 --episodes 2").returns == chosen.returns)

    let stopped = RunFolder(path: space.file("stopped"))
    _ = try mamba(train + stopped.path, signal: SIGKILL) { savedSteps(stopped.path) >= 250 }
    let kept = savedSteps(stopped.path)
    #expect(try report("\(stopped.path) --episodes 2 --checkpoint last").trainedSteps == kept)
    let refused = try mamba("evaluate \(stopped.path) --episodes 2")
    #expect(refused.status == 1 && refused.error.contains("has not finished; take its newest weights with --checkpoint last"))
  }

  @Test func whatIsNotThereIsSaidInOneLine() throws {
    let space = try Workspace(), run = RunFolder(path: space.file("run")), file = space.file("run/model.safetensors")
    #expect(try mamba("train TMaze-4 --steps 300 \(Self.small) --set evaluationEpisodes=0 --out \(run.path)").status == 0)
    let empty = space.file("empty")
    try FileManager.default.createDirectory(atPath: empty, withIntermediateDirectories: true)
    try FileManager.default.copyItem(atPath: run.config, toPath: RunFolder(path: empty).config)
    let cases: [(String, Int32, String)] = [
      ("\(run.path) --checkpoint 17", 1, "has no weights of step 17; there are 250, 300"),
      ("\(run.path) --checkpoint best", 1, "no evaluation during training has ended; there is --checkpoint last"),
      ("\(empty) --checkpoint best", 1, "no evaluation during training has ended, and there is no checkpoint yet"),
      ("\(empty)", 1, "the run has not finished, and it has no checkpoint yet"),
      ("\(run.path) --checkpoint newest", 64, "must be best, last or an environment step"),
      ("\(run.path) --checkpoint -1", 64, "--checkpoint -1: must be best, last or an environment step"),
      ("\(run.path) --episodes -1", 64, "--episodes -1: must be a whole number from 1"),
      ("\(run.path) --timeout -1", 64, "--timeout -1"),
      ("\(run.path) \(space.path)/./run/", 64, "is there twice: give each run once"),
      ("\(file) --checkpoint best", 64, "is a file"), ("\(empty) --checkpoint last", 1, "has no checkpoint yet"),
      ("\(space.path) --checkpoint last", 1, "is not a run folder: it has no config.json; it holds 2, such as \(empty)"),
      ("\(empty) --checkpoint 3", 1, "has no weights of step 3; there are none"),
      ("\(run.path) --episodes 0", 64, "--episodes 0: must be a whole number from 1"),
      ("\(run.path) --policy random --env TMaze-4", 64, "exactly one of them"),
      ("--policy random --env TMaze-4 --checkpoint best", 64, "a policy has none"),
      // Trained on mazes, asked to land.
      ("\(run.path) --env LunarLander-v3", 1, "reads 2 features and has 4 actions; LunarLander-v3 has 8 and 4"),
      ("\(run.path) --env RepeatPreviousEasy", 1, "RepeatPreviousEasy has"),
    ]
    for (arguments, status, message) in cases {
      let result = try mamba("evaluate \(arguments)")
      #expect(result.status == status && result.error.contains(message), "\(arguments): \(result.error)")
      #expect(result.error.hasPrefix("error: ") && result.error.split(separator: "\n").count == 1, "\(result.error)")
    }
    // A longer maze looks the same: how far does the memory reach?
    let longer = try report("\(run.path) --env TMaze-40 --episodes 3")
    #expect(longer.environment == "TMaze-40" && longer.lengths.allSatisfy { $0 >= 40 } && longer.shareAtLeast200 == nil)

    // Several runs: a row each, and what they say together. Past the last seed comes the first.
    let copy = space.file("copy")
    try FileManager.default.copyItem(atPath: run.path, toPath: copy)
    let rows = try mamba("evaluate \(run.path) \(copy) --episodes 3 --seed 18446744073709551615")
    let lines = rows.output.split(separator: "\n")
    #expect(lines.count == 5 && lines[0].hasSuffix("seeds 18446744073709551615…1"), "\(rows.output)\(rows.error)")
    #expect(lines[1].hasPrefix("seed") && lines[4].hasPrefix("over 2 runs: mean "), "\(rows.output)")
    let columns = [lines[1].range(of: "run")] + lines[2...3].map { $0.range(of: space.path) }
    let places = zip(lines[1...3], columns).map { $0.distance(from: $0.startIndex, to: $1?.lowerBound ?? $0.startIndex) }
    #expect(places[0] > 0 && Set(places).count == 1, "\(rows.output)")
    // One that cannot be evaluated costs no other its row.
    let some = try mamba("evaluate \(run.path) \(empty) \(copy) \(space.file("absent")) --episodes 3")
    #expect(some.status == 1 && some.output.split(separator: "\n").count == 5, "\(some.output)")
    for part in ["error: \(empty): has no model", "error: \(space.file("absent")): does not"] {
      #expect(some.error.contains(part), "\(some.error)")
    }
    #expect(some.error.split(separator: "\n").count == 2, "\(some.error)")
    let objects = try mamba("evaluate \(run.path) \(copy) --episodes 3 --json").output.split(separator: "\n")
    #expect(objects.count == 2)
    for object in objects {
      #expect(try JSONDecoder().decode(EvaluationReport.self, from: Data(object.utf8)).returns.count == 3)
    }
  }

  /// As results/README.md has it: the runs of one agent, into a file of its own beside other cards.
  @Test func aCardMayBeAFileOfItsOwn() throws {
    let space = try Workspace(), place = space.file("cards/road.md")
    let runs = "\(packageRoot)/results/road"
    let result = try mamba("report --card \(runs)/mamba-s0 \(runs)/mamba-s1 --out \(place)")
    #expect(result.status == 0 && result.output == "\(place)\n", "\(result.error)")
    #expect(try String(contentsOfFile: place, encoding: .utf8).contains("**crash rate**"))
    let many = try mamba("report --card \(runs) --out \(place)")
    #expect(many.status == 1 && many.error.contains("give the run folders of one of them"), "\(many.error)")
  }

  /// Only a crash ends an episode on the road before its time; the speed is the observed one.
  @Test func theRoadSaysHowFastAndHowOften() throws {
    let found = try report("--policy always:IDLE --env highway-fast-v0 --episodes 6")
    var crashes = 0.0, speeds = 0.0
    for seed in 0..<6 {
      var world = Highway(options: .highwayFast), sum = 0.0, steps = 0.0
      _ = try world.reset(seed: UInt64(seed))
      while true {
        let (observation, step) = try world.step(Highway.Action.idle.rawValue)
        sum += Double(observation[3]) * 80  // vx of ±80 m/s lies in ±1, and who keeps his lane drives straight on
        steps += 1
        guard step.isLast else { continue }
        crashes += step.terminated ? 1 : 0
        speeds += sum / steps
        break
      }
    }
    #expect(found.shareCrashed == crashes / 6 && found.shareAtLeast200 == nil)
    #expect(abs(try #require(found.meanSpeed) - speeds / 6) < 1e-3)
    let masked = try report("--policy always:IDLE --env highway-fast-v0?mask=3 --episodes 6")
    #expect(masked.meanSpeed == found.meanSpeed)
    #expect(try mamba("evaluate --policy always:IDLE --env highway-fast-v0 --episodes 6").output.contains("m/s"))
  }

  /// A run that has ended and lost its checkpoints, as an exported one, is no run to begin again over its results.
  @Test func whatHasEndedIsNotBegunAgain() throws {
    let space = try Workspace(), run = RunFolder(path: space.file("run")), files = FileManager.default
    #expect(
      try mamba("train LunarLander-v3 --seed 7 \(Self.small) --set discount=0.97 --steps 600 --out \(run.path)").status == 0)
    let provenance = try JSONDecoder().decode(Provenance.self, from: #require(files.contents(atPath: run.provenance)))
    #expect(try #require(provenance.recipe).hasPrefix("default with ") && provenance.recipe?.contains("discount=0.97") == true)
    try files.removeItem(atPath: run.checkpoints)
    let progress = files.contents(atPath: run.progress), evaluation = files.contents(atPath: run.evaluation)
    for isExported in [false, true] {
      if isExported { try files.removeItem(atPath: run.weights) }
      for more in ["", " --steps 1000"] {
        let refused = try mamba("resume \(run.path)\(more)")
        #expect(refused.status == 1 && refused.error.contains("has ended (there is "), "\(refused)")
      }
      #expect(files.contents(atPath: run.progress) == progress && files.contents(atPath: run.evaluation) == evaluation)
    }
    #expect(try mamba("evaluate \(run.path) --episodes 1").error.contains("the weights lie elsewhere"))
  }

  /// Where nothing is spread over the whole run, a run that was trained on is a run of so many steps.
  @Test func trainingOnIsTheLongerRun() throws {
    let space = try Workspace(), short = RunFolder(path: space.file("short")), long = RunFolder(path: space.file("long"))
    let train = "train LunarLander-v3 --seed 7 \(Self.small) --set priorityExponent=0 --set learningRateEnd=1"
    #expect(try mamba("\(train) --steps 600 --out \(short.path)").status == 0)
    #expect(try mamba("\(train) --steps 1000 --out \(long.path)").status == 0)
    let weights = FileManager.default.contents(atPath: short.weights)
    let resumed = try mamba("resume \(short.path) --steps 1000")
    #expect(resumed.status == 0, "\(resumed.error)")
    for path in [\RunFolder.weights, \.best, \.evaluations] {
      let file = FileManager.default.contents(atPath: short[keyPath: path])
      #expect(file != nil && file == FileManager.default.contents(atPath: long[keyPath: path]), "\(short[keyPath: path])")
    }
    #expect(try returns(short) == returns(long))
    // The earlier end is still there, under its name.
    #expect(FileManager.default.contents(atPath: short.earlierWeights(step: 600)) == weights)
    #expect(try report("\(short.path) --checkpoint 600 --episodes 1").trainedSteps == 600)
    #expect(try ExperimentConfig(path: short.config).totalSteps == 1000)
    #expect(try String(contentsOfFile: short.command, encoding: .utf8).contains("mamba-dqn resume \(short.path) --steps 1000"))

    for (arguments, message) in [
      ("--steps 1000 --set threads=2", "stands at step 1000 already"), ("--steps 900", "stands at step 1000 already"),
      ("--set learningRate=0.1", "new settings need more steps, such as --steps 2000"),
      ("--steps 1200 --set learningrate=1", "did you mean learningRate?"),
      ("--steps 0", "totalSteps=0 (--steps): must be a whole number"),
      ("--steps 1200 --set epsilonEnd=0.9 --set epsilonStart=0.5", "lies above epsilonStart"),
    ] {
      let result = try mamba("resume \(short.path) \(arguments)")
      #expect(result.status == 64 && result.error.contains(message), "\(arguments): \(result.error)")
    }
    #expect(try ExperimentConfig(path: short.config).totalSteps == 1000 && returns(short) == returns(long))
  }

  @Test func settingsThatMayChangeDoAndOthersAreNamed() throws {
    let space = try Workspace(), run = RunFolder(path: space.file("run"))
    #expect(try mamba("train LunarLander-v3 --steps 400 \(Self.small) --out \(run.path)").status == 0)
    let config = try ExperimentConfig(path: run.config)
    for setting in Settings.all where !Settings.changeable.contains(setting.key) {
      let result = try mamba("resume \(run.path) --steps 600 --set \(setting.key)=\(setting.value(in: config))")
      #expect(result.status == 64 && result.error.contains("\(setting.key): a run keeps it to its end"), "\(result.error)")
    }
    let changed = [
      "checkpointInterval": "300", "clampPriorityError": "true", "cutBootstrapAtTruncation": "true", "discount": "0.9",
      "doubleQ": "false", "encoderLearningRate": "0.5", "epsilonDecaySteps": "50", "epsilonEnd": "0.2", "epsilonSpread": "1.0",
      "epsilonStart": "0.9", "evaluationInterval": "150", "gradientClip": "2.0", "gradientInterval": "2", "gradientSteps": "2",
      "importanceExponentStart": "0.3", "learningRate": "0.01", "learningRateEnd": "0.5", "learningRateWarmup": "7",
      "learningStarts": "10", "logInterval": "50", "loss": "squared", "polyakRate": "0.1", "recordInterval": "500",
      "resetTimeout": "9.0", "startTimeout": "9.0", "stepTimeout": "9.0", "targetSyncInterval": "30", "targetUpdate": "hard",
      "threads": "2", "weightDecay": "0.1",
    ]
    #expect(Set(changed.keys) == Set(Settings.changeable))
    let all = changed.map { "--set \($0)=\($1)" }.joined(separator: " ")
    let result = try mamba("resume \(run.path) --steps 600 \(all)")
    #expect(result.status == 0, "\(result.error)")
    let now = try ExperimentConfig(path: run.config)
    for setting in Settings.all {
      #expect(setting.value(in: now) == changed[setting.key] ?? setting.value(in: config), "\(setting.key)")
      if changed[setting.key] != nil { #expect(setting.value(in: now) != setting.value(in: config), "\(setting.key)") }
    }
    #expect(FileManager.default.fileExists(atPath: run.episode(step: 500)))
    #expect(try mamba("resume \(run.path)").status == 0)
  }
}
