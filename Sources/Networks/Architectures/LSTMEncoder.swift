/// The LSTM baseline: one layer over the window; its last hidden state is the latent.
import Layers
import Records

extension Architecture {
  static let lstm = Architecture(
    kind: .lstm,
    makeEncoder: { sizes, generator in
      let lstm = LSTM(sizes.modelSize, sizes.modelSize, &generator)
      return LayerEncoder(lstm, name: "lstm") { LSTMWindow(lstm, time: $0) }
    },
    makeMixers: { sizes, generator in [LSTM(sizes.modelSize, sizes.modelSize, &generator)] },
    stateLayout: { LSTM.stateLayout(hiddenSize: $0.modelSize) }, prefix: "lstm.",
    recognise: { tensors, sizes in tensors["weight_ih_l0"]?.first == 4 * sizes.modelSize })
}
