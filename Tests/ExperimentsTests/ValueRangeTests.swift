/// Values are checked wherever they come from: every key of config.json with every kind of wrong value, the configuration in a
/// checkpoint against the one beside it, metadata of weights, and sizes that no machine has.
import Agents
import Environments
import Experiments
import Foundation
import Networks
import Records
import TestSupport
import Testing
import Training

@Suite struct ValueRangeTests {
  private static let wrong = [
    "0", "-1", "2147483648", "4611686018427387904", "18446744073709551615", "18446744073709551616", "1e308", "1e999", "-1e-300",
    "0.5",
    "null", "true", "\"\"", "\"x\"", "[]", "{}", "NaN",
  ]

  /// What is refused is refused in one line that names the file and the key; what is taken lies in the ranges of `--set`.
  @Test func everyKeyWithEveryKindOfValue() throws {
    let space = try Workspace(), path = space.file("config.json")
    let text = String(decoding: try ExperimentConfig().json, as: UTF8.self)
    let fields = try #require(JSONValue(Data(text.utf8)).fields)
    #expect(fields.count == Settings.all.count + 4)
    var refused = 0
    for field in fields {
      for value in Self.wrong {
        let line = try #require(text.split(separator: "\n").first { $0.contains("\"\(field.key)\" : ") })
        let changed = text.replacingOccurrences(
          of: line, with: "  \"\(field.key)\" : \(value)\(line.hasSuffix(",") ? "," : "")")
        try Data(changed.utf8).write(to: URL(fileURLWithPath: path))
        do {
          let config = try Settings.read(path)
          if let setting = Settings.all.first(where: { $0.key == field.key }) {
            var again = ExperimentConfig()
            try Settings.apply("\(field.key)=\(setting.value(in: config))", to: &again)
          }
        } catch let error as FileError {
          refused += 1
          #expect(error.description.hasPrefix(path) && !error.description.contains("\n"), "\(error)")
          if !["1e999", "NaN"].contains(value) {
            #expect(error.description.contains(field.key), "\(field.key)=\(value): \(error)")
          }
        }
      }
    }
    #expect(refused > fields.count * 8)
    for extra in ["\"seed\" : 0", "\"sede\" : 0"] {
      try Data(text.replacingOccurrences(of: "\n}", with: ",\n  \(extra)\n}").utf8).write(to: URL(fileURLWithPath: path))
      #expect(throws: FileError.self) { try Settings.read(path) }
    }
  }

  private func small() throws -> ExperimentConfig {
    var config = try Presets.config(environment: "LunarLander-v3", preset: "default")
    for assignment in [
      "encoder=dqn", "residual=false", "hiddenSize=8", "modelSize=8", "batchSize=4", "replayCapacity=500", "learningStarts=50",
      "evaluationInterval=100", "evaluationEpisodes=1", "checkpointInterval=100", "logInterval=50",
    ] { try Settings.apply(assignment, to: &config) }
    config.totalSteps = 300
    return config
  }

  /// Every field that changes a result; each with a value that is allowed.
  @Test func aCheckpointKnowsItsConfiguration() throws {
    let space = try Workspace(), folder = RunFolder(path: space.file("run"))
    let config = try small()
    _ = try Run(config, in: folder, command: []).trainer.run { true }
    _ = try Run(resuming: folder)
    let changes: [(String, (inout ExperimentConfig) -> Void)] = [
      ("seed", { $0.seed = 1 }), ("discount", { $0.discount = 0.98 }), ("totalSteps", { $0.totalSteps = 400 }),
      ("encoder", { $0.encoder = .lstm }), ("actors", { $0.actors = 2 }), ("evaluationEpisodes", { $0.evaluationEpisodes = 2 }),
      ("environment", { $0.environment = "LunarLander-v3-wind" }), ("hiddenSize", { $0.hiddenSize = 16 }),
      ("threads", { $0.threads = 2 }), ("amsgrad", { $0.amsgrad = true }), ("replayCapacity", { $0.replayCapacity = 400 }),
    ]
    for (key, change) in changes {
      var other = config
      change(&other)
      try AtomicFile.write(other.json, to: folder.config)
      // Also where the command itself changes something: it is what was edited that is named.
      for steps in [nil, 500] {
        do {
          _ = try Run(resuming: folder, steps: steps)
          Issue.record("\(key) was accepted")
        } catch {
          #expect("\(error)".hasPrefix("\(folder.config): \(key) is ") && "\(error)".contains("in the checkpoint"), "\(error)")
        }
      }
    }
    var patient = config
    patient.resetTimeout = 600
    try AtomicFile.write(patient.json, to: folder.config)
    _ = try Run(resuming: folder)
  }

