/// Mamba-3 (SISO) as an encoder.
import Layers
import Randomness
import Records

extension Architecture {
  static let mamba3 = Architecture(
    kind: EncoderKind(rawValue: "mamba3"),
    makeEncoder: { sizes, generator in LayerEncoder(mixer(sizes, &generator), name: "mamba3") },
    makeMixers: { sizes, generator in [mixer(sizes, &generator)] },
    stateLayout: {
      Mamba3.stateLayout(
        innerSize: $0.expansion * $0.modelSize, stateSize: $0.stateSize, headSize: $0.headSize, ropeFraction: ropeFraction($0))
    }, prefix: "mamba3.",
    recognise: { tensors, sizes in
      guard tensors["B_bias"] != nil else { return false }
      let bias = try tensors.shape("B_bias", 3), inner = try tensors.shape("out_proj.weight", 2)[1]
      guard inner % sizes.modelSize == 0, inner % bias[0] == 0, bias[1] == 1 else {
        throw tensors.error("B_bias", "has shape \(bias), which \(inner) channels of a model of \(sizes.modelSize) do not fit")
      }
      (sizes.expansion, sizes.headSize, sizes.stateSize) = (inner / sizes.modelSize, inner / bias[0], bias[2])
      sizes.slowDecay = tensors["in_proj.bias"] != nil
      return true
    })

  private static func ropeFraction(_ sizes: NetworkSizes) -> Double { sizes.slowDecay ? 1 : 0.5 }

  private static func mixer(_ sizes: NetworkSizes, _ generator: inout SplitMix64) -> Mamba3 {
    Mamba3(
      modelSize: sizes.modelSize, stateSize: sizes.stateSize, expansion: sizes.expansion, headSize: sizes.headSize,
      ropeFraction: ropeFraction(sizes), start: sizes.slowDecay ? .slow(decaySteps: sizes.decaySteps) : .reference, &generator)
  }
}
