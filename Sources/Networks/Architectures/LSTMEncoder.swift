/// The LSTM baseline: one layer over the window; its last hidden state is the latent.
import Autograd
import Kernels
import Layers
import Randomness

extension Architecture {
  static let lstm = Architecture(
    kind: .lstm, makeEncoder: { LSTMEncoder($0, &$1) },
    makeMixers: { sizes, generator in [LSTM(sizes.modelSize, sizes.modelSize, &generator)] },
    stateLayout: { LSTM.stateLayout(hiddenSize: $0.modelSize) }, prefix: "lstm.",
    recognise: { tensors, sizes in tensors["weight_ih_l0"]?.first == 4 * sizes.modelSize })
}

/// The published LSTM-DQN's encoder.
public struct LSTMEncoder: SequenceEncoder {
  /// Its one layer.
  public let lstm: LSTM
  public let name: String? = "lstm"
  public let readsWholeWindow = true

  /// PyTorch's initial weights.
  public init(_ sizes: NetworkSizes, _ generator: inout SplitMix64) {
    lstm = LSTM(sizes.modelSize, sizes.modelSize, &generator)
  }

  public func callAsFunction(_ features: Tensor, time: Int, on tape: Tape) -> Tensor {
    lstm(features, SequenceShape(batch: features.rows / time, time: time), from: nil, reading: .last, on: tape).output
  }
  public var sequence: (any SequenceLayer)? { lstm }
  public func makeWindow(time: Int) -> (any SlidingWindow)? { LSTMWindow(lstm, time: time) }
  public func forEachParameter(_ body: (String, Parameter) -> Void) { lstm.forEachParameter(body) }
}
