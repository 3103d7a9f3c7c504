/// Which model a weights file holds, by its tensors' names.
import Layers
import Records

/// Whatever a weights file may hold.
public enum ModelFile {
  /// A Q-network, a language model, a residual stack, a bare Mamba block or one of PyTorch's recurrent layers, with the parameters that the file has. Prefixes that
  /// PyTorch's wrappers leave (`module.`, `_orig_mod.`) count for nothing.
  ///
  /// Throws `FileError` where the file is none of them, or lacks a tensor, or has one too many.
  public static func read(_ file: Safetensors) throws -> any SequenceModel {
    let file = try unwrapped(file), names = file.names
    if LanguageModel.isRecognised(file) { return try LanguageModel(file) }
    if isQNetwork(file) {
      let network = try QNetwork(file)
      guard network.readsSequences else {
        throw FileError(file.path, "holds a \(network.sizes.encoder.rawValue) that reads windows only, not sequences")
      }
      return network
    }
    let settings = try ModelSettings(file)
    if names.contains(where: { $0.hasPrefix("layers.0.") }) {
      let stack = try ResidualStack.make(file, prefix: "", settings)
      let model = names.contains("norm_f.weight") ? LayerModel(StackEncoder(stack, width: stack.outputSize)) : LayerModel(stack)
      try model.block.read(file, as: "a residual stack of these blocks")
      return model
    }
    let tensors = TensorShapes(file: file, prefix: "")
    if TorchLayer.isRecognised(tensors) {
      let model = LayerModel(try TorchLayer.make(tensors))
      try model.block.read(file, as: "a layer of PyTorch's of this kind")
      return model
    }
    guard MambaBlock.isRecognised(tensors) else {
      throw FileError(
        file.path,
        "holds no model known here: a Q-network has input.weight, input_mlp.0.weight or part_mlp.own.weight, "
          + "a language model backbone.embedding.weight, a residual stack layers.0.mixer.…, a Mamba block A_log or B_bias, "
          + "PyTorch's nn.LSTM and nn.GRU weight_ih_l0")
    }
    let layer = try MambaBlock.make(tensors, settings)
    let model = LayerModel(layer)
    try model.block.read(file, as: "a block of this kind")
    return model
  }

  /// Whether an unwrapped file's names are a Q-network's.
  public static func isQNetwork(_ file: Safetensors) -> Bool {
    file.names.contains { name in ["input.", "input_mlp.", "part_mlp."].contains { name.hasPrefix($0) } }
  }

  /// The file without the prefixes that PyTorch's wrappers leave.
  public static func unwrapped(_ file: Safetensors) throws -> Safetensors { try file.renamed(withoutWrappers) }

  private static func withoutWrappers(_ name: String) -> String {
    let parts = name.split(separator: ".", omittingEmptySubsequences: false).filter { $0 != "_orig_mod" }
    return parts.drop { $0 == "module" }.joined(separator: ".")
  }
}

/// x + mixer(norm(x)), block after block, each of the kind and sizes that its tensors have.
enum ResidualStack {
  /// `prefix`: what stands before `layers.K.norm` and `layers.K.mixer`.
  static func make(_ file: Safetensors, prefix: String, _ settings: ModelSettings) throws -> SequenceStack {
    var blocks: [any SequenceLayer] = []
    while file.names.contains(where: { $0.hasPrefix("\(prefix)layers.\(blocks.count).") }) {
      let tensors = TensorShapes(file: file, prefix: "\(prefix)layers.\(blocks.count).mixer.")
      guard MambaBlock.isRecognised(tensors) else {
        throw FileError(file.path, "\(tensors.prefix)* is no Mamba block: it has neither A_log nor B_bias")
      }
      let mixer = try MambaBlock.make(tensors, settings)
      if let before = blocks.last, before.outputSize != mixer.inputSize {
        throw tensors.error("in_proj.weight", "reads \(mixer.inputSize) features; the block before it makes \(before.outputSize)")
      }
      blocks.append(ResidualBlock(mixer))
    }
    guard !blocks.isEmpty else { throw FileError(file.path, "has no tensors \(prefix)layers.0.mixer.*") }
    try settings.check(layers: blocks.count, file)
    return SequenceStack(blocks)
  }
}
