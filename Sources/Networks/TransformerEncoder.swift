/// The Transformer baseline: learned positions and two causal layers; the last position's output is the latent.
import Autograd
import Kernels
import Layers
import Randomness

public struct TransformerEncoder: SequenceEncoder {
  /// Attention heads: `modelSize` must be a multiple.
  public static let heads = Transformer.heads
  public let transformer: Transformer
  public let name: String? = nil
  public let readsWholeWindow = true

  public init(_ sizes: NetworkSizes, _ generator: inout SplitMix64) {
    transformer = Transformer(sizes.modelSize, time: sizes.windowLength, &generator)
  }

  public func callAsFunction(_ features: Tensor, time: Int, readout: LinearReadout?, on tape: Tape) -> Tensor {
    precondition(time == transformer.time, "windows of \(time); positions were learned for \(transformer.time)")
    return transformer(features, on: tape)
  }
  public func makeWindow(time: Int) -> (any SlidingWindow)? { TransformerWindow(transformer) }
  public func forEachParameter(_ body: (String, Parameter) -> Void) { transformer.forEachParameter(body) }
}
