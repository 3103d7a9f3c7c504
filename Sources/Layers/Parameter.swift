/// A trainable array and its gradient. Its storage moves once, when a `ParameterBlock` gathers a network's parameters.
import Autograd
import Randomness

public final class Parameter {
  public let shape: [Int]
  public var count: Int { shape.reduce(1, *) }
  private var storage: (values: Buffer, gradient: Buffer, offset: Int)

  public init(shape: [Int], _ fill: (Int) -> Float = { _ in 0 }) {
    self.shape = shape
    let count = shape.reduce(1, *)
    storage = (Buffer(count: count), Buffer(count: count), 0)
    for i in 0..<count { values[i] = fill(i) }
  }

  /// PyTorch's default for a layer with `fanIn` inputs: U(−1/√fanIn, 1/√fanIn).
  public convenience init(shape: [Int], uniformOver fanIn: Int, _ generator: inout SplitMix64) {
    let bound = 1 / Double(fanIn).squareRoot()
    self.init(shape: shape) { _ in Float(generator.uniform(-bound, bound)) }
  }

  public var values: UnsafeMutableBufferPointer<Float> {
    UnsafeMutableBufferPointer(start: storage.values.pointer + storage.offset, count: count)
  }
  public var gradient: UnsafeMutableBufferPointer<Float> {
    UnsafeMutableBufferPointer(start: storage.gradient.pointer + storage.offset, count: count)
  }

  /// [shape[0], everything else]; a vector is one row.
  public var tensor: Tensor {
    let rows = shape.count > 1 ? shape[0] : 1
    return Tensor(
      values: storage.values.pointer + storage.offset, gradient: storage.gradient.pointer + storage.offset, rows: rows,
      columns: count / rows)
  }

  fileprivate func share(_ values: Buffer) { storage.values = values }

  func move(into values: Buffer, _ gradient: Buffer, at offset: Int) {
    (values.pointer + offset).update(from: self.values.baseAddress!, count: count)  // a Buffer is never empty
    storage = (values, gradient, offset)
  }
}

/// All parameters of a network in one contiguous block, their gradients in another, so that clipping, AdamW and a target
/// network's copy are one pass each. Every parameter starts at a 64-byte boundary; the gaps stay zero.
public final class ParameterBlock {
  public private(set) var values: Buffer
  public let gradient: Buffer
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
    gradient = Buffer(count: offsets[parameters.count])
    for (parameter, offset) in zip(parameters, offsets) { parameter.move(into: values, gradient, at: offset) }
    self.names = names
    self.parameters = parameters
  }

  public func zeroGradient() { gradient.pointer.update(repeating: 0, count: gradient.count) }

  /// From now on the values are those of `other`, a block of the same network; the gradient stays this block's own.
  public func shareValues(of other: ParameterBlock) {
    precondition(other.names == names && other.values.count == values.count, "blocks of two different networks")
    values = other.values
    for parameter in parameters { parameter.share(values) }
  }

  /// Hard copy, as a target network is synchronised.
  public func copy(from other: ParameterBlock) {
    precondition(other.values.count == values.count, "blocks of \(other.values.count) and \(values.count) floats")
    values.pointer.update(from: other.values.pointer, count: values.count)
  }
}
