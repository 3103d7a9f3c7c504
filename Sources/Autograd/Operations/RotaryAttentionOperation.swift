/// Causal attention with rotary positions between its projections, over sequences with a cache of what lay before them
/// (`BandedAttention` and `Rotary` have the mathematics).
import Kernels

/// The past of one sequence as its state holds it, one row: `k` [context, model], not turned, `v` [context, model], a ring,
/// and `count`, how many positions went in (`CachedAttention.next`).
public struct AttentionCache: BitwiseCopyable, Sendable {
  public let context, model: Int
  public init(context: Int, model: Int) { (self.context, self.model) = (context, model) }
  public var floats: Int { 2 * context * model + 1 }
  public var countOffset: Int { 2 * context * model }

  /// Where the key of the position `age` before the next one lies in the row (its value: `context` × `model` on).
  func offset(count: Int, age: Int) -> Int { (count - age + context) % context * model }
}

struct RotaryAttentionOperation: Operation {
  let attention: BandedAttention
  let rotary: Rotary
  let cache: AttentionCache
  let projections, y: Tensor
  let state: Tensor?
  let q, kv, logSums, table: UnsafeMutablePointer<Float>
  let first: UnsafeMutablePointer<Int32>

  func pullback(_ tape: Tape) {
    guard let dy = y.gradient, projections.isDifferentiated || state?.isDifferentiated ?? false else { return }
    let model = cache.model, length = attention.past + attention.time
    let dq = tape.floats(attention.batch * attention.time * model)
    let dkv = tape.floats(attention.batch * length * 2 * model)
    dkv.update(repeating: 0, count: attention.batch * length * 2 * model)
    attention.backward(
      q: q, kv: kv, first: first, logSums: logSums, dy: dy, dq: dq, dkv: dkv,
      scratch: tape.floats(2 * attention.scratchCount(first: first)))
    for b in 0..<attention.batch {
      rotary.turn(
        rows: attention.time, dq + b * attention.time * model, stride: model,
        table: table + rotary.tableCount(attention.past), inverse: true)
      rotary.turn(rows: length, dkv + b * length * 2 * model, stride: 2 * model, table: table, inverse: true)
    }
    if let target = projections.gradient {
      for b in 0..<attention.batch {
        for t in 0..<attention.time {
          let row = target + (b * attention.time + t) * projections.stride
          let pair = dkv + (b * length + attention.past + t) * 2 * model
          Elementwise.sum(model, row, dq + (b * attention.time + t) * model, into: row)
          Elementwise.sum(2 * model, row + model, pair, into: row + model)
        }
      }
    }
    if let state, let target = state.gradient {
      forEachCached(state, cache, past: attention.past) { b, index, offset in
        let key = target + b * state.stride + offset, value = key + cache.context * model
        let pair = dkv + (b * length + index) * 2 * model
        Elementwise.sum(model, key, pair, into: key)
        Elementwise.sum(model, value, pair + model, into: value)
      }
    }
  }
}

/// `body` gets the sequence, the index among its `past` positions, oldest first, and where the key lies in the state's row.
private func forEachCached(_ state: Tensor, _ cache: AttentionCache, past: Int, _ body: (Int, Int, Int) -> Void) {
  for b in 0..<state.rows {
    let count = Int(state[b, cache.countOffset])
    for index in max(0, past - count)..<past { body(b, index, cache.offset(count: count, age: past - index)) }
  }
}

