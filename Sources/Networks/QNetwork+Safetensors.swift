/// A network from a weights file: ours, or a bare PyTorch state dict under the published names. Its kind and sizes are read
/// off the names and shapes, or the file is refused with a reason.
import Layers
import Randomness
import Records

extension QNetwork {
  /// Tensors that say what stands before the network (`ObservationEncoder` reads them), and are no parameters.
  public static let inputPrefix = "input_encoder."

  /// Windows are as long as the file's metadata `windowLength` or its learned positions say, and so is the context of a stack's
  /// attention; `windowLength` counts where neither says. A stack of attention of which nothing says it is refused.
  public convenience init(_ file: Safetensors, windowLength: Int? = nil) throws {
    let sizes = try NetworkSizes(file, windowLength: windowLength)
    var generator = SplitMix64(seed: 0)
    self.init(sizes, &generator)
    try block.read(file, as: "a \(sizes.encoder.rawValue) network") { $0.hasPrefix(Self.inputPrefix) }
  }
}

extension ParameterBlock {
  /// Every parameter from the file's tensor of its name. `kind` is what the file is taken for: it may have no other tensors than
  /// that has, but for those that `isIgnored`.
  func read(_ file: Safetensors, as kind: String, isIgnored: (String) -> Bool = { _ in false }) throws {
    for (name, parameter) in zip(names, parameters) {
      let tensor = try file.finiteTensor(name)
      guard tensor.shape == parameter.shape else {
        throw FileError(
          file.path, "\(name) has shape \(tensor.shape); with the file's other shapes it must be \(parameter.shape)")
      }
      for (i, value) in tensor.values.enumerated() { parameter.values[i] = value }
    }
    let expected = Set(names)
    if let extra = file.names.first(where: { !expected.contains($0) && !isIgnored($0) }) {
      throw FileError(file.path, "has the tensor \(extra), which \(kind) does not have")
    }
  }
}

extension NetworkSizes {
  /// Kind and sizes from names and shapes. `windowLength` where the file does not tell.
  public init(_ file: Safetensors, windowLength: Int?) throws {
    let told = try Self.windowLength(file) ?? windowLength
    let tensors = TensorShapes(file: file, prefix: "")
    let isStack = file.shape(of: "norm_f.weight") != nil
    let hasNorms = tensors["input_mlp.1.weight"] != nil
    let parts = try ObservationParts(file)
    guard parts != nil || tensors["input.weight"] != nil || tensors["input_mlp.0.weight"] != nil else {
      throw FileError(file.path, "has no tensor input_mlp.0.weight: not a Q-network under the published names")
    }
    let isLinear = tensors["input.weight"] != nil
    let list = try EntityList(file)
    let first = try parts?.layer ?? tensors.shape(isLinear ? "input.weight" : "input_mlp.0.weight", 2)
    let second = isLinear || list != nil || parts != nil ? first : try tensors.shape("input_mlp.\(hasNorms ? 3 : 2).weight", 2)
    let head = isStack ? "head" : "output_head"
    let hidden = parts == nil ? "\(head).0.weight" : "\(head).0.own.weight", hasHidden = tensors[hidden] != nil
    let output = try tensors.shape(hasHidden ? "\(head).2.weight" : "\(head).weight", 2)
    self.init(
      encoder: .dqn, observationSize: try parts?.observationSize ?? list?.observationSize(first[1]) ?? first[1],
      actionCount: parts?.count ?? output[0], windowLength: told ?? 0,
      hiddenSize: isLinear ? 0 : parts?.hiddenSize ?? list?.hiddenSize ?? first[0], modelSize: second[0],
      residual: file.metadata["residual"] == "true",
      layerNorm: hasNorms, dueling: parts == nil && tensors["value_head.weight"] != nil)
    partFeatures = parts?.features ?? 0
    if let list { (entities, entityFeatures) = (list.entities, list.features) }
    while file.names.contains(where: { $0.hasPrefix("\(QNetwork.memberPrefix)\(members).") }) { members += 1 }
    if let size = file.metadata["headSize"].flatMap({ Int($0) }), size > 0 { headSize = size }
    if hasHidden { headHidden = try tensors.shape(hidden, 2)[0] }
    if isStack {
      norm = .rms
      try readStack(file)
    } else {
      // The plain DQN has no tensors of its own: it is what is left.
      encoder =
        try Architecture.all.first {
          try $0.kind != .dqn && $0.recognise(TensorShapes(file: file, prefix: $0.prefix), &self)
        }?.kind ?? .dqn
    }
    // Whoever reads windows may choose.
    if self.windowLength == 0 { self.windowLength = 10 }
    // Shapes that do not fit each other would make a network far larger than the file; the tensors' own are compared later.
    let taps = Double(members * layers) * Double(modelSize) * Double(expansion) * Double(convolutionWidth)
    guard approximateParameters + taps < 8 * Double(file.elementCount) + 1e6 else {
      throw FileError(file.path, "has tensors whose shapes do not fit each other")
    }
    guard told == nil || told == self.windowLength else {
      throw FileError(file.path, "has learned positions for windows of \(self.windowLength), not of \(told ?? 0)")
    }
  }

