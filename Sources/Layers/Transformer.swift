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
    let start = generator
    layers = (0..<Self.layerCount).map { _ in
      generator = start
      return TransformerLayer(size, heads: Self.heads, feedForwardSize: 2 * size, &generator)
    }
  }

  /// features [batch × time, size] → the last position's output [batch, size].
  public func callAsFunction(_ features: Tensor, on tape: Tape) -> Tensor {
    run(tape.addRow(features, positions.tensor(on: tape)), from: 0, on: tape)
  }

  /// The layers from `first` on: x [batch × time, size] → the last position's output [batch, size].
  func run(_ x: Tensor, from first: Int, on tape: Tape) -> Tensor {
    layers.indices[first...].reduce(x) { x, index in
      layers[index](x, time: time, lastOnly: index == layers.count - 1, on: tape)
    }
  }

  public func forEachParameter(_ body: (String, Parameter) -> Void) {
    body("position", positions)
    for (index, layer) in layers.enumerated() { forward("encoder.layers.\(index)", layer, body) }
  }
}
