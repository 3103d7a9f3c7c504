/// A trained network and the environment it acts in, from a run folder or a weights file.
import Agents
import Environments
import Foundation
import Networks
import Records
import Training

/// Which of a run's weights.
public enum WeightsChoice: Equatable, Sendable, CustomStringConvertible {
  /// Those at its end: a run that has not ended has none.
  case final
  /// Those of the best evaluation during training.
  case best
  /// Those of the newest checkpoint.
  case last
  /// Those at an environment step, where they were kept.
  case step(Int)

  /// As `--checkpoint` takes it.
  public init(_ text: String) throws {
    switch text {
    case "best": self = .best
    case "last": self = .last
    default:
      guard let step = Int(text), step >= 0 else {
        throw UsageError("--checkpoint \(text): must be best, last or an environment step")
      }
      self = .step(step)
    }
  }
}

extension WeightsChoice {
  /// As `--checkpoint` takes it, a step as `step7`.
  public var description: String {
    switch self {
    case .final: "final"
    case .best: "best"
    case .last: "last"
    case .step(let step): "step\(step)"
    }
  }
}

/// A trained network where it plays.
public struct TrainedActor {
  /// Its name.
  public let environment: String
  /// Its parameters stay as they are.
  public var network: QNetwork { trained.network }
  /// How its environment is made.
  public let entry: EnvironmentEntry
  /// Whose weights they are, and which, in words.
  public let label: String
  /// The environment step of the weights and the seed of their run, where that is known.
  public let step: Int?
  /// Of the run.
  public let trainingSeed: UInt64?
  private let trained: TrainedNetwork

  /// - Parameters:
  ///   - choice: which of the run's weights; a file has only its own.
  ///   - environment: overrides the one the run or the file names.
  ///   - isTrusted: whether the code that the file's environment may bring is imported (`gymnasium:MODULE:ID`).
  ///   - timeout: seconds that a reset or step of a `gymnasium:` environment may take; nil for the usual ones.
  public init(
    path: String, _ choice: WeightsChoice = .final, environment: String?, isTrusted: Bool = false, timeout: Double? = nil
  ) throws {
    let isFolder = try Self.isFolder(path, choice)
    let found = isFolder ? try Found(RunFolder(path: path), choice, isTrusted) : try Found(file: path)
    guard let name = environment ?? found.environment else {
      throw UsageError("\(path) does not say which environment it was trained in; give --env ENVIRONMENT")
    }
    entry = try EnvironmentCatalog.entry(
      name, from: environment == nil ? .file(found.path, isTrusted: isTrusted) : .commandLine, timeout: timeout)
    (self.environment, trained) = (name, found.trained)
    step = found.step
    label = choice == .final ? path : "\(path), \(choice == .best ? "best " : "")weights of step \(found.step ?? 0)"
    trainingSeed = isFolder ? (try? ExperimentConfig(path: RunFolder(path: path).config))?.seed : nil
    let world = try entry.make()
    let encoder = trained.encoder
    guard encoder.observationSize == world.observationSpace.count, network.sizes.actionCount == world.actionSpace.count
    else {
      throw FileError(
        found.path,
        "reads \(encoder.observationSize) features and has \(network.sizes.actionCount) actions; \(name) has "
          + "\(world.observationSpace.count) and \(world.actionSpace.count)")
    }
  }

  /// A run's weights as their file has them, or the file that `path` names itself; its metadata are in their ranges.
  ///
  /// - Parameters:
  ///   - path: a run folder or a weights file.
  ///   - choice: which of the run's weights; a file has only its own.
  ///   - isTrusted: whether the code that a run's environment may bring is imported, which a checkpoint needs.
  public static func weights(_ path: String, _ choice: WeightsChoice = .final, isTrusted: Bool = false) throws -> Safetensors {
    guard try isFolder(path, choice) else { return try Found.file(path) }
    let found = try Found(RunFolder(path: path), choice, isTrusted)
    guard let config = found.config else { return try Found.file(found.path) }
    // A checkpoint holds weights among much else. A file that is open stays readable when its name is gone.
    let file = NSTemporaryDirectory() + "/mamba-dqn-weights-\(UUID().uuidString)"
    defer { unlink(file) }
    try found.trained.network.write(config, found.trained.encoder, step: found.step ?? 0, to: file)
    return try Found.file(file)
  }

  private static func isFolder(_ path: String, _ choice: WeightsChoice) throws -> Bool {
    var isFolder: ObjCBool = false
    guard FileManager.default.fileExists(atPath: path, isDirectory: &isFolder) else {
      throw FileError(path, "does not exist")
    }
    guard isFolder.boolValue || choice == .final else {
      throw UsageError("--checkpoint chooses among the weights of a run; \(path) is a file")
    }
    return isFolder.boolValue
  }

