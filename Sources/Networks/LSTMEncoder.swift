/// The LSTM baseline: one layer over the window; its last hidden state is the latent.
import Autograd
import Kernels
import Layers
import Randomness

public struct LSTMEncoder: SequenceEncoder {
  public let lstm: LSTM
  public let name: String? = "lstm"
  public let readsWholeWindow = true

  public init(_ sizes: NetworkSizes, _ generator: inout SplitMix64) {
    lstm = LSTM(sizes.modelSize, sizes.modelSize, &generator)
  }

  public func callAsFunction(_ features: Tensor, time: Int, readout: LinearReadout?, on tape: Tape) -> Tensor {
    lstm(features, SequenceShape(batch: features.rows / time, time: time), from: nil, reading: .last, on: tape).output
  }
  public func makeWindow(time: Int) -> (any SlidingWindow)? { LSTMWindow(lstm, time: time) }
  public func forEachParameter(_ body: (String, Parameter) -> Void) { lstm.forEachParameter(body) }
}
