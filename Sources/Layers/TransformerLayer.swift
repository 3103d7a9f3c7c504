/// PyTorch's `nn.TransformerEncoderLayer` (norm after, ReLU, no dropout) under a causal mask.
///
///     h = norm1(x + attention(x))     y = norm2(h + linear2(relu(linear1(h))))
import Autograd
import Randomness

public struct TransformerLayer: Layer {
  public let attention: SelfAttention
  public let feedForward: (Linear, Linear)
  public let norms: (LayerNorm, LayerNorm)

  public init(_ size: Int, heads: Int, feedForwardSize: Int, _ generator: inout SplitMix64) {
    attention = SelfAttention(size, heads: heads, &generator)
    feedForward = (Linear(size, feedForwardSize, &generator), Linear(feedForwardSize, size, &generator))
    norms = (LayerNorm(size), LayerNorm(size))
  }

  /// x [batch × time, size] → the same shape; or, `lastOnly`, the last position's output [batch, size], for which only keys
  /// and values are needed elsewhere.
  public func callAsFunction(_ x: Tensor, time: Int, lastOnly: Bool = false, on tape: Tape) -> Tensor {
    let read = lastOnly ? x.lastPosition(time: time) : x
    let keysAndValues = attention.keysAndValues(x, on: tape)
    return finish(read, queries: attention.queries(read, on: tape), keysAndValues: keysAndValues, time: time, on: tape)
  }

  /// From the projections on: x and queries [batch × n, size] of each window's last n positions.
  func finish(_ x: Tensor, queries: Tensor, keysAndValues: Tensor, time: Int, on tape: Tape) -> Tensor {
    let h = norms.0(x, adding: attention.attend(queries, to: keysAndValues, time: time, on: tape), on: tape)
    let hidden = feedForward.0(h, activation: .relu, on: tape)
    return norms.1(h, adding: feedForward.1(hidden, on: tape), on: tape)
  }

  public func forEachParameter(_ body: (String, Parameter) -> Void) {
    forward("self_attn", attention, body)
    forward("linear1", feedForward.0, body)
    forward("linear2", feedForward.1, body)
    forward("norm1", norms.0, body)
    forward("norm2", norms.1, body)
  }
}
