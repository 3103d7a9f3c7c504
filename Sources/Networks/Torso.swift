/// What every position's observation goes through before the encoder: two layers with ReLU, `input_mlp` in the published
/// network, with a LayerNorm before each ReLU where asked for.
import Autograd
import Layers
import Randomness

public struct Torso: Layer {
  public let layers: (Linear, Linear)
  public let norms: (LayerNorm, LayerNorm)?

  public init(_ sizes: NetworkSizes, _ generator: inout SplitMix64) {
    layers = (
      Linear(sizes.observationSize, sizes.hiddenSize, &generator), Linear(sizes.hiddenSize, sizes.modelSize, &generator)
    )
    norms = sizes.layerNorm ? (LayerNorm(sizes.hiddenSize), LayerNorm(sizes.modelSize)) : nil
  }

  /// x [rows, observationSize] → features [rows, modelSize].
  public func callAsFunction(_ x: Tensor, on tape: Tape) -> Tensor {
    guard let norms else { return layers.1(layers.0(x, activation: .relu, on: tape), activation: .relu, on: tape) }
    let hidden = norms.0(layers.0(x, on: tape), activation: .relu, on: tape)
    return norms.1(layers.1(hidden, on: tape), activation: .relu, on: tape)
  }

  /// Numbered as the parts of an `nn.Sequential`.
  public func forEachParameter(_ body: (String, Parameter) -> Void) {
    forward("0", layers.0, body)
    if let norms {
      forward("1", norms.0, body)
      forward("3", layers.1, body)
      forward("4", norms.1, body)
    } else {
      forward("2", layers.1, body)
    }
  }
}
