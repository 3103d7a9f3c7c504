/// The one table of settings: it drives `--set key=value`, its checks, and `list settings`.
import Foundation
import Networks
import Records

public struct Setting: Sendable {
  public let key: String
  public let type: String
  public let meaning: String
  /// What is allowed, in words.
  public let range: String
  let set: @Sendable (String, inout ExperimentConfig) -> Bool
  let get: @Sendable (ExperimentConfig) -> String

  /// Its value in `config`, as `--set` would take it.
  public func value(in config: ExperimentConfig) -> String { get(config) }
}

public enum Settings {
  public static let all: [Setting] = [
    choice("encoder", \.encoder, "what turns a window of observations into the latent"),
    whole("windowLength", \.windowLength, 1...1024, "observations in a window"),
    whole("hiddenSize", \.hiddenSize, 1...8192, "units of the first input layer"),
    whole("modelSize", \.modelSize, 1...4096, "units of the second input layer, and of the latent"),
    whole("stateSize", \.stateSize, 1...1024, "states per channel of the Mamba block (d_state)"),
    whole("convolutionWidth", \.convolutionWidth, 1...16, "taps of the Mamba block's convolution (d_conv)"),
    whole("expansion", \.expansion, 1...8, "inner channels of the Mamba block per unit of modelSize"),
    real("discount", \.discount, 0...1, "γ"),
    real("learningRate", \.learningRate, 1e-9...1, "AdamW's step size"),
    real("weightDecay", \.weightDecay, 0...1, "AdamW's decoupled weight decay"),
    flag("amsgrad", \.amsgrad, "keep AdamW's largest second moment"),
    whole("batchSize", \.batchSize, 1...65536, "transitions in a gradient step"),
    whole("threads", \.threads, 1...256, "threads of a gradient step; the same seed and number give the same bytes"),
    real("gradientClip", \.gradientClip, 1e-9...1e9, "largest global gradient norm"),
    whole("learningStarts", \.learningStarts, 1...1_000_000_000, "environment steps before the first gradient step"),
    whole(
      "targetSyncInterval", \.targetSyncInterval, 1...1_000_000_000, "environment steps between copies into the target network"),
    flag(
      "cutBootstrapAtTruncation", \.cutBootstrapAtTruncation, "treat a time limit as a terminal state, as the published code does"
    ),
    real("epsilonStart", \.epsilonStart, 0...1, "share of random actions at the start"),
    real("epsilonEnd", \.epsilonEnd, 0...1, "share of random actions at the end"),
    whole("epsilonDecaySteps", \.epsilonDecaySteps, 0...1_000_000_000, "environment steps over which it falls, linearly"),
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
    guard let setting = all.first(where: { $0.key == key }) else {
      throw UsageError("unknown setting \(key)\(suggestion(for: key, in: all.map(\.key))); `mamba-dqn list settings` shows all")
    }
    guard setting.set(value, &config) else { throw UsageError("\(key)=\(value): \(key) must be \(setting.range)") }
  }

  /// What single settings cannot see.
  public static func check(_ config: ExperimentConfig) throws {
    guard config.totalSteps > 0, config.totalSteps <= 1_000_000_000 else {
      throw UsageError("--steps \(config.totalSteps): must be a whole number from 1 to 1000000000")
    }
    guard config.epsilonEnd <= config.epsilonStart else {
      throw UsageError("epsilonEnd=\(config.epsilonEnd) lies above epsilonStart=\(config.epsilonStart)")
    }
    guard config.threads <= config.batchSize else {
      throw UsageError("threads=\(config.threads): batchSize is \(config.batchSize), and a thread takes at least one row")
    }
    guard config.encoder != .transformer || config.modelSize % TransformerEncoder.heads == 0 else {
      throw UsageError(
        "modelSize=\(config.modelSize): a transformer has \(TransformerEncoder.heads) heads and needs a multiple of that")
    }
  }

  private static func whole(
    _ key: String, _ path: WritableKeyPath<ExperimentConfig, Int> & Sendable, _ range: ClosedRange<Int>, _ meaning: String
  ) -> Setting {
    Setting(
      key: key, type: "whole number", meaning: meaning,
      range: "a whole number from \(range.lowerBound) to \(range.upperBound)",
      set: { text, config in
        guard let value = Int(text), range.contains(value) else { return false }
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
        guard let value = Double(text), range.contains(value) else { return false }
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
        guard let value = Bool(text) else { return false }
        config[keyPath: path] = value
        return true
      }, get: { "\($0[keyPath: path])" })
  }

  private static func choice(
    _ key: String, _ path: WritableKeyPath<ExperimentConfig, EncoderKind> & Sendable, _ meaning: String
  ) -> Setting {
    let names = EncoderKind.allCases.map(\.rawValue).joined(separator: ", ")
    return Setting(
      key: key, type: names, meaning: meaning, range: "one of \(names)",
      set: { text, config in
        guard let value = EncoderKind(rawValue: text) else { return false }
        config[keyPath: path] = value
        return true
      }, get: { $0[keyPath: path].rawValue })
  }
}
