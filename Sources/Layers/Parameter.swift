/// A trainable array. Its storage moves once, when a `ParameterBlock` gathers a network's parameters; its gradient belongs to
/// the tape that computes it.
import Autograd
import Kernels
import Randomness

public final class Parameter {
  public let shape: [Int]
  public var count: Int { shape.reduce(1, *) }
  /// The block's values, and where this parameter's begin in them.
  private var storage: (values: Buffer, offset: Int)

  public init(shape: [Int], _ fill: (Int) -> Float = { _ in 0 }) {
    self.shape = shape
    let count = shape.reduce(1, *)
    storage = (Buffer(count: count), 0)
    for i in 0..<count { values[i] = fill(i) }
  }

  /// PyTorch's default for a layer with `fanIn` inputs: U(−1/√fanIn, 1/√fanIn).
  public convenience init(shape: [Int], uniformOver fanIn: Int, _ generator: inout SplitMix64) {
    let bound = 1 / Double(fanIn).squareRoot()
    self.init(shape: shape) { _ in Float(generator.uniform(-bound, bound)) }
  }

  public var values: UnsafeMutableBufferPointer<Float> { UnsafeMutableBufferPointer(start: pointer, count: count) }
  /// Its values [count], row-major.
  public var pointer: UnsafeMutablePointer<Float> { storage.values.pointer + storage.offset }

  /// [shape[0], everything else]; a vector is one row. On a tape of its block it has a gradient, elsewhere it is constant.
  public func tensor(on tape: Tape) -> Tensor {
    let rows = shape.count > 1 ? shape[0] : 1
    return Tensor(values: pointer, gradient: gradient(on: tape), rows: rows, columns: count / rows)
  }

  /// Its gradient [count] on a tape of its block; nil elsewhere and in no-gradient mode.
  public func gradient(on tape: Tape) -> UnsafeMutablePointer<Float>? {
    tape.gradient(of: storage.values).map { $0 + storage.offset }
  }

  func move(into values: Buffer, at offset: Int) {
    (values.pointer + offset).update(from: pointer, count: count)
    storage = (values, offset)
  }
}

/// All parameters of a network in one contiguous block, so that clipping, AdamW and a target network's copy are one pass
/// each. Every parameter starts at a 64-byte boundary; the gaps stay zero.
public final class ParameterBlock {
  public let values: Buffer
  public let names: [String]
  public let parameters: [Parameter]

  public init(_ layer: some Layer) {
    var names: [String] = [], parameters: [Parameter] = []
    layer.forEachParameter {
      names.append($0)
      parameters.append($1)
    }
    let offsets = parameters.reduce(into: [0]) { $0.append($0[$0.count - 1] + ($1.count + 15) / 16 * 16) }
    values = Buffer(count: offsets[parameters.count])
    for (parameter, offset) in zip(parameters, offsets) { parameter.move(into: values, at: offset) }
    self.names = names
    self.parameters = parameters
  }

  /// A tape that holds the gradients of these parameters, laid out as they are. Any number of them may share the values.
  public func makeTape() -> Tape { Tape(differentiating: values, into: Buffer(count: values.count)) }

  /// values ← values + share · (other − values): Polyak averaging.
  public func approach(_ other: ParameterBlock, share: Float) {
    precondition(other.values.count == values.count, "blocks of \(other.values.count) and \(values.count) floats")
    Elementwise.weightedSum(
      values.count, values.pointer, 1 - share, other.values.pointer, share, into: values.pointer)
  }

  /// Hard copy, as a target network is synchronised.
  public func copy(from other: ParameterBlock) {
    precondition(other.values.count == values.count, "blocks of \(other.values.count) and \(values.count) floats")
    values.pointer.update(from: other.values.pointer, count: values.count)
  }
}
