/// Causal multi-head attention over the last `context` positions as a layer with state: a cache of their keys and values.
/// Parameters as PyTorch's `nn.MultiheadAttention`; positions are rotary, relative, so that it does not matter where a sequence
/// was cut: a position sees itself and the `context` − 1 before it, back to its episode's beginning.
import Autograd
import Kernels
import Randomness

public struct Attention: SequenceLayer {
  public let projections: SelfAttention
  public let context: Int
  public var inputSize: Int { projections.size }
  public var outputSize: Int { projections.size }
  private var cache: AttentionCache { AttentionCache(context: context, model: projections.size) }

  public init(_ size: Int, heads: Int, context: Int, _ generator: inout SplitMix64) {
    precondition(context > 0, "a context of \(context) positions")
    projections = SelfAttention(size, heads: heads, &generator)
    self.context = context
  }

  /// `k` and `v` [context, size], rings, keys without their position; `count` [1] says how many positions went in (exactly
  /// up to `context`, and from there on modulo `context`): position p of them lies in slot p mod `context`.
  public var stateLayout: StateLayout { Self.stateLayout(size: projections.size, context: context) }
  /// The same before a layer is made.
  public static func stateLayout(size: Int, context: Int) -> StateLayout {
    StateLayout([
      .init("k", [context, size]), .init("v", [context, size]), .init("count", [1], counters: [0: 2 * context]),
    ])
  }
  /// With the whole context before it.
  public var workPerPosition: Int { 2 * projections.inWeight.count + projections.outProjection.work + 4 * context * inputSize }

  public func callAsFunction(
    _ x: Tensor, _ shape: SequenceShape, from state: Tensor?, reading: Positions, on tape: Tape
  ) -> (output: Tensor, state: Tensor?) {
    checkInput(x, shape, state)
    let projected = tape.linear(
      x, weight: projections.inWeight.tensor(on: tape), bias: projections.inBias.tensor(on: tape), packs: true)
    let y = tape.rotaryAttention(projected, shape, heads: projections.heads, cache: cache, state: state)
    let output = projections.outProjection(reading == .all ? y : y.lastPosition(time: shape.time), packs: true, on: tape)
    return (output, tape.attentionCache(after: projected, shape, cache: cache, state: state))
  }

  public func makeStepper() -> any SequenceStepper { AttentionStepper(self) }

  public func forEachParameter(_ body: (String, Parameter) -> Void) { projections.forEachParameter(body) }
}

private final class AttentionStepper: SequenceStepper {
  private let layer: SelfAttention
  private let attention: CachedAttention
  private let projected, table, scores, attended, output: Buffer

  init(_ layer: Attention) {
    self.layer = layer.projections
    let size = layer.inputSize, heads = layer.projections.heads
    attention = CachedAttention(Rotary(heads: heads, width: size / heads), context: layer.context)
    projected = Buffer(count: 3 * size)
    table = Buffer(count: attention.rotary.tableCount(layer.context))
    attention.rotary.fillTable(table.pointer, positions: layer.context)
    (scores, attended, output) = (Buffer(count: layer.context), Buffer(count: size), Buffer(count: size))
  }

  func parametersChanged() {}

  func step(_ x: UnsafePointer<Float>, state: UnsafeMutablePointer<Float>) -> UnsafeMutablePointer<Float> {
    let size = layer.size, context = attention.context
    let keys = state, values = state + context * size, counter = state + 2 * context * size
    MatrixVector.apply(
      rows: 3 * size, columns: size, weight: layer.inWeight.pointer, stride: size, bias: layer.inBias.pointer, x: x,
      y: projected.pointer)
    let count = Int(counter.pointee), newest = count % context
    (keys + newest * size).update(from: projected.pointer + size, count: size)
    (values + newest * size).update(from: projected.pointer + 2 * size, count: size)
    attention.step(
      q: projected.pointer, keys: keys, values: values, newest: newest, seen: min(count + 1, context), table: table.pointer,
      scores: scores.pointer, y: attended.pointer)
    counter.pointee = Float(attention.next(count))
    layer.outProjection.apply(attended.pointer, into: output.pointer)
    return output.pointer
  }
}
