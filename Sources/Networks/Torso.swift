/// What every position's observation goes through before the encoder: two layers with ReLU (`input_mlp`, the published
/// network's), with a LayerNorm before each ReLU where asked for; or, with `hiddenSize` 0, one linear layer (`input`).
import Autograd
import Layers
import Randomness

public struct Torso: Layer {
  public let layers: [Linear]
  public let norms: [LayerNorm]

  public init(_ sizes: NetworkSizes, _ generator: inout SplitMix64) {
    guard sizes.hiddenSize > 0 else {
      layers = [Linear(sizes.observationSize, sizes.modelSize, &generator)]
      norms = []
      return
    }
    layers = [
      Linear(sizes.observationSize, sizes.hiddenSize, &generator), Linear(sizes.hiddenSize, sizes.modelSize, &generator),
    ]
    norms = sizes.layerNorm ? [LayerNorm(sizes.hiddenSize), LayerNorm(sizes.modelSize)] : []
  }

  var isLinear: Bool { layers.count == 1 }

  /// x [rows, observationSize] → features [rows, modelSize].
  public func callAsFunction(_ x: Tensor, on tape: Tape) -> Tensor {
    if isLinear { return layers[0](x, on: tape) }
    return layers.indices.reduce(x) { x, index in
      norms.isEmpty
        ? layers[index](x, activation: .relu, on: tape)
        : norms[index](layers[index](x, on: tape), activation: .relu, on: tape)
    }
  }

  /// Numbered as the parts of an `nn.Sequential`.
  public func forEachParameter(_ body: (String, Parameter) -> Void) {
    if isLinear { return forward("input", layers[0], body) }
    for index in layers.indices {
      forward("input_mlp.\(index * (norms.isEmpty ? 2 : 3))", layers[index], body)
      if !norms.isEmpty { forward("input_mlp.\(index * 3 + 1)", norms[index], body) }
    }
  }
}
