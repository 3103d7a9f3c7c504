/// Mamba-2 as an encoder (Dao & Gu 2024).
import Layers
import Randomness
import Records

extension Architecture {
  static let mamba2 = Architecture(
    kind: EncoderKind(rawValue: "mamba2"),
    makeEncoder: { sizes, generator in LayerEncoder(mixer(sizes, &generator), name: "mamba2") },
    makeMixers: { sizes, generator in [mixer(sizes, &generator)] },
    stateLayout: {
      Mamba2.stateLayout(
        innerSize: $0.expansion * $0.modelSize, stateSize: $0.stateSize, headSize: $0.headSize,
        convolutionWidth: $0.convolutionWidth)
    }, prefix: "mamba2.",
    recognise: { tensors, sizes in
      guard tensors["A_log"]?.count == 1 else { return false }
      let heads = try tensors.shape("A_log", 1)[0], inner = try tensors.shape("norm.weight", 1)[0]
      let convolution = try tensors.shape("conv1d.weight", 3)
      guard inner % sizes.modelSize == 0, inner % heads == 0, convolution[0] > inner, (convolution[0] - inner) % 2 == 0 else {
        throw tensors.error(
          "norm.weight", "has \(inner) channels, which \(heads) heads of a model of \(sizes.modelSize) do not fit")
      }
      try tensors.require("conv1d.weight", [convolution[0], 1, convolution[2]])
      (sizes.expansion, sizes.headSize) = (inner / sizes.modelSize, inner / heads)
      (sizes.stateSize, sizes.convolutionWidth) = ((convolution[0] - inner) / 2, convolution[2])
      return true
    })

  private static func mixer(_ sizes: NetworkSizes, _ generator: inout SplitMix64) -> Mamba2 {
    Mamba2(
      modelSize: sizes.modelSize, stateSize: sizes.stateSize, headSize: sizes.headSize,
      convolutionWidth: sizes.convolutionWidth, expansion: sizes.expansion, &generator)
  }
}
