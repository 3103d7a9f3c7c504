/// What an agent acts with, as a weights file and out of a checkpoint.
import Networks
import Randomness
import Records

extension DQNAgent {
  /// All parameters that evaluations act with, one after the other.
  public var weights: [Float] {
    var values: [Float] = []
    forEachParameter { values += $2 }
    return values
  }

  /// Writes weights under their published names, and what is needed to act with them.
  ///
  /// - Parameters:
  ///   - values: earlier `weights` of this agent; nil for the present ones.
  ///   - step: the environment step that they belong to.
  ///   - more: what else the file says of itself.
  public func writeWeights(_ values: [Float]? = nil, step: Int, metadata more: [String: String] = [:], to path: String) throws {
    try learner.evaluated.write(values: values ?? weights, config, encoder, step: step, metadata: more, to: path)
  }
}

extension QNetwork {
  /// Writes a run's weights file: `values` under their published names, and what is needed to act with them.
  ///
  /// - Parameters:
  ///   - values: all parameters, one after the other; nil for the network's own.
  ///   - config: of the run.
  ///   - encoder: what stands before the network.
  ///   - step: the environment step that they belong to.
  ///   - more: what else the file says of itself.
  public func write(
    values: [Float]? = nil, _ config: ExperimentConfig, _ encoder: ObservationEncoder, step: Int,
    metadata more: [String: String] = [:], to path: String
  ) throws {
    let values = values ?? block.parameters.flatMap { $0.values }
    var tensors: [(name: String, tensor: Safetensors.Tensor)] = [], offset = 0
    for (name, parameter) in zip(block.names, block.parameters) {
      tensors.append((name, .init(shape: parameter.shape, values: Array(values[offset..<offset + parameter.count]))))
      offset += parameter.count
    }
    precondition(offset == values.count, "weights of \(values.count) floats; this network has \(offset)")
    var metadata = [
      "environment": config.environment, "encoder": config.encoder.rawValue, "windowLength": "\(config.windowLength)",
      "step": "\(step)",
    ]
    // What the tensors' names and shapes do not tell.
    if config.residual { metadata["residual"] = "true" }
    if config.entities > 0 { metadata["entities"] = "\(config.entities)" }
    if config.perAction { metadata["parts"] = "\(encoder.actionCount)" }
    if config.norm != .none { metadata["headSize"] = "\(config.headSize)" }
    if config.replay != .window { metadata["replay"] = config.replay.rawValue }
    metadata.merge(encoder.metadata(config)) { _, new in new }
    metadata.merge(more) { _, new in new }
    try Safetensors.write(tensors + encoder.tensors, metadata: metadata, to: path)
  }

  /// The network that a run's evaluations act with, out of a checkpoint of it.
  public static func evaluated(
    _ config: ExperimentConfig, _ encoder: ObservationEncoder, from source: some CheckpointSource
  ) throws -> QNetwork {
    var generator = SplitMix64(seed: 0)
    let network = QNetwork(
      NetworkSizes(config, observationSize: encoder.inputSize, actionCount: encoder.actionCount), &generator)
    try network.block.values.restore(Learner.section(ofEvaluated: config), from: source)
    return network
  }
}