extension Tape {
  /// projections [batch × time, 3 model]: queries, keys, values, dense; state [batch, cache.floats], nil for an empty cache
  /// → [batch × time, model].
  public func rotaryAttention(
    _ projections: Tensor, _ shape: SequenceShape, heads: Int, cache: AttentionCache, state: Tensor?
  ) -> Tensor {
    let model = cache.model, time = shape.time
    precondition(
      projections.isDense && projections.rows == shape.rows && projections.columns == 3 * model && model % heads == 0,
      "rotaryAttention: [\(projections.rows), \(projections.columns)] for \(shape.rows) positions of \(heads) heads, \(model)")
    let past = state == nil ? 0 : cache.context - 1, length = past + time
    let rotary = Rotary(heads: heads, width: model / heads)
    let attention = BandedAttention(batch: shape.batch, time: time, past: past, heads: heads, width: model / heads)
    let table = floats(rotary.tableCount(length))
    rotary.fillTable(table, positions: length)
    let q = floats(shape.rows * model), kv = floats(shape.batch * length * 2 * model)
    for b in 0..<shape.batch {
      let keys = kv + b * length * 2 * model
      keys.update(repeating: 0, count: past * 2 * model)
      for t in 0..<time {
        let row = projections.values + (b * time + t) * 3 * model
        (q + (b * time + t) * model).update(from: row, count: model)
        (keys + (past + t) * 2 * model).update(from: row + model, count: 2 * model)
      }
    }
    if let state {
      forEachCached(state, cache, past: past) { b, index, offset in
        let key = state.values + b * state.stride + offset, pair = kv + (b * length + index) * 2 * model
        pair.update(from: key, count: model)
        (pair + model).update(from: key + cache.context * model, count: model)
      }
    }
    for b in 0..<shape.batch {
      rotary.turn(rows: time, q + b * time * model, stride: model, table: table + rotary.tableCount(past))
      rotary.turn(rows: length, kv + b * length * 2 * model, stride: 2 * model, table: table)
    }
    let first = firstSeen(shape, past: past, cache, state)
    let y = tensor(rows: shape.rows, columns: model), logSums = floats(shape.batch * heads * time)
    attention.forward(
      q: q, kv: kv, first: first, y: y.values, logSums: logSums, scratch: floats(attention.scratchCount(first: first)))
    record(
      RotaryAttentionOperation(
        attention: attention, rotary: rotary, cache: cache, projections: projections, y: y, state: state, q: q, kv: kv,
        logSums: logSums, table: table, first: first))
    return y
  }

  /// The cache after the last position [batch, cache.floats], a constant.
  public func attentionCache(
    after projections: Tensor, _ shape: SequenceShape, cache: AttentionCache, state: Tensor?
  ) -> Tensor {
    let final = constant(rows: shape.batch, columns: cache.floats), model = cache.model, context = cache.context
    for b in 0..<shape.batch {
      let rows = b * shape.time..<(b + 1) * shape.time, row = final.values + b * cache.floats
      let start = rows.last(where: shape.beginsEpisode)
      var count = 0
      row.update(repeating: 0, count: cache.floats)
      if start == nil, let state {
        row.update(from: state.values + b * state.stride, count: cache.floats)
        count = Int(row[cache.countOffset])
      }
      // Only what is not written over again: of many positions the last `context`.
      let seen = rows.upperBound - (start ?? rows.lowerBound)
      for age in stride(from: min(seen, context), through: 1, by: -1) {
        let source = projections.values + (rows.upperBound - age) * projections.stride + model
        let target = row + cache.offset(count: (count + seen) % context, age: age)
        target.update(from: source, count: model)
        (target + context * model).update(from: source + model, count: model)
      }
      count += seen
      row[cache.countOffset] = Float(count < 2 * context ? count : context + count % context)
    }
    return final
  }

  /// The first position that each query sees, counted from the oldest of the past.
  private func firstSeen(
    _ shape: SequenceShape, past: Int, _ cache: AttentionCache, _ state: Tensor?
  ) -> UnsafeMutablePointer<Int32> {
    let first = UnsafeMutableRawPointer(floats(shape.rows)).bindMemory(to: Int32.self, capacity: shape.rows)
    for b in 0..<shape.batch {
      var begin = state.map { max(0, past - Int($0[b, cache.countOffset])) } ?? 0
      for t in 0..<shape.time {
        if shape.beginsEpisode(b * shape.time + t) { begin = past + t }
        first[b * shape.time + t] = Int32(max(begin, past + t - cache.context + 1))
      }
    }
    return first
  }
}
