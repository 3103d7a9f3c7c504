/// What every position's observation goes through before the encoder: two layers with ReLU (`input_mlp`, the published
/// network's), with a LayerNorm before each ReLU where asked for; with `hiddenSize` 0, one linear layer (`input`); or, where
/// the observation lists entities, a shared MLP over them (`entity_mlp`) and one layer; or, where it has a part an action, one
/// layer over all parts (`part_mlp`).
import Autograd
import Layers
import Randomness

/// Input layers: an MLP, or a reader of entities or of parts.
public struct Torso: Layer {
  let entities: EntityEncoder?
  let parts: PartReader?
  /// One or two.
  public let layers: [Linear]
  /// One a layer, or none.
  public let norms: [LayerNorm]
  let isLinear: Bool

  /// PyTorch's initial weights.
  public init(_ sizes: NetworkSizes, _ generator: inout SplitMix64) {
    isLinear = sizes.hiddenSize == 0
    entities =
      sizes.entities > 0
      ? EntityEncoder(
        entities: sizes.entities, features: sizes.entityFeatures, size: sizes.observationSize, hiddenSize: sizes.hiddenSize,
        &generator) : nil
    parts = sizes.parts > 1 ? PartReader(sizes, &generator) : nil
    guard parts == nil else {
      (layers, norms) = ([], [])
      return
    }
    let inputs = entities?.outputSize ?? sizes.observationSize
    // The widths of what comes out of each layer.
    let widths = isLinear || entities != nil ? [sizes.modelSize] : [sizes.hiddenSize, sizes.modelSize]
    layers = zip([inputs] + widths, widths).map { Linear($0, $1, &generator) }
    norms = sizes.layerNorm && !isLinear ? widths.map { LayerNorm($0) } : []
  }

  /// x [rows, observationSize] → features [rows, modelSize], or [rows × parts, modelSize].
  public func callAsFunction(_ x: Tensor, on tape: Tape) -> Tensor {
    if let parts { return parts(x, on: tape) }
    if isLinear { return layers[0](x, on: tape) }
    return layers.indices.reduce(entities.map { $0(x, on: tape) } ?? x) { x, index in
      norms.isEmpty
        ? layers[index](x, activation: .relu, on: tape)
        : norms[index](layers[index](x, on: tape), activation: .relu, on: tape)
    }
  }

  /// Floating-point operations a row; a network over entities is not counted.
  var work: Int { parts?.layer.work ?? layers.reduce(0) { $0 + $1.work } }

  /// Numbered as the parts of an `nn.Sequential`.
  public func forEachParameter(_ body: (String, Parameter) -> Void) {
    if let parts { return forward("part_mlp", parts, body) }
    if isLinear { return forward("input", layers[0], body) }
    if let entities { forward("entity_mlp", entities, body) }
    for index in layers.indices {
      forward("input_mlp.\(index * (norms.isEmpty ? 2 : 3))", layers[index], body)
      if !norms.isEmpty { forward("input_mlp.\(index * 3 + 1)", norms[index], body) }
    }
  }
}
