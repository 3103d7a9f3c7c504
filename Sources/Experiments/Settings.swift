/// The one table of settings: it drives `--set key=value`, its checks, and `list settings`.
import Foundation
import Networks
import Records

/// One field of `ExperimentConfig` as text: its name, what it means and what it may be.
public struct Setting: Sendable {
  /// As `--set` takes it.
  public let key: String
  /// In words.
  public let type: String
  /// In words.
  public let meaning: String
  /// What is allowed, in words.
  public let range: String
  let set: @Sendable (String, inout ExperimentConfig) -> Bool
  let get: @Sendable (ExperimentConfig) -> String

  /// Its value in `config`, as `--set` would take it.
  public func value(in config: ExperimentConfig) -> String { get(config) }
}

/// Every setting, and what is allowed together.
public enum Settings {
  /// In the order of `list settings`.
  public static let all: [Setting] = [
    Setting(
      key: "encoder", type: Architecture.names, meaning: "what turns observations into the latent",
      range: "one of \(Architecture.names)",
      set: { text, config in
        guard let kind = Architecture.named(text)?.kind else { return false }
        config.encoder = kind
        return true
      }, get: { $0.encoder.rawValue }),
    whole("windowLength", \.windowLength, 1...1024, "observations in a window"),
    whole("hiddenSize", \.hiddenSize, 0...8192, "units of the first of two input layers; 0 for one layer, linear"),
    whole("modelSize", \.modelSize, 1...4096, "units of the second input layer, and of the latent"),
    whole("stateSize", \.stateSize, 1...1024, "states per channel of the Mamba block (d_state)"),
    whole("convolutionWidth", \.convolutionWidth, 1...16, "taps of the Mamba block's convolution (d_conv)"),
    whole("expansion", \.expansion, 1...8, "inner channels of the Mamba block per unit of modelSize"),
    whole("layers", \.layers, 1...64, "blocks of the encoder, one after the other"),
    choice("norm", \.norm, "before each block: none, or rms, which makes the blocks a residual stack with a norm after the last"),
    whole("headHidden", \.headHidden, 0...8192, "units of a hidden layer between latent and Q-values; 0 for none"),
    whole("headSize", \.headSize, 1...1024, "channels of a head of Mamba-2, Mamba-3 and attention"),
    flag(
      "slowDecay", \.slowDecay,
      "mamba3 begins with slow decays and rotations by the position's number, from an input bias; nothing for others"),
    whole("decaySteps", \.decaySteps, 1...100_000_000, "with slowDecay: steps of size 1 in which a state decays to 1/e at first"),
    whole(
      "entities", \.entities, 0...1024,
      "entities that an observation lists, the agent first, read by a shared network; 0: no list (highway: 5)"),
    flag(
      "perAction", \.perAction,
      "the observation has a like part for each action, in their order, which one shared network reads, remembers and values"),
    whole("members", \.members, 1...64, "Q-networks that learn side by side; their mean is acted on"),
    real(
      "pessimism", \.pessimism, 0...10,
      "all members learn against their targets' mean less this many standard deviations; 0: each against its own"),
    flag("residual", \.residual, "the latent is the encoder's output plus what it read at the last position"),
    flag("layerNorm", \.layerNorm, "a LayerNorm before each ReLU of the input layers"),
    flag("dueling", \.dueling, "Q is a state's value plus the actions' advantages over their mean"),
    real("outputScale", \.outputScale, 0...1e3, "what the output layer's initial weights are multiplied by"),
    real("discount", \.discount, 0...1, "γ"),
    real("learningRate", \.learningRate, 1e-9...1, "AdamW's step size"),
    real("learningRateEnd", \.learningRateEnd, 0...1, "the last learning rate as a share of learningRate; linear over the run"),
    whole(
      "learningRateWarmup", \.learningRateWarmup, 0...1_000_000_000, "gradient steps over which the learning rate rises from 0"),
    real("encoderLearningRate", \.encoderLearningRate, 0...1e3, "the encoder's learning rate as a multiple of the rest's"),
    real("weightDecay", \.weightDecay, 0...1, "AdamW's decoupled weight decay"),
    flag("amsgrad", \.amsgrad, "keep AdamW's largest second moment"),
    whole("batchSize", \.batchSize, 1...65536, "transitions in a gradient step"),
    whole("threads", \.threads, 1...256, "threads of a gradient step; the same seed and number give the same bytes"),
    real("gradientClip", \.gradientClip, 1e-9...1e9, "largest global gradient norm"),
    whole("learningStarts", \.learningStarts, 1...1_000_000_000, "environment steps before the first gradient step"),
    whole("gradientInterval", \.gradientInterval, 1...1_000_000_000, "environment steps between learning"),
    whole("gradientSteps", \.gradientSteps, 1...10_000, "gradient steps each time"),
    choice(
      "targetUpdate", \.targetUpdate, "how the target network follows: copied at intervals, or a little every gradient step"),
    whole(
      "targetSyncInterval", \.targetSyncInterval, 1...1_000_000_000,
      "environment steps between copies into the target network (targetUpdate=hard)"),
    real("polyakRate", \.polyakRate, 1e-9...1, "share of the way it moves after a gradient step (targetUpdate=polyak)"),
    choice("loss", \.loss, "of a TD error: squared up to 1 and linear beyond, or squared"),
    flag("doubleQ", \.doubleQ, "the online network chooses the next action, the target network values it"),
    whole("nStep", \.nStep, 1...10_000, "rewards summed before the bootstrap; fewer where an episode ends"),
    real("rewardScale", \.rewardScale, 1e-9...1e9, "what rewards are multiplied by before they are learned from"),
    flag("valueRescaling", \.valueRescaling, "learn Q under h(x) = sign(x)(√(|x| + 1) − 1) + 0.001 x"),
    real(
      "averagedWeights", \.averagedWeights, 0...0.999999,
      "share that an average of the parameters keeps at a gradient step; evaluations use it; 0 for none"),
    flag(
      "cutBootstrapAtTruncation", \.cutBootstrapAtTruncation, "treat a time limit as a terminal state, as the published code does"
    ),
    real("epsilonStart", \.epsilonStart, 0...1, "share of random actions at the start"),
    real("epsilonEnd", \.epsilonEnd, 0...1, "share of random actions at the end"),
    whole("epsilonDecaySteps", \.epsilonDecaySteps, 0...1_000_000_000, "environment steps over which it falls, linearly"),
    real(
      "rareEpsilon", \.rareEpsilon, 0...1,
      "at an observation with a share s of all steps chance acts with ε / s, up to this; where observations repeat, as in mazes"),
    text(
      "inputs", \.inputs, "what the network reads", range: "observation, then any of action, reward, differences after commas"
    ) { InputDescription($0) != nil },
    text(
      "observationScale", \.observationScale, "what observations are multiplied by; images of bytes by 1/255 if by none",
      range: "none, measured, or numbers with commas, such as 1,15,3"
    ) { ObservationScale($0) != nil },
    whole("actors", \.actors, 1...1024, "environments that feed the learner, their forward passes one batch"),
    real("epsilonSpread", \.epsilonSpread, 0...100, "actor i of n explores with ε^(1 + spread · i/(n − 1))"),
    choice("replay", \.replay, "what is learned from: windows from the zero state, or sequences with state"),
    choice(
      "latents", \.latents, "stored as published, none, target (windows); none, state, refresh: where sequences begin"),
    choice("sequenceStart", \.sequenceStart, "sequences begin anywhere, or each with a whole episode"),
    whole(
      "sequenceLength", \.sequenceLength, 1...65536,
      "positions of a sequence that are learned from; an episode that is longer loses its end with sequenceStart=episode"),
    whole("sequenceOverlap", \.sequenceOverlap, 0...65535, "how many of them the next sequence has too"),
    whole("burnIn", \.burnIn, 0...65536, "positions before them that only warm the state up"),
    flag("crossEpisodes", \.crossEpisodes, "a sequence goes on into the next episode, with the state zeroed in between"),
    whole("replayCapacity", \.replayCapacity, 1...100_000_000, "transitions kept"),
    real("priorityExponent", \.priorityExponent, 0...1, "α of prioritized replay"),
    real("importanceExponentStart", \.importanceExponentStart, 0...1, "β of prioritized replay at the start; 1 at the end"),
    flag(
      "clampPriorityError", \.clampPriorityError, "clamp |TD error| at 1 before it becomes a priority, as the published code does"
    ),
    whole("checkpointInterval", \.checkpointInterval, 1...1_000_000_000, "environment steps between checkpoints"),
    whole("evaluationInterval", \.evaluationInterval, 1...1_000_000_000, "environment steps between evaluations"),
    whole("evaluationEpisodes", \.evaluationEpisodes, 0...10_000, "greedy episodes in an evaluation during training; 0 for none"),
    whole("logInterval", \.logInterval, 1...1_000_000_000, "environment steps between rows of progress.csv"),
    whole(
      "recordInterval", \.recordInterval, 0...1_000_000_000,
      "environment steps between episodes recorded in episodes/; 0 for none"),
    real("startTimeout", \.startTimeout, 0.001...1e6, "seconds that a gymnasium: environment may take to be made"),
    real("resetTimeout", \.resetTimeout, 0.001...1e6, "seconds that its reset may take"),
    real("stepTimeout", \.stepTimeout, 0.001...1e6, "seconds that a step of it may take"),
  ]

