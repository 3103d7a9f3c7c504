/// An encoder turns a window of features into one latent. One file each; `makeEncoder` is the only place that lists them.
import Autograd
import Kernels
import Layers
import Randomness
import Records

public protocol SequenceEncoder: Layer {
  /// The name under which its parameters stand, nil for an encoder without any.
  var name: String? { get }
  /// False when only the last observation matters, so that the others need no features.
  var readsWholeWindow: Bool { get }
  /// features [batch × time, modelSize] → latent [batch, modelSize]. `time` is 1 unless `readsWholeWindow`.
  /// A `readout` of the latent may be used to prepare gradients early; ignoring it is always right.
  func callAsFunction(_ features: Tensor, time: Int, readout: LinearReadout?, on tape: Tape) -> Tensor
  /// For acting with fixed parameters. Nil: the whole window is evaluated.
  func makeWindow(time: Int) -> (any SlidingWindow)?
}

public func makeEncoder(_ sizes: NetworkSizes, _ generator: inout SplitMix64) -> any SequenceEncoder {
  switch sizes.encoder {
  case .mamba: MambaEncoder(sizes, &generator)
  case .dqn: LastObservationEncoder(sizes)
  case .lstm: LSTMEncoder(sizes, &generator)
  case .transformer: TransformerEncoder(sizes, &generator)
  }
}
