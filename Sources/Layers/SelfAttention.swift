/// PyTorch's `nn.MultiheadAttention` of a window with itself under a causal mask.
import Autograd
import Randomness

public struct SelfAttention: Layer {
  public let size, heads: Int
  /// [3 size, size] and [3 size]: queries, keys, values.
  public let inWeight, inBias: Parameter
  public let outProjection: Linear

  /// Initialised as PyTorch does: the projections in together Xavier-uniform, their bias and out_proj's 0.
  public init(_ size: Int, heads: Int, _ generator: inout SplitMix64) {
    precondition(size % heads == 0, "\(heads) heads do not divide \(size)")
    (self.size, self.heads) = (size, heads)
    let bound = (6 / Double(4 * size)).squareRoot()
    inWeight = Parameter(shape: [3 * size, size]) { _ in Float(generator.uniform(-bound, bound)) }
    inBias = Parameter(shape: [3 * size])
    outProjection = Linear(size, size, &generator)
    for i in 0..<size { outProjection.bias?.values[i] = 0 }
  }

  /// x [rows, size] → its queries [rows, size].
  func queries(_ x: Tensor, on tape: Tape) -> Tensor { project(x, 0..<size, on: tape) }
  /// x [rows, size] → its keys beside its values [rows, 2 size].
  func keysAndValues(_ x: Tensor, on tape: Tape) -> Tensor { project(x, size..<3 * size, on: tape) }

  private func project(_ x: Tensor, _ range: Range<Int>, on tape: Tape) -> Tensor {
    tape.linear(x, weight: inWeight.tensor(on: tape).rows(range), bias: inBias.tensor(on: tape).columns(range))
  }

  /// Queries of the last positions [batch × queries, size], keys and values of all [batch × time, 2 size] → the output at
  /// the queries' positions.
  func attend(_ queries: Tensor, to keysAndValues: Tensor, time: Int, on tape: Tape) -> Tensor {
    outProjection(tape.causalAttention(query: queries, keyValue: keysAndValues, heads: heads, time: time), on: tape)
  }

  public func forEachParameter(_ body: (String, Parameter) -> Void) {
    body("in_proj_weight", inWeight)
    body("in_proj_bias", inBias)
    forward("out_proj", outProjection, body)
  }
}