  /// Applies one `key=value`.
  public static func apply(_ assignment: String, to config: inout ExperimentConfig) throws {
    guard let equals = assignment.firstIndex(of: "=") else {
      throw UsageError("--set \(assignment): write key=value, such as --set learningRate=0.0005")
    }
    let key = String(assignment[..<equals]), value = String(assignment[assignment.index(after: equals)...])
    let setting = try setting(key)
    guard setting.set(value, &config) else { throw UsageError("\(key)=\(value): \(key) must be \(setting.range)") }
  }

  /// The setting of that name, or a `UsageError` with the nearest one.
  static func setting(_ key: String) throws -> Setting {
    guard let setting = all.first(where: { $0.key == key }) else {
      throw UsageError("unknown setting \(key)\(suggestion(for: key, in: all.map(\.key))); `mamba-dqn list settings` shows all")
    }
    return setting
  }

  /// `config.json` as every command takes it: every value in its range.
  ///
  /// - Throws: `FileError`, which names the file and the key.
  public static func read(_ path: String) throws -> ExperimentConfig {
    let config = try ExperimentConfig(path: path)
    do { try check(config) } catch let slip as UsageError { throw FileError(path, slip.description) }
    return config
  }

  /// Metadata of a weights file, as far as its keys are settings: the same ranges.
  public static func check(metadata: [String: String], of path: String) throws {
    var scratch = ExperimentConfig()
    for (key, value) in metadata.sorted(by: { $0.key < $1.key }) {
      guard let setting = all.first(where: { $0.key == key }), !setting.set(value, &scratch) else { continue }
      throw FileError(path, "its metadata has \(key)=\(value.prefix(80)): \(key) must be \(setting.range)")
    }
  }

