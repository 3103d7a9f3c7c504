/// A GRU as an encoder (Cho et al. 2014): it took the layer (Layers/GRU.swift), this file and a line of `Architecture.all`.
import Layers
import Records

extension Architecture {
  static let gru = Architecture(
    kind: EncoderKind(rawValue: "gru"),
    makeEncoder: { sizes, generator in LayerEncoder(GRU(sizes.modelSize, sizes.modelSize, &generator), name: "gru") },
    makeMixers: { sizes, generator in [GRU(sizes.modelSize, sizes.modelSize, &generator)] },
    stateLayout: { GRU.stateLayout(hiddenSize: $0.modelSize) }, prefix: "gru.",
    recognise: { tensors, sizes in tensors["weight_ih_l0"]?.first == 3 * sizes.modelSize })
}
