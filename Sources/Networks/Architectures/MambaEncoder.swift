/// One Mamba block over the window; its last output is the latent.
import Autograd
import Kernels
import Layers
import Randomness

extension Architecture {
  static let mamba = Architecture(
    kind: .mamba, makeEncoder: { MambaEncoder($0, &$1) },
    makeMixers: { sizes, generator in
      [
        Mamba1(
          modelSize: sizes.modelSize, stateSize: sizes.stateSize, convolutionWidth: sizes.convolutionWidth,
          expansion: sizes.expansion, &generator)
      ]
    },
    stateLayout: {
      Mamba1.stateLayout(
        innerSize: $0.expansion * $0.modelSize, stateSize: $0.stateSize, convolutionWidth: $0.convolutionWidth)
    },
    prefix: "mamba.",
    recognise: { tensors, sizes in
      guard tensors["A_log"]?.count == 2 else { return false }
      let a = try tensors.shape("A_log", 2), convolution = try tensors.shape("conv1d.weight", 3)
      guard a[0] % sizes.modelSize == 0 else {
        throw tensors.error("A_log", "has \(a[0]) channels, no multiple of the model size \(sizes.modelSize)")
      }
      try tensors.require("conv1d.weight", [a[0], 1, convolution[2]])
      (sizes.stateSize, sizes.convolutionWidth, sizes.expansion) = (a[1], convolution[2], a[0] / sizes.modelSize)
      return true
    })
}

/// The published Mamba-DQN's encoder.
public struct MambaEncoder: ReadoutEncoder {
  /// Its one block.
  public let block: Mamba1
  public let name: String? = "mamba"
  public let readsWholeWindow = true

  /// mamba-ssm's initial weights.
  public init(_ sizes: NetworkSizes, _ generator: inout SplitMix64) {
    block = Mamba1(
      modelSize: sizes.modelSize, stateSize: sizes.stateSize, convolutionWidth: sizes.convolutionWidth,
      expansion: sizes.expansion, &generator)
  }

  public func callAsFunction(_ features: Tensor, time: Int, on tape: Tape) -> Tensor { block(features, time: time, on: tape) }
  public func callAsFunction(_ features: Tensor, time: Int, readout: LinearReadout, on tape: Tape) -> Tensor {
    block(features, time: time, readout: readout, on: tape)
  }
  public var sequence: (any SequenceLayer)? { block }
  public func makeWindow(time: Int) -> (any SlidingWindow)? { Mamba1Window(block, time: time) }
  public func forEachParameter(_ body: (String, Parameter) -> Void) { block.forEachParameter(body) }
}
