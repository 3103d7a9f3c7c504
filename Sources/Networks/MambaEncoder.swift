/// One Mamba block over the window; its last output is the latent.
import Autograd
import Kernels
import Layers
import Randomness

public struct MambaEncoder: SequenceEncoder {
  public let block: Mamba1
  public let name: String? = "mamba"
  public let readsWholeWindow = true

  public init(_ sizes: NetworkSizes, _ generator: inout SplitMix64) {
    block = Mamba1(
      modelSize: sizes.modelSize, stateSize: sizes.stateSize, convolutionWidth: sizes.convolutionWidth,
      expansion: sizes.expansion, &generator)
  }

  public func callAsFunction(_ features: Tensor, time: Int, readout: LinearReadout?, on tape: Tape) -> Tensor {
    block(features, time: time, readout: readout, on: tape)
  }
  public func makeWindow(time: Int) -> (any SlidingWindow)? { Mamba1Window(block, time: time) }
  public func forEachParameter(_ body: (String, Parameter) -> Void) { block.forEachParameter(body) }
}