  /// What a setting that is gone did is not done any more: a run that used it ends where it stands, and can be evaluated.
  @Test(arguments: [0, 50]) func aRunOfAnEarlierVersionGoesOnOnlyWithWhatIsStillThere(_ leastTries: Int) throws {
    let space = try Workspace(), folder = RunFolder(path: space.file("run"))
    _ = try Run(try small(), in: folder, command: []).trainer.run { true }
    let store = try #require(CheckpointStore.existing(in: folder)), step = try #require(store.steps.last)
    func former(_ json: [UInt8]) -> [UInt8] {
      Array(
        String(decoding: json, as: UTF8.self)
          .replacingOccurrences(of: "  \"threads\"", with: "  \"leastTries\" : \(leastTries),\n  \"threads\"").utf8)
    }
    let reader = try store.reader(step: step)
    let sections = try reader.names.map { ($0, Array(try reader.bytes($0))) }
    _ = try store.save(step: step) { writer in
      for (name, bytes) in sections {
        try (name == Trainer.configSection ? former(bytes) : bytes).withUnsafeBytes { try writer.write(name, $0) }
      }
    }
    try AtomicFile.write(Data(former(Array(try Data(contentsOf: URL(filePath: folder.config))))), to: folder.config)
    if leastTries == 0 {
      _ = try Run(resuming: folder).trainer.run()
    } else {
      let error = #expect(throws: FileError.self) { try Run(resuming: folder) }
      #expect("\(error, default: "")".contains("leastTries=50, a setting that is gone; it can be evaluated"))
    }
    #expect(try Settings.read(folder.config).totalSteps == 300)
  }

  /// A network over parts, with everything that it has no place for; and over an observation without such parts.
  @Test(arguments: [
    "entities=2", "layerNorm=true", "dueling=true", "hiddenSize=0", "headHidden=0", "inputs=observation,differences",
    "latents=state", "environment",
  ])
  func partsAreNotMixedWithWhatKnowsNone(_ assignment: String) throws {
    var config = try Presets.config(environment: "ConcentrationEasy", preset: "default")
    let space = try Workspace(), key = assignment.prefix { $0 != "=" }
    _ = try Run(config, in: RunFolder(path: space.file("right")), command: [])
    if assignment == key { config.environment = "TMaze-50" } else { try Settings.apply(assignment, to: &config) }
    do {
      _ = try Run(config, in: RunFolder(path: space.file("wrong")), command: [])
      Issue.record("\(assignment) was accepted")
    } catch {
      let line = "\(error)"
      #expect(
        line.contains("perAction=true") && line.contains(key == "environment" ? "no part" : key) && !line.contains("\n"),
        "\(line)")
    }
  }

  @Test func metadataHaveTheSameRanges() throws {
    let space = try Workspace(), folder = RunFolder(path: space.file("run"))
    let run = try Run(small(), in: folder, command: [])
    try run.trainer.agent.writeWeights(step: run.trainer.step, to: folder.weights)
    let file = try Safetensors(path: folder.weights)
    let tensors = try file.names.map { ($0, try file.tensor($0)) }
    for (key, value) in [
      ("windowLength", "0"), ("windowLength", "-1"), ("windowLength", "1000000"), ("windowLength", "4611686018427387904"),
      ("windowLength", "x"), ("headSize", "0"), ("replay", "all"), ("inputs", "everything"), ("encoder", "cnn"),
      ("rewardScale", "nan"),
    ] {
      try Safetensors.write(tensors, metadata: file.metadata.merging([key: value]) { $1 }, to: space.file("changed"))
      do {
        _ = try TrainedActor(path: space.file("changed"), environment: nil)
        Issue.record("\(key)=\(value) was accepted")
      } catch { #expect("\(error)".contains("its metadata has \(key)=\(value)"), "\(error)") }
    }
  }

  /// What no machine has is refused with a sentence before anything is made, and leaves no folder.
  @Test(arguments: [
    ["replayCapacity=100000000", "modelSize=4096"], ["batchSize=65536", "windowLength=1024"],
    ["norm=rms", "layers=64", "modelSize=4096", "expansion=8", "hiddenSize=8192", "residual=false"],
    ["replay=sequence", "latents=none", "batchSize=65536", "sequenceLength=65536", "nStep=10000", "replayCapacity=10000000"],
  ])
  func sizesAreComparedWithTheMachine(_ assignments: [String]) throws {
    let space = try Workspace(), folder = RunFolder(path: space.file("run"))
    var config = try Presets.config(environment: "LunarLander-v3", preset: "default")
    for assignment in assignments { try Settings.apply(assignment, to: &config) }
    #expect { try Run(config, in: folder, command: []) } throws: { "\($0)".contains("of memory (replay") }
    #expect(!folder.exists)
  }

  /// What we say a run needs is what it takes, as far as the parameters go.
  @Test(arguments: Architecture.all.map(\.kind))
  func parametersAreCountedBeforehand(_ kind: EncoderKind) throws {
    for (modelSize, norm) in [(64, BlockNorm.none), (64, .rms), (256, .none)] {
      var config = ExperimentConfig()
      (config.encoder, config.modelSize, config.norm, config.replayCapacity) = (kind, modelSize, norm, 1000)
      let encoder = try ObservationEncoder(config, observationSize: 8, actionCount: 4)
      let agent = try DQNAgent(config: config, encoder: encoder)
      let ratio = agent.memoryNeed.networks / Double(agent.learner.online.block.values.count * 20)
      #expect((0.3...3).contains(ratio), "\(kind) \(modelSize) \(norm): \(ratio)")
    }
  }
}