  /// Those that may change in the middle of a run: neither networks nor replay nor what stands in the logs takes its shape from
  /// them.
  public static let changeable = [
    "checkpointInterval", "clampPriorityError", "cutBootstrapAtTruncation", "discount", "doubleQ", "encoderLearningRate",
    "epsilonDecaySteps", "epsilonEnd", "epsilonSpread", "epsilonStart", "evaluationInterval", "gradientClip", "gradientInterval",
    "gradientSteps", "importanceExponentStart", "learningRate", "learningRateEnd", "learningRateWarmup", "learningStarts",
    "logInterval", "loss", "polyakRate", "recordInterval", "resetTimeout", "startTimeout", "stepTimeout", "targetSyncInterval",
    "targetUpdate", "threads", "weightDecay",
  ]

  /// The configuration of a run that goes on to `steps`, or under other settings.
  static func changed(_ recorded: ExperimentConfig, steps: Int?, _ assignments: [String]) throws -> ExperimentConfig {
    var config = recorded
    if let steps { config.totalSteps = steps }
    for assignment in assignments {
      try apply(assignment, to: &config)
      let key = String(assignment.prefix { $0 != "=" })
      guard changeable.contains(key) else {
        throw UsageError("\(key): a run keeps it to its end; these may change: \(changeable.joined(separator: ", "))")
      }
    }
    if config != recorded { try check(config) }
    return config
  }

