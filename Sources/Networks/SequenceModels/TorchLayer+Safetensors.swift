/// PyTorch's `nn.LSTM` (of any number of layers) and `nn.GRU` (of one) from the names and shapes of their state dicts.
import Layers
import Randomness
import Records

enum TorchLayer {
  private static let first = "weight_ih_l0"

  /// Whether the tensors under a prefix are such a layer's.
  static func isRecognised(_ tensors: TensorShapes) -> Bool { tensors[first] != nil }

  /// A layer of the sizes that its tensors have; its parameters are still to be read.
  static func make(_ tensors: TensorShapes) throws -> any SequenceLayer {
    let input = try tensors.shape(first, 2), size = try tensors.shape("weight_hh_l0", 2)[1]
    try tensors.require("weight_hh_l0", [input[0], size])
    var generator = SplitMix64(seed: 0), layers = 1
    while tensors["weight_ih_l\(layers)"] != nil { layers += 1 }
    switch input[0] {
    case 4 * size:
      for layer in 1..<layers { try tensors.require("weight_ih_l\(layer)", [4 * size, size]) }
      return LSTM(input[1], size, layers: layers, &generator)
    case 3 * size:
      guard layers == 1 else { throw tensors.error(first, "is one of \(layers) GRU layers; one is read here") }
      return GRU(input[1], size, &generator)
    default:
      throw tensors.error(first, "has \(input[0]) rows; an LSTM of \(size) has \(4 * size), a GRU \(3 * size)")
    }
  }
}
