/// A study: models × settings × seeds on one environment and preset, as a stable, numbered list of tasks. Knows nothing of
/// processes and folders.
import Records

public struct Study: Sendable, Equatable {
  /// A setting and the values it takes, written as `--set` takes them and as they appear in task names.
  public struct Axis: Sendable, Equatable {
    public var key: String
    public var values: [String]
  }

  public var name, environment, preset: String
  public var models: [EncoderKind]
  public var settings: [Axis] = []
  public var seeds: [UInt64]
  /// Environment steps of every task; nil for the preset's.
  public var steps: Int?

  /// In the order model, settings (the last axis turns fastest), seed. What is not allowed is a `UsageError`.
  public var tasks: [StudyTask] {
    get throws {
      var base = try Presets.config(environment: EnvironmentCatalog.entry(environment).name, preset: preset)
      if let steps { base.totalSteps = steps }
      // Every way to choose one value an axis.
      var choices: [[(key: String, value: String)]] = [[]]
      for axis in settings {
        choices = choices.flatMap { choice in axis.values.map { choice + [(axis.key, $0)] } }
      }
      var tasks: [StudyTask] = []
      for model in models {
        for choice in choices {
          for seed in seeds { tasks.append(try task(tasks.count, base, model, choice, seed)) }
        }
      }
      return tasks
    }
  }

  private func task(
    _ index: Int, _ base: ExperimentConfig, _ model: EncoderKind, _ choice: [(key: String, value: String)], _ seed: UInt64
  ) throws -> StudyTask {
    var config = base
    (config.encoder, config.seed) = (model, seed)
    var name = model.rawValue
    var command = ["mamba-dqn", "train", environment, "--preset", preset, "--set", "encoder=\(model.rawValue)"]
    for (axis, (key, value)) in zip(settings, choice) {
      try Settings.apply("\(key)=\(value)", to: &config)
      command += ["--set", "\(key)=\(value)"]
      if axis.values.count > 1 { name += "-\(Self.shortNames[key] ?? key)\(value)" }
    }
    try Settings.check(config)
    command += ["--seed", "\(seed)"] + (steps.map { ["--steps", "\($0)"] } ?? [])
    return StudyTask(index: index, name: "\(name)-s\(seed)", config: config, command: command)
  }

  private static let shortNames = ["gradientClip": "clip"]
}

public struct StudyTask: Sendable {
  /// Its place in the whole study, from 0; the same whichever part of the study is run.
  public let index: Int
  /// Its folder's name, such as `mamba-clip0.5-s0`.
  public let name: String
  public let config: ExperimentConfig
  /// What trains the same bytes without the study.
  public let command: [String]
}

public enum Studies {
  public static let builtIn = [
    Study(
      name: "paper-highway", environment: "highway-fast-v0", preset: "paper", models: EncoderKind.published,
      settings: [.init(key: "gradientClip", values: ["1.0", "0.5", "0.1"])], seeds: Array(0..<5), steps: 20_000),
    Study(
      name: "paper-lunarlander", environment: "LunarLander-v3", preset: "paper", models: EncoderKind.published,
      seeds: Array(0..<5), steps: 200_000),
    Study(
      name: "lander", environment: "LunarLander-v3", preset: "default",
      models: ["mamba", "dqn", "lstm", "transformer", "mamba2"].map(EncoderKind.init(rawValue:)), seeds: Array(0..<20),
      steps: 200_000),
    memory("RepeatPreviousEasy", steps: 20_000), memory("RepeatPreviousMedium", steps: 100_000),
    memory("TMaze-50", steps: 150_000),
  ]

  /// Every encoder on one task of memory, recurrent.
  private static func memory(_ environment: String, steps: Int) -> Study {
    Study(
      name: "memory-\(environment)", environment: environment, preset: "default",
      models: ["mamba3", "mamba2", "mamba", "transformer", "lstm", "dqn"].map(EncoderKind.init(rawValue:)),
      seeds: Array(0..<5), steps: steps)
  }

  /// A built-in study by its name, or the one in a .yaml file.
  public static func study(_ name: String) throws -> Study {
    if let study = builtIn.first(where: { $0.name == name }) { return study }
    if name.hasSuffix(".yaml") || name.hasSuffix(".yml") { return try Study(yaml: name) }
    let names = builtIn.map(\.name)
    throw UsageError(
      "unknown study \(name)\(suggestion(for: name, in: names)); there are: \(names.joined(separator: ", ")), "
        + "and the path of a .yaml file")
  }
}