  /// Every value in its range, and what single settings cannot see.
  public static func check(_ config: ExperimentConfig) throws {
    // A value that `--set` would not take is none, wherever it comes from.
    var scratch = config
    for setting in all where !setting.set(setting.get(config), &scratch) {
      throw UsageError("\(setting.key)=\(setting.get(config).prefix(80)): \(setting.key) must be \(setting.range)")
    }
    guard config.totalSteps > 0, config.totalSteps <= 1_000_000_000 else {
      throw UsageError("totalSteps=\(config.totalSteps) (--steps): must be a whole number from 1 to 1000000000")
    }
    guard config.epsilonEnd <= config.epsilonStart else {
      throw UsageError("epsilonEnd=\(config.epsilonEnd) lies above epsilonStart=\(config.epsilonStart)")
    }
    guard config.threads <= config.batchSize else {
      throw UsageError("threads=\(config.threads): batchSize is \(config.batchSize), and each thread takes a row or a sequence")
    }
    guard config.replayCapacity >= config.actors else {
      throw UsageError("actors=\(config.actors): replayCapacity is \(config.replayCapacity), and each actor needs a share of it")
    }
    try checkNetwork(config)
    try checkSequences(config)
  }

  private static func checkNetwork(_ config: ExperimentConfig) throws {
    guard Architecture.named(config.encoder.rawValue) != nil else {
      throw UsageError("encoder=\(config.encoder.rawValue): there are \(Architecture.names)")
    }
    guard config.members == 1 || (config.replay == .window && config.latents == .none) else {
      throw UsageError(
        "members=\(config.members): several learn from windows without stored latents; use replay=window and latents=none")
    }
    guard config.pessimism == 0 || config.members > 1 else {
      throw UsageError("pessimism=\(config.pessimism): one member has no spread; set members to 2 or more")
    }
    guard config.entities == 0 || (config.entities > 1 && config.hiddenSize > 0) else {
      throw UsageError("entities=\(config.entities): at least two are read, by layers of hiddenSize units, which must not be 0")
    }
    guard config.entities == 0 || !(InputDescription(config.inputs)?.differences ?? false) else {
      throw UsageError("entities=\(config.entities): entities are read without differences; leave them out of inputs")
    }
    if config.perAction {
      guard config.hiddenSize > 0 && config.headHidden > 0 else {
        throw UsageError("perAction=true: parts meet in layers of hiddenSize and headHidden units, neither of which may be 0")
      }
      guard config.entities == 0 && !config.layerNorm && !config.dueling && config.latents == .none else {
        throw UsageError("perAction=true: it needs entities=0, layerNorm=false, dueling=false and latents=none")
      }
      guard !(InputDescription(config.inputs)?.differences ?? false) else {
        throw UsageError("perAction=true: parts are read without differences; leave them out of inputs")
      }
    }
    guard config.layers == 1 || config.norm != .none else {
      throw UsageError("layers=\(config.layers): several blocks need norm=rms, which makes them a residual stack")
    }
    guard !config.residual || config.norm == .none else {
      throw UsageError("residual=true: with norm=rms every block is a residual block already")
    }
    if config.encoder == .transformer, config.norm == .none {
      guard config.modelSize % TransformerEncoder.heads == 0 else {
        throw UsageError(
          "modelSize=\(config.modelSize): a transformer has \(TransformerEncoder.heads) heads and needs a multiple of that")
      }
    }
    let inner = config.modelSize * config.expansion
    switch config.encoder.rawValue {
    case "mamba2", "mamba3":
      guard inner % config.headSize == 0 else {
        throw UsageError(
          "headSize=\(config.headSize): does not divide the \(inner) channels of modelSize=\(config.modelSize) and "
            + "expansion=\(config.expansion)")
      }
    case "transformer" where config.norm == .rms:
      guard config.modelSize % config.headSize == 0, config.headSize % 2 == 0 else {
        throw UsageError("headSize=\(config.headSize): must be even and divide modelSize=\(config.modelSize)")
      }
    default: break
    }
  }

