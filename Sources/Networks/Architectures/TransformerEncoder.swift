/// The Transformer baseline: learned positions and two causal layers; the last position's output is the latent.
import Autograd
import Kernels
import Layers
import Randomness
import Records

extension Architecture {
  static let transformer = Architecture(
    kind: .transformer, makeEncoder: { TransformerEncoder($0, &$1) },
    makeMixers: { sizes, generator in
      [
        Attention(sizes.modelSize, heads: sizes.attention.heads, context: sizes.attention.context, &generator),
        FeedForward(sizes.modelSize, hiddenSize: 2 * sizes.modelSize, &generator),
      ]
    },
    // The published one only knows windows.
    stateLayout: { sizes in
      let context = sizes.attention.context
      return context > 0 ? Attention.stateLayout(size: sizes.modelSize, context: context) : StateLayout()
    },
    prefix: "encoder.",
    recognise: { tensors, sizes in
      if tensors["in_proj_weight"] != nil {
        let heads = max(1, sizes.modelSize / sizes.headSize)
        guard sizes.modelSize % heads == 0, sizes.modelSize / heads % 2 == 0 else {
          throw FileError(
            tensors.file.path, "has a model size of \(sizes.modelSize), which heads of headSize=\(sizes.headSize) do not divide")
        }
        guard sizes.windowLength > 0 else {
          throw FileError(
            tensors.file.path,
            "is a stack of attention, and no metadata windowLength says over how many positions: a whole number from 1 is needed")
        }
        return true
      }
      guard tensors["layers.0.self_attn.in_proj_weight"] != nil else { return false }
      guard let positions = tensors.file.shape(of: "position"), positions.count == 3, positions[1] > 0 else {
        throw FileError(tensors.file.path, "has no tensor position of three dimensions")
      }
      guard sizes.modelSize % Transformer.heads == 0 else {
        throw FileError(
          tensors.file.path,
          "has a model size of \(sizes.modelSize); \(Transformer.heads) attention heads need a multiple of theirs")
      }
      sizes.windowLength = positions[1]
      return true
    })
}

/// The published Transformer-DQN's encoder.
public struct TransformerEncoder: SequenceEncoder {
  /// Attention heads: `modelSize` must be a multiple.
  public static let heads = Transformer.heads
  /// Its layers.
  public let transformer: Transformer
  public let name: String? = nil
  public let readsWholeWindow = true

  /// PyTorch's initial weights.
  public init(_ sizes: NetworkSizes, _ generator: inout SplitMix64) {
    transformer = Transformer(sizes.modelSize, time: sizes.windowLength, &generator)
  }

  public func callAsFunction(_ features: Tensor, time: Int, on tape: Tape) -> Tensor {
    precondition(time == transformer.time, "windows of \(time); positions were learned for \(transformer.time)")
    return transformer(features, on: tape)
  }
  /// Its positions are learned for one length of windows: as a stack (`norm=rms`) it reads sequences.
  public var sequence: (any SequenceLayer)? { nil }
  public func makeWindow(time: Int) -> (any SlidingWindow)? { TransformerWindow(transformer) }
  public func forEachParameter(_ body: (String, Parameter) -> Void) { transformer.forEachParameter(body) }
}
