/// A study: models × settings × seeds on one environment and preset, or several such parts, as a stable, numbered list of tasks. Knows nothing of
/// processes and folders.
import Records

/// A grid of runs, or several: `study list` names the built-in ones.
public struct Study: Sendable, Equatable {
  /// A setting and the values it takes, written as `--set` takes them and as they appear in task names.
  public struct Axis: Sendable, Equatable {
    /// Of the setting.
    public var key: String
    /// As `--set` takes them.
    public var values: [String]
  }

  /// Models × settings × seeds on one environment and preset.
  public struct Part: Sendable, Equatable {
    /// What its tasks' names begin with, where a study has several.
    public var label: String?
    /// Where all its tasks run, and what they start from.
    public var environment, preset: String
    /// Encoders.
    public var models: [EncoderKind]
    /// Each value of one goes with each of the others.
    public var settings: [Axis] = []
    /// Of training.
    public var seeds: [UInt64]
    /// Environment steps of every task; nil for the preset's.
    public var steps: Int?
  }

  /// Its folder below `--root`.
  public var name: String
  /// Their tasks are numbered through.
  public var parts: [Part]

  /// Of several parts.
  public init(name: String, parts: [Part]) { (self.name, self.parts) = (name, parts) }

  /// Of one part.
  public init(
    name: String, environment: String, preset: String, models: [EncoderKind], settings: [Axis] = [], seeds: [UInt64],
    steps: Int? = nil
  ) {
    self.init(
      name: name,
      parts: [Part(environment: environment, preset: preset, models: models, settings: settings, seeds: seeds, steps: steps)])
  }

  /// Of all parts, each once.
  public var environments: [String] { unique(parts.map(\.environment)) }
  /// Of all parts, each once.
  public var presets: [String] { unique(parts.map(\.preset)) }
  /// Of all parts, each once.
  public var models: [EncoderKind] { unique(parts.flatMap(\.models)) }
  /// Of all parts, each once.
  public var seeds: [UInt64] { unique(parts.flatMap(\.seeds)) }

  /// Part by part, in the order model, settings (the last axis turns fastest), seed. What is not allowed is a `UsageError`.
  public var tasks: [StudyTask] {
    get throws { try parts.reduce(into: []) { try $1.addTasks(to: &$0) } }
  }
}

extension Study.Part {
  fileprivate func addTasks(to tasks: inout [StudyTask]) throws {
    var base = try Presets.config(environment: EnvironmentCatalog.entry(environment).name, preset: preset)
    if let steps { base.totalSteps = steps }
    // Every way to choose one value an axis.
    var choices: [[(key: String, value: String)]] = [[]]
    for axis in settings {
      choices = choices.flatMap { choice in axis.values.map { choice + [(axis.key, $0)] } }
    }
    for model in models {
      for choice in choices {
        for seed in seeds { tasks.append(try task(tasks.count, base, model, choice, seed)) }
      }
    }
  }

  private func task(
    _ index: Int, _ base: ExperimentConfig, _ model: EncoderKind, _ choice: [(key: String, value: String)], _ seed: UInt64
  ) throws -> StudyTask {
    var config = base
    (config.encoder, config.seed) = (model, seed)
    var name = (label.map { "\($0)-" } ?? "") + model.rawValue
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

/// One run of a study.
public struct StudyTask: Sendable {
  /// Its place in the whole study, from 0; the same whichever part of the study is run.
  public let index: Int
  /// Its folder's name, such as `mamba-clip0.5-s0`.
  public let name: String
  /// What its folder's config.json must say.
  public let config: ExperimentConfig
  /// What trains the same bytes without the study.
  public let command: [String]
}