  /// An actor of its own, with its own memory.
  public func makeActor() -> ActingState { trained.makeActor() }
}

/// A network as it was found, and where.
private struct Found {
  let path: String
  let trained: TrainedNetwork
  let environment: String?
  let step: Int?
  /// Of the run, where the network comes out of a checkpoint.
  let config: ExperimentConfig?

  static func file(_ path: String) throws -> Safetensors {
    let file = try Safetensors(path: path)
    try Settings.check(metadata: file.metadata, of: path)
    return file
  }

  static func finalWeights(of run: RunFolder) throws -> String {
    try check(run)
    guard exists(run.weights) else {
      guard run.result == nil else {
        throw FileError(run.path, "has no model.safetensors: it holds what came of the run, and the weights lie elsewhere")
      }
      throw FileError(
        run.path,
        "has no model.safetensors: the run has not finished"
          + (hasCheckpoint(run)
            ? "; take its newest weights with --checkpoint last, or go on with: \(programName) resume \(shellQuoted(run.path))"
            : ", and it has no checkpoint yet"))
    }
    return run.weights
  }

  /// - Throws: `FileError` where the folder is no run but, say, one of many.
  private static func check(_ run: RunFolder) throws {
    guard !exists(run.config), !exists(run.weights) else { return }
    let inside = ((try? FileManager.default.contentsOfDirectory(atPath: run.path)) ?? []).sorted()
      .filter { exists(RunFolder(path: "\(run.path)/\($0)").config) }
    let hint = inside.first.map { "; it holds \(inside.count), such as \(run.path)/\($0)" } ?? ""
    throw FileError(run.path, "is not a run folder: it has no config.json\(hint)")
  }

  init(file path: String) throws {
    let file = try Self.file(path)
    self.path = path
    trained = try TrainedNetwork(file)
    environment = file.metadata["environment"]
    step = file.metadata["step"].flatMap { Int($0) }
    config = nil
  }

  init(_ run: RunFolder, _ choice: WeightsChoice, _ isTrusted: Bool) throws {
    try Self.check(run)
    switch choice {
    case .final: try self.init(file: Self.finalWeights(of: run))
    case .best:
      guard Self.exists(run.best) else {
        throw FileError(
          run.path,
          "has no best.safetensors: no evaluation during training has ended"
            + (Self.hasCheckpoint(run) ? "; there is --checkpoint last" : ", and there is no checkpoint yet"))
      }
      try self.init(file: run.best)
    case .last:
      guard let newest = CheckpointStore.existing(in: run)?.newest() else {
        throw FileError(run.path, "has no checkpoint yet")
      }
      try self.init(run, newest.reader, newest.path, isTrusted)
    case .step(let step):
      if let store = CheckpointStore.existing(in: run), store.steps.contains(step) {
        try self.init(run, store.reader(step: step), "\(run.checkpoints) (step \(step))", isTrusted)
        return
      }
      let files = [run.weights, run.earlierWeights(step: step), run.best].filter(Self.exists)
      guard let file = try files.first(where: { try Safetensors(path: $0).metadata["step"] == "\(step)" }) else {
        let kept = CheckpointStore.existing(in: run)?.steps.sorted().map(String.init) ?? []
        let best = Self.exists(run.best) ? try Safetensors(path: run.best).metadata["step"].map { ["best (\($0))"] } ?? [] : []
        throw FileError(
          run.path,
          "has no weights of step \(step); there are \((kept + best).isEmpty ? "none" : (kept + best).joined(separator: ", "))")
      }
      try self.init(file: file)
    }
  }

  private init(_ run: RunFolder, _ reader: CheckpointReader, _ path: String, _ isTrusted: Bool) throws {
    let config = try Settings.read(run.config)
    self.config = config
    let world = try config.environmentEntry(from: .file(run.config, isTrusted: isTrusted)).make()
    self.path = path
    let encoder = try ObservationEncoder(
      config, observationSize: world.observationSpace.count, actionCount: world.actionSpace.count,
      areBytes: world.observationSpace.element == .uint8, from: reader)
    trained = TrainedNetwork(
      try QNetwork.evaluated(config, encoder, from: reader), encoder: encoder, isRecurrent: config.replay == .sequence)
    environment = config.environment
    step = try Trainer.step(of: reader)
  }

  private static func hasCheckpoint(_ run: RunFolder) -> Bool { CheckpointStore.existing(in: run)?.steps.isEmpty == false }
  private static func exists(_ path: String) -> Bool { FileManager.default.fileExists(atPath: path) }
}
