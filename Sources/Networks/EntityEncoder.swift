/// What a torso reads of an observation that lists entities, as highway-env's vehicles: the first is the agent itself; a shared
/// MLP with ReLU reads each other one beside it, and a maximum and a sum over those present go on, whatever their order
/// (Deep Sets, Zaheer et al. 2017). An entity's first feature says whether it is present.
import Autograd
import Kernels
import Layers
import Randomness

/// Reads a list of entities, the first the agent itself: a shared network over pairs, then maximum and sum.
public struct EntityEncoder: Layer {
  /// Entities other than the first, features of each, and numbers behind them all.
  let others, features, rest: Int
  let layers: [Linear]

  /// Observations of `size` numbers, of which the first `entities` × `features` are entities.
  init(entities: Int, features: Int, size: Int, hiddenSize: Int, _ generator: inout SplitMix64) {
    precondition(entities > 1 && features > 0 && entities * features <= size, "\(entities) × \(features) of \(size) numbers")
    (others, self.features, rest) = (entities - 1, features, size - entities * features)
    layers = [Linear(2 * features, hiddenSize, &generator), Linear(hiddenSize, hiddenSize, &generator)]
  }

  var outputSize: Int { 2 * layers[1].weight.shape[0] + features + rest }

  /// One observation: its pairs of the first and another entity [others, 2 · features], which of the others are present
  /// [others], and what stands beside the set [features + rest].
  func split(
    _ x: UnsafePointer<Float>, pairs: UnsafeMutablePointer<Float>, present: UnsafeMutablePointer<Float>,
    beside: UnsafeMutablePointer<Float>
  ) {
    for other in 0..<others {
      let pair = pairs + other * 2 * features, entity = x + (1 + other) * features
      pair.update(from: x, count: features)
      (pair + features).update(from: entity, count: features)
      present[other] = entity[0]
    }
    beside.update(from: x, count: features)
    (beside + features).update(from: x + (1 + others) * features, count: rest)
  }

  /// x [rows, observationSize], constant → [rows, outputSize].
  func callAsFunction(_ x: Tensor, on tape: Tape) -> Tensor {
    let pairs = tape.constant(rows: x.rows * others, columns: 2 * features)
    let beside = tape.constant(rows: x.rows, columns: features + rest)
    let present = tape.floats(x.rows * others)
    for row in 0..<x.rows {
      split(
        x.values + row * x.stride, pairs: pairs.values + row * others * pairs.columns, present: present + row * others,
        beside: beside.values + row * beside.columns)
    }
    let encoded = layers.reduce(pairs) { $1($0, activation: .relu, on: tape) }
    return tape.poolEntities(encoded, count: others, present: present, beside: beside)
  }

  public func forEachParameter(_ body: (String, Parameter) -> Void) {
    forward("0", layers[0], body)
    forward("2", layers[1], body)
  }
}

/// The same of one observation, without a tape and without allocation.
final class EntityStepper {
  private let encoder: EntityEncoder
  private let pairs, present, hidden, encoded, output: Buffer
  private let pool: EntityPool

  init(_ encoder: EntityEncoder) {
    self.encoder = encoder
    let width = encoder.layers[1].weight.shape[0]
    pool = EntityPool(count: encoder.others, width: width)
    (pairs, present) = (Buffer(count: encoder.others * 2 * encoder.features), Buffer(count: encoder.others))
    (hidden, encoded) = (Buffer(count: width), Buffer(count: encoder.others * width))
    output = Buffer(count: encoder.outputSize)
  }

  /// x [observationSize] → [outputSize], valid until the next call.
  func callAsFunction(_ x: UnsafePointer<Float>) -> UnsafeMutablePointer<Float> {
    let width = pool.width
    encoder.split(x, pairs: pairs.pointer, present: present.pointer, beside: output.pointer + 2 * width)
    for other in 0..<encoder.others {
      encoder.layers[0].apply(pairs.pointer + other * 2 * encoder.features, into: hidden.pointer, activation: .relu)
      encoder.layers[1].apply(hidden.pointer, into: encoded.pointer + other * width, activation: .relu)
    }
    pool.forward(x: encoded.pointer, stride: width, present: present.pointer, y: output.pointer)
    return output.pointer
  }
}
