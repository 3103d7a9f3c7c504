/// A network from a weights file: ours, or a bare PyTorch state dict under the published names. Its kind and sizes are read
/// off the names and shapes, or the file is refused with a reason.
import Layers
import Randomness
import Records

extension QNetwork {
  /// `windowLength` where neither the file's metadata nor its shapes tell: any window the caller likes.
  public convenience init(_ file: Safetensors, windowLength: Int? = nil) throws {
    let sizes = try NetworkSizes(file, windowLength: windowLength)
    var generator = SplitMix64(seed: 0)
    self.init(sizes, &generator)
    var expected: Set<String> = []
    for (name, parameter) in zip(block.names, block.parameters) {
      expected.insert(name)
      let tensor = try file.tensor(name)
      guard tensor.shape == parameter.shape else {
        throw FileError(
          file.path, "\(name) has shape \(tensor.shape); with the file's other shapes it must be \(parameter.shape)")
      }
      if let bad = tensor.values.first(where: { !$0.isFinite }) {
        throw FileError(file.path, "\(name) contains \(bad)")
      }
      for (i, value) in tensor.values.enumerated() { parameter.values[i] = value }
    }
    if let extra = file.names.first(where: { !expected.contains($0) }) {
      throw FileError(file.path, "has the tensor \(extra), which a \(sizes.encoder.rawValue) network does not have")
    }
  }
}

extension NetworkSizes {
  /// Kind and sizes from names and shapes.
  public init(_ file: Safetensors, windowLength: Int?) throws {
    func shape(_ name: String, _ rank: Int) throws -> [Int] {
      guard let shape = file.shape(of: name) else {
        throw FileError(file.path, "has no tensor \(name): not a Q-network under the published names")
      }
      guard shape.count == rank, shape.allSatisfy({ $0 > 0 }) else {
        throw FileError(file.path, "\(name) has shape \(shape); \(rank) dimensions, none of them 0, are needed")
      }
      return shape
    }
    let hasNorms = file.shape(of: "input_mlp.1.weight") != nil
    let first = try shape("input_mlp.0.weight", 2), second = try shape("input_mlp.\(hasNorms ? 3 : 2).weight", 2)
    let head = try shape("output_head.weight", 2)
    let encoder: EncoderKind =
      file.names.contains { $0.hasPrefix("mamba.") }
      ? .mamba
      : file.names.contains { $0.hasPrefix("lstm.") }
        ? .lstm : file.names.contains { $0.hasPrefix("encoder.") } ? .transformer : .dqn
    self.init(
      encoder: encoder, observationSize: first[1], actionCount: head[0], windowLength: windowLength ?? 10,
      hiddenSize: first[0], modelSize: second[0], residual: file.metadata["residual"] == "true", layerNorm: hasNorms,
      dueling: file.shape(of: "value_head.weight") != nil)
    if encoder == .mamba {
      let a = try shape("mamba.A_log", 2), convolution = try shape("mamba.conv1d.weight", 3)
      guard a[0] % modelSize == 0 else {
        throw FileError(file.path, "mamba.A_log has \(a[0]) channels, no multiple of the model size \(modelSize)")
      }
      (stateSize, convolutionWidth, expansion) = (a[1], convolution[2], a[0] / modelSize)
    }
    if encoder == .transformer {
      let positions = try shape("position", 3)[1]
      guard windowLength == nil || windowLength == positions else {
        throw FileError(file.path, "has learned positions for windows of \(positions), not of \(self.windowLength)")
      }
      guard modelSize % Transformer.heads == 0 else {
        throw FileError(
          file.path, "has a model size of \(modelSize); \(Transformer.heads) attention heads need a multiple of theirs")
      }
      self.windowLength = positions
    }
  }
}
