/// One layer over the parts of an observation, whatever their order: every part goes through the same weights, beside what is
/// known of all of them, a maximum and a mean (Deep Sets, Zaheer et al. 2017, eq. 4, with a layer before the pool).
import Autograd
import Layers
import Randomness

/// y_p = relu(own(x_p) + across(max_q, mean_q of relu(inner(x_q)))): parts in another order give outputs in that order.
struct EquivariantLayer: Layer {
  let count: Int
  let own, inner, across: Linear

  /// `count` parts of `inputs` numbers; `hiddenSize` units are pooled.
  init(count: Int, inputs: Int, hiddenSize: Int, outputs: Int, _ generator: inout SplitMix64) {
    self.count = count
    own = Linear(inputs, outputs, &generator)
    inner = Linear(inputs, hiddenSize, &generator)
    across = Linear(2 * hiddenSize, outputs, bias: false, &generator)
  }

  /// x [rows × count, inputs], the parts of each row one after the other → [rows × count, outputs].
  func callAsFunction(_ x: Tensor, on tape: Tape) -> Tensor {
    let all = tape.floats(x.rows), nothing = tape.constant(rows: x.rows / count, columns: 0)
    all.update(repeating: 1, count: x.rows)
    let pooled = tape.poolEntities(
      inner(x, activation: .relu, on: tape), count: count, present: all, beside: nothing, averages: true)
    return tape.addToParts(own(x, on: tape), across(pooled, on: tape), activation: .relu)
  }

  /// Floating-point operations a row.
  var work: Int { count * (own.work + inner.work) + across.work }

  func forEachParameter(_ body: (String, Parameter) -> Void) {
    forward("own", own, body)
    forward("inner", inner, body)
    forward("across", across, body)
  }
}

/// Reads an observation that consists of as many like parts as there are actions: each with what stands beside it (whether it
/// was acted on last, where the network reads that) and beside them all (the last reward).
struct PartReader: Layer {
  let layer: EquivariantLayer
  /// Numbers of each part in the observation, numbers an action behind it, and numbers behind those.
  private let features, perAction, rest: Int

  init(_ sizes: NetworkSizes, _ generator: inout SplitMix64) {
    let behind = sizes.observationSize - sizes.parts * sizes.partFeatures
    precondition(
      sizes.parts > 1 && behind >= 0, "\(sizes.parts) parts of \(sizes.partFeatures) in \(sizes.observationSize) numbers")
    (features, perAction, rest) = (sizes.partFeatures, behind / sizes.parts, behind % sizes.parts)
    layer = EquivariantLayer(
      count: sizes.parts, inputs: features + perAction + rest, hiddenSize: sizes.hiddenSize, outputs: sizes.modelSize,
      &generator)
  }

  /// x [rows, observationSize], constant → [rows × parts, modelSize].
  func callAsFunction(_ x: Tensor, on tape: Tape) -> Tensor {
    let count = layer.count, parts = tape.constant(rows: x.rows * count, columns: features + perAction + rest)
    for row in 0..<x.rows {
      let from = x.values + row * x.stride, behind = from + count * features
      for part in 0..<count {
        let to = parts.values + (row * count + part) * parts.columns
        to.update(from: from + part * features, count: features)
        for i in 0..<perAction { to[features + i] = behind[i * count + part] }
        (to + features + perAction).update(from: behind + perAction * count, count: rest)
      }
    }
    return layer(parts, on: tape)
  }

  func forEachParameter(_ body: (String, Parameter) -> Void) { layer.forEachParameter(body) }
}
