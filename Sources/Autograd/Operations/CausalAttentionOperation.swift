/// Causal multi-head attention between its projections (`CausalAttention` has the mathematics).
import Kernels

struct CausalAttentionOperation: Operation {
  let attention: CausalAttention
  let query, keyValue, y: Tensor
  let probabilities: UnsafeMutablePointer<Float>

  func pullback(_ tape: Tape) {
    guard let dy = y.gradient else { return }
    let (dq, dqAccumulation) = query.gradientToWrite(orScratchOn: tape)
    let (dkv, dkvAccumulation) = keyValue.gradientToWrite(orScratchOn: tape)
    attention.backward(
      q: query.values, kv: keyValue.values, probabilities: probabilities, dy: dy, dq: dq, dqAccumulation, dkv: dkv,
      dkvAccumulation, scratch: tape.floats(attention.scratchCount))
  }
}

extension Tape {
  /// query [batch × queries, model], of the last positions of every window; keyValue [batch × time, 2 model], keys beside
  /// values; both dense → [batch × queries, model].
  public func causalAttention(query: Tensor, keyValue: Tensor, heads: Int, time: Int) -> Tensor {
    let batch = keyValue.rows / time, model = query.columns
    precondition(
      query.isDense && keyValue.isDense && keyValue.columns == 2 * model && query.rows % batch == 0 && model % heads == 0,
      "causalAttention: query [\(query.rows), \(model)], keyValue [\(keyValue.rows), \(keyValue.columns)], \(heads) heads")
    let attention = CausalAttention(
      batch: batch, time: time, queries: query.rows / batch, heads: heads, width: model / heads)
    let y = tensor(rows: query.rows, columns: model)
    let probabilities = floats(attention.probabilityCount)
    attention.forward(q: query.values, kv: keyValue.values, probabilities: probabilities, y: y.values)
    record(
      CausalAttentionOperation(
        attention: attention, query: query, keyValue: keyValue, y: y, probabilities: probabilities))
    return y
  }
}
