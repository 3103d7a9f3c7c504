/// Learned positions and PyTorch's `nn.TransformerEncoder` of two layers over a window, of which only the last position's
/// output is wanted: the last layer computes keys and values for all positions and the rest for the last one alone.
import Autograd
import Foundation
import Randomness

public struct Transformer: Layer {
  /// The published baseline's.
  public static let heads = 4, layerCount = 2

  public let size, time: Int
  /// [1, time, size].
  public let positions: Parameter
  public let layers: [TransformerLayer]

  /// Positions are drawn from N(0, 0.02²). `nn.TransformerEncoder` copies one layer, so all layers start equal.
  public init(_ size: Int, time: Int, _ generator: inout SplitMix64) {
    (self.size, self.time) = (size, time)
    positions = Parameter(shape: [1, time, size]) { _ in
      let (radius, angle) = ((-2 * log(1 - generator.uniform(0, 1))).squareRoot(), generator.uniform(0, 2 * .pi))
      return Float(0.02 * radius * cos(angle))
    }
    var same = generator
    layers = (0..<Self.layerCount).map { _ in
      same = generator
      return TransformerLayer(size, heads: Self.heads, feedForwardSize: 2 * size, &same)
    }
    generator = same
  }

  /// features [batch × time, size] → the last position's output [batch, size].
  public func callAsFunction(_ features: Tensor, on tape: Tape) -> Tensor {
    let first = tape.addRow(features, positions.tensor)
    return layers.enumerated().reduce(first) { x, layer in
      layer.element(x, time: time, lastOnly: layer.offset == layers.count - 1, on: tape)
    }
  }

  public func forEachParameter(_ body: (String, Parameter) -> Void) {
    body("position", positions)
    for (index, layer) in layers.enumerated() { forward("encoder.layers.\(index)", layer, body) }
  }
}