  private static func checkSequences(_ config: ExperimentConfig) throws {
    guard config.replay == .sequence else {
      guard config.latents != .state && config.latents != .refresh else {
        throw UsageError("latents=\(config.latents.rawValue): only sequences begin from states; use replay=sequence")
      }
      guard config.burnIn == 0 else {
        throw UsageError("burnIn=\(config.burnIn): windows begin at the zero state; use replay=sequence")
      }
      return
    }
    guard config.latents == .none || config.latents == .state || config.latents == .refresh else {
      throw UsageError("latents=\(config.latents.rawValue): sequences take none, state or refresh")
    }
    guard config.encoder != .transformer || config.norm == .rms else {
      throw UsageError("replay=sequence: the published transformer only reads windows; use norm=rms")
    }
    guard config.sequenceOverlap < config.sequenceLength else {
      throw UsageError("sequenceOverlap=\(config.sequenceOverlap): must be below sequenceLength=\(config.sequenceLength)")
    }
    let stride = config.sequenceLength - config.sequenceOverlap, each = config.replayCapacity / config.actors / stride * stride
    guard each > config.burnIn else {
      throw UsageError(
        "sequenceLength=\(config.sequenceLength), burnIn=\(config.burnIn): replayCapacity=\(config.replayCapacity) for "
          + "\(config.actors) actor\(config.actors == 1 ? "" : "s") holds no such sequence")
    }
    if config.sequenceStart == .episode {
      guard config.latents == .none, config.burnIn == 0 else {
        throw UsageError("sequenceStart=episode: episodes begin at the zero state; it needs latents=none and burnIn=0")
      }
      guard config.priorityExponent == 0 else {
        throw UsageError("sequenceStart=episode: whole episodes are drawn uniformly; it needs priorityExponent=0")
      }
    }
  }

  private static func whole(
    _ key: String, _ path: WritableKeyPath<ExperimentConfig, Int> & Sendable, _ range: ClosedRange<Int>, _ meaning: String
  ) -> Setting {
    Setting(
      key: key, type: "whole number", meaning: meaning,
      range: "a whole number from \(range.lowerBound) to \(range.upperBound)",
      set: { text, config in
        guard let value = Int(written: text), range.contains(value) else { return false }
        config[keyPath: path] = value
        return true
      }, get: { "\($0[keyPath: path])" })
  }

  private static func real(
    _ key: String, _ path: WritableKeyPath<ExperimentConfig, Double> & Sendable, _ range: ClosedRange<Double>, _ meaning: String
  ) -> Setting {
    Setting(
      key: key, type: "number", meaning: meaning, range: "a number from \(range.lowerBound) to \(range.upperBound)",
      set: { text, config in
        guard let value = Double(written: text), range.contains(value) else { return false }
        config[keyPath: path] = value
        return true
      }, get: { "\($0[keyPath: path])" })
  }

  private static func flag(
    _ key: String, _ path: WritableKeyPath<ExperimentConfig, Bool> & Sendable, _ meaning: String
  ) -> Setting {
    Setting(
      key: key, type: "true or false", meaning: meaning, range: "true or false",
      set: { text, config in
        guard let value = Bool(written: text) else { return false }
        config[keyPath: path] = value
        return true
      }, get: { "\($0[keyPath: path])" })
  }

  private static func text(
    _ key: String, _ path: WritableKeyPath<ExperimentConfig, String> & Sendable, _ meaning: String, range: String,
    isValid: @escaping @Sendable (String) -> Bool
  ) -> Setting {
    Setting(
      key: key, type: "text", meaning: meaning, range: range,
      set: { text, config in
        guard isValid(text) else { return false }
        config[keyPath: path] = text
        return true
      }, get: { $0[keyPath: path] })
  }

  private static func choice<Kind: RawRepresentable & CaseIterable & SendableMetatype>(
    _ key: String, _ path: WritableKeyPath<ExperimentConfig, Kind> & Sendable, _ meaning: String
  ) -> Setting where Kind.RawValue == String {
    let names = Kind.allCases.map(\.rawValue).joined(separator: ", ")
    return Setting(
      key: key, type: names, meaning: meaning, range: "one of \(names)",
      set: { text, config in
        guard let value = Kind(rawValue: text) else { return false }
        config[keyPath: path] = value
        return true
      }, get: { $0[keyPath: path].rawValue })
  }
}
