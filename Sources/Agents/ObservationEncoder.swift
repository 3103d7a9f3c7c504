/// What stands between an environment and a network: the observation scaled, and beside it, where asked for, its difference
/// from the one before, the last action (one-hot) and the last reward.
import Networks
import Records
import Replay

#if canImport(Glibc)
  import func Glibc.sqrt
#elseif canImport(Darwin)
  import func Darwin.sqrt
#endif

/// From what an environment shows to what a network reads: scaled, with differences, the last action and its reward.
public struct ObservationEncoder: Equatable, Sendable {
  /// Features of an observation, and actions of the environment.
  public let observationSize, actionCount: Int
  /// What stands beside the observation.
  public let inputs: InputDescription
  /// What rewards are multiplied by where the network reads them.
  public let rewardScale: Float
  /// [observationSize] each; nil: 1.
  public let scale, differenceScale: [Float]?
  /// How a replay may keep what this makes of an observation.
  public let storage: ObservationStorage

  /// What bytes, as images have them, are multiplied by unless a configuration says otherwise: 0 … 1.
  static let byteScale: Float = 1 / 255
  /// Differences beyond this many of their root mean squares are clipped.
  static let largestDifference: Float = 5

  /// `scale` and `differenceScale` are [observationSize]; nil leaves values as they are.
  public init(
    observationSize: Int, actionCount: Int, inputs: InputDescription, rewardScale: Float = 1, scale: [Float]? = nil,
    differenceScale: [Float]? = nil, storage: ObservationStorage = .floats
  ) {
    precondition(
      (scale?.count ?? observationSize) == observationSize && (differenceScale?.count ?? observationSize) == observationSize,
      "one factor for each of \(observationSize) features")
    (self.observationSize, self.actionCount, self.inputs) = (observationSize, actionCount, inputs)
    (self.rewardScale, self.scale, self.differenceScale) = (rewardScale, scale, differenceScale)
    self.storage = storage
  }

  /// Numbers that the network reads.
  public var inputSize: Int { inputs.size(observation: observationSize, actions: actionCount) }
  /// True where the network reads observations as they are.
  public var changesNothing: Bool { inputSize == observationSize && scale == nil }

  /// Writes the network's input [inputSize]. `previous` [observationSize] is the observation before, nil at an episode's
  /// beginning, where `action` and `reward` do not count.
  public func encode(
    _ observation: UnsafePointer<Float>, previous: UnsafePointer<Float>?, action: Int, reward: Float,
    into input: UnsafeMutablePointer<Float>
  ) {
    for i in 0..<observationSize { input[i] = observation[i] * (scale?[i] ?? 1) }
    var next = observationSize
    if inputs.differences {
      let limit = Self.largestDifference
      for i in 0..<observationSize {
        let difference = previous.map { (observation[i] - $0[i]) * (differenceScale?[i] ?? 1) } ?? 0
        input[next + i] = max(-limit, min(limit, difference))
      }
      next += observationSize
    }
    if inputs.action {
      for i in 0..<actionCount { input[next + i] = previous != nil && i == action ? 1 : 0 }
      next += actionCount
    }
    if inputs.reward { input[next] = previous == nil ? 0 : reward * rewardScale }
  }
}

/// Root mean squares of observations and of their differences.
public struct ObservationStatistics: Sendable {
  private var squares, differenceSquares: [Double]
  private var count = 0.0, differenceCount = 0.0
  private var previous: [Float]?

  /// For observations of so many features.
  public init(observationSize: Int) {
    squares = Array(repeating: 0, count: observationSize)
    differenceSquares = squares
  }

  /// Counts one observation [features]; `isFirst`: an episode begins with it, so that it has no difference.
  public mutating func add(_ observation: [Float], isFirst: Bool) {
    for i in squares.indices { squares[i] += Double(observation[i]) * Double(observation[i]) }
    count += 1
    if !isFirst, let previous {
      for i in squares.indices {
        let difference = Double(observation[i]) - Double(previous[i])
        differenceSquares[i] += difference * difference
      }
      differenceCount += 1
    }
    previous = observation
  }

  /// One over the root mean squares. A feature that hardly moves is not blown up: 100 is the largest factor, 200 for
  /// differences.
  public var scale: [Float] { squares.map { Self.inverse($0, count, largest: 100) } }
  /// One over the root mean square of each feature's differences, at most 200.
  public var differenceScale: [Float] { differenceSquares.map { Self.inverse($0, differenceCount, largest: 200) } }

  private static func inverse(_ sum: Double, _ count: Double, largest: Double) -> Float {
    let root = sqrt(sum / max(count, 1))
    return Float(root > 0 ? min(largest, 1 / root) : 1)
  }
}