  /// As the metadata say; nil where they do not.
  private static func windowLength(_ file: Safetensors) throws -> Int? {
    guard let text = file.metadata["windowLength"] else { return nil }
    guard let length = Int(text), (1...1024).contains(length) else {
      throw FileError(file.path, "has the metadata windowLength=\(text): a whole number from 1 to 1024 is needed")
    }
    return length
  }

  /// `layers.K.mixer.*`: how many, and of which kind.
  private mutating func readStack(_ file: Safetensors) throws {
    let mixers = TensorShapes(file: file, prefix: "layers.0.mixer.")
    guard let found = try Architecture.all.first(where: { try $0.recognise(mixers, &self) }) else {
      throw FileError(file.path, "has a stack whose layers.0.mixer is of no kind known here: \(Architecture.names)")
    }
    encoder = found.kind
    var generator = SplitMix64(seed: 0)
    let perLayer = found.makeMixers(self, &generator).count
    var count = 0
    while file.shape(of: "layers.\(count).norm.weight") != nil { count += 1 }
    guard count > 0, count % perLayer == 0 else {
      throw FileError(file.path, "has \(count) blocks; a \(encoder.rawValue) stack has a multiple of \(perLayer)")
    }
    layers = count / perLayer
  }
}

/// The shared network over a list of entities, where a file has one.
private struct EntityList {
  let path: String
  let entities, features, hiddenSize: Int

  init?(_ file: Safetensors) throws {
    let tensors = TensorShapes(file: file, prefix: "entity_mlp.")
    guard tensors["0.weight"] != nil else { return nil }
    let shape = try tensors.shape("0.weight", 2)
    guard let entities = file.metadata["entities"].flatMap({ Int($0) }), (2...1024).contains(entities), shape[1] % 2 == 0 else {
      throw FileError(
        file.path,
        "has an entity_mlp over pairs of \(shape[1]) numbers, and the metadata entities="
          + "\(file.metadata["entities"] ?? "nothing"): a whole number from 2 to 1024 is needed, and an even pair")
    }
    (path, self.entities, features, hiddenSize) = (file.path, entities, shape[1] / 2, shape[0])
  }

  /// Of an observation, where the layer behind reads `inputs` numbers.
  func observationSize(_ inputs: Int) throws -> Int {
    let rest = inputs - 2 * hiddenSize - features
    guard rest >= 0 else {
      throw FileError(path, "input_mlp.0.weight reads \(inputs) numbers, fewer than entity_mlp makes")
    }
    return entities * features + rest
  }
}

/// The shared network over an observation's parts, where a file has one.
private struct ObservationParts {
  let count, features, hiddenSize, observationSize: Int
  /// Of the layer that reads each: [modelSize, numbers of a part and beside it].
  let layer: [Int]

  init?(_ file: Safetensors) throws {
    let tensors = TensorShapes(file: file, prefix: "part_mlp.")
    guard tensors["own.weight"] != nil else { return nil }
    layer = try tensors.shape("own.weight", 2)
    hiddenSize = try tensors.shape("inner.weight", 2)[0]
    let inputs = InputDescription(file.metadata["inputs"] ?? "observation") ?? InputDescription()
    features = layer[1] - (inputs.action ? 1 : 0) - (inputs.reward ? 1 : 0)
    guard let count = file.metadata["parts"].flatMap({ Int($0) }), (2...4096).contains(count), features > 0 else {
      throw FileError(
        file.path,
        "has a part_mlp that reads \(layer[1]) numbers, and the metadata parts=\(file.metadata["parts"] ?? "nothing"): a whole "
          + "number from 2 to 4096 is needed, and more numbers than the last action and reward")
    }
    self.count = count
    observationSize = inputs.size(observation: count * features, actions: count)
  }
}