extension ObservationEncoder {
  /// As a configuration says, with the statistics where it asks for any.
  ///
  /// - Parameter areBytes: whether observations are whole numbers from 0 to 255. Unless told otherwise they are scaled to 0 … 1,
  ///   and where nothing else stands beside them replay keeps the bytes.
  public init(
    _ config: ExperimentConfig, observationSize: Int, actionCount: Int, areBytes: Bool = false,
    statistics: ObservationStatistics? = nil
  ) throws {
    guard let inputs = InputDescription(config.inputs), let scale = ObservationScale(config.observationScale) else {
      throw LearningError(description: "inputs=\(config.inputs), observationScale=\(config.observationScale): not understood")
    }
    let factors: [Float]?
    switch scale {
    case .none: factors = areBytes ? Array(repeating: Self.byteScale, count: observationSize) : nil
    case .measured: factors = statistics?.scale ?? Array(repeating: 1, count: observationSize)
    case .factors(let given):
      guard observationSize % given.count == 0 else {
        throw LearningError(
          description: "observationScale=\(config.observationScale): \(given.count) factors do not repeat over "
            + "\(observationSize) features")
      }
      factors = (0..<observationSize).map { given[$0 % given.count] }
    }
    self.init(
      observationSize: observationSize, actionCount: actionCount, inputs: inputs, rewardScale: Float(config.rewardScale),
      scale: factors,
      differenceScale: inputs.differences ? statistics?.differenceScale ?? Array(repeating: 1, count: observationSize) : nil,
      storage: areBytes && scale == .none && inputs == InputDescription() ? .bytes(scale: Self.byteScale) : .floats)
  }

  /// The factors that a run measured when it began, from its checkpoint.
  public init(
    _ config: ExperimentConfig, observationSize: Int, actionCount: Int, areBytes: Bool = false,
    from source: some CheckpointSource
  ) throws {
    let plain = try ObservationEncoder(
      config, observationSize: observationSize, actionCount: actionCount, areBytes: areBytes)
    func factors(_ name: String, _ present: [Float]?) throws -> [Float]? {
      guard present != nil else { return nil }
      let section = "agent/\(QNetwork.inputPrefix)\(name)"
      let values = try source.values(section, observationSize, as: Float.self)
      guard values.allSatisfy(\.isFinite) else { throw CheckpointError("the checkpoint's \(section) is not finite") }
      return values
    }
    self.init(
      observationSize: observationSize, actionCount: actionCount, inputs: plain.inputs, rewardScale: plain.rewardScale,
      scale: try factors("scale", plain.scale),
      differenceScale: try factors("difference_scale", plain.differenceScale), storage: plain.storage)
  }

  /// Whether statistics of the first random steps are needed.
  public static func needsStatistics(_ config: ExperimentConfig) -> Bool {
    config.observationScale == "measured" || InputDescription(config.inputs)?.differences ?? false
  }

  // MARK: - Weights files

  /// For the weights file: the factors as tensors, the rest as metadata.
  public var tensors: [(name: String, tensor: Safetensors.Tensor)] {
    [("scale", scale), ("difference_scale", differenceScale)].compactMap { name, values in
      values.map { (QNetwork.inputPrefix + name, Safetensors.Tensor(shape: [$0.count], values: $0)) }
    }
  }
  /// What a weights file must say so that the encoder can be made again.
  public func metadata(_ config: ExperimentConfig) -> [String: String] {
    changesNothing ? [:] : ["inputs": config.inputs, "rewardScale": "\(config.rewardScale)"]
  }

  /// What a weights file says stands before a network of these sizes.
  public init(_ file: Safetensors, inputSize: Int, actionCount: Int) throws {
    let text = file.metadata["inputs"] ?? "observation"
    guard let inputs = InputDescription(text) else {
      throw FileError(file.path, "has the inputs \(text), which are not understood")
    }
    let rest = inputs.size(observation: 0, actions: actionCount), parts = inputs.differences ? 2 : 1
    guard inputSize > rest, (inputSize - rest) % parts == 0 else {
      throw FileError(file.path, "reads \(inputSize) numbers, which inputs=\(text) with \(actionCount) actions do not make")
    }
    let size = (inputSize - rest) / parts
    func factors(_ name: String) throws -> [Float]? {
      let name = QNetwork.inputPrefix + name
      guard let shape = file.shape(of: name) else { return nil }
      guard shape == [size] else { throw FileError(file.path, "\(name) has shape \(shape), not [\(size)]") }
      return try file.finiteTensor(name).values
    }
    self.init(
      observationSize: size, actionCount: actionCount, inputs: inputs,
      rewardScale: file.metadata["rewardScale"].flatMap { Float($0) } ?? 1, scale: try factors("scale"),
      differenceScale: try factors("difference_scale"))
  }
}
