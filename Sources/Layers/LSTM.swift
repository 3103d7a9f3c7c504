/// PyTorch's `nn.LSTM` (one or several layers, one direction, no dropout): names, shapes, initialisation, equations.
import Autograd
import Kernels
import Randomness

public struct LSTM: SequenceLayer {
  public let inputSize, hiddenSize: Int
  public var outputSize: Int { hiddenSize }

  /// One layer. [4 hiddenSize, inputs], [4 hiddenSize, hiddenSize] and two of [4 hiddenSize]; gates in the order i, f, g, o.
  public struct Level {
    public let inputSize, hiddenSize: Int
    public let inputWeight, recurrentWeight, inputBias, recurrentBias: Parameter

    var inputProduct: PackedProduct { PackedProduct(inputs: inputSize, outputs: 4 * hiddenSize) }
    var recurrentProduct: PackedProduct { PackedProduct(inputs: hiddenSize, outputs: 4 * hiddenSize) }

    init(_ inputs: Int, _ size: Int, _ generator: inout SplitMix64) {
      (inputSize, hiddenSize) = (inputs, size)
      inputWeight = Parameter(shape: [4 * size, inputs], uniformOver: size, &generator)
      recurrentWeight = Parameter(shape: [4 * size, size], uniformOver: size, &generator)
      inputBias = Parameter(shape: [4 * size], uniformOver: size, &generator)
      recurrentBias = Parameter(shape: [4 * size], uniformOver: size, &generator)
    }
  }
  public let levels: [Level]

  /// Initialised as `nn.LSTM` is: everything uniform in ±1/√hiddenSize, layer after layer.
  public init(_ inputSize: Int, _ hiddenSize: Int, layers: Int = 1, _ generator: inout SplitMix64) {
    precondition(layers > 0, "an LSTM of \(layers) layers")
    (self.inputSize, self.hiddenSize) = (inputSize, hiddenSize)
    levels = (0..<layers).map { Level($0 == 0 ? inputSize : hiddenSize, hiddenSize, &generator) }
  }

  /// `h`, then `c`, each [layers, hiddenSize] with the first layer first, as PyTorch's are for one sequence.
  public var stateLayout: StateLayout { Self.stateLayout(hiddenSize: hiddenSize, layers: levels.count) }
  /// The same before a layer is made.
  public static func stateLayout(hiddenSize: Int, layers: Int = 1) -> StateLayout {
    StateLayout([.init("h", [layers, hiddenSize]), .init("c", [layers, hiddenSize])])
  }
  public var workPerPosition: Int { levels.reduce(0) { $0 + 2 * ($1.inputWeight.count + $1.recurrentWeight.count) } }

  /// One layer from zero, read at its last position, needs no products with zeros and no outputs in between.
  public func callAsFunction(
    _ x: Tensor, _ shape: SequenceShape, from state: Tensor?, reading: Positions, on tape: Tape
  ) -> (output: Tensor, state: Tensor?) {
    checkInput(x, shape, state)
    let final = tape.constant(rows: shape.batch, columns: stateLayout.count)
    var features = x
    for (index, level) in levels.enumerated() {
      let h = level.hiddenSize * index..<level.hiddenSize * (index + 1)
      let c = h.lowerBound + levels.count * hiddenSize..<h.upperBound + levels.count * hiddenSize
      let cell: Tensor, last: Tensor
      if levels.count == 1, reading == .last, state == nil, shape.begins == nil {
        (features, cell) = tape.lstm(
          x, inputWeight: level.inputWeight.tensor(on: tape), recurrentWeight: level.recurrentWeight.tensor(on: tape),
          inputBias: level.inputBias.tensor(on: tape), recurrentBias: level.recurrentBias.tensor(on: tape), time: shape.time)
        last = features
      } else {
        (features, cell) = tape.lstm(
          features, shape, inputWeight: level.inputWeight.tensor(on: tape),
          recurrentWeight: level.recurrentWeight.tensor(on: tape), inputBias: level.inputBias.tensor(on: tape),
          recurrentBias: level.recurrentBias.tensor(on: tape), hidden: state?.columns(h), cell: state?.columns(c))
        last = features.lastPosition(time: shape.time)
        if reading == .last && index == levels.count - 1 { features = last }
      }
      final.columns(h).copyValues(of: last)
      final.columns(c).copyValues(of: cell)
    }
    return (features, final)
  }

  public func makeStepper() -> any SequenceStepper { LSTMStepper(self) }

  public func forEachParameter(_ body: (String, Parameter) -> Void) {
    for (index, level) in levels.enumerated() {
      body("weight_ih_l\(index)", level.inputWeight)
      body("weight_hh_l\(index)", level.recurrentWeight)
      body("bias_ih_l\(index)", level.inputBias)
      body("bias_hh_l\(index)", level.recurrentBias)
    }
  }
}

/// One position at a time; a step reads every weight once.
private final class LSTMStepper: SequenceStepper {
  private let lstm: LSTM
  private let cell: LSTMCell
  /// Of each layer: both weights packed, and the sum of its biases.
  private let packed: [(input: Buffer, recurrent: Buffer, bias: Buffer)]
  private let gates, output: Buffer

  init(_ lstm: LSTM) {
    self.lstm = lstm
    let size = lstm.hiddenSize
    cell = LSTMCell(size: size)
    packed = lstm.levels.map {
      (
        Buffer(count: $0.inputProduct.packedCount), Buffer(count: $0.recurrentProduct.packedCount), Buffer(count: 4 * size)
      )
    }
    (gates, output) = (Buffer(count: 4 * size), Buffer(count: size))
    parametersChanged()
  }

  func parametersChanged() {
    for (level, packed) in zip(lstm.levels, packed) {
      level.inputProduct.pack(transposed: level.inputWeight.pointer, into: packed.input.pointer)
      level.recurrentProduct.pack(transposed: level.recurrentWeight.pointer, into: packed.recurrent.pointer)
      Elementwise.sum(
        4 * level.hiddenSize, level.inputBias.pointer, level.recurrentBias.pointer, into: packed.bias.pointer)
    }
  }

  func step(_ x: UnsafePointer<Float>, state: UnsafeMutablePointer<Float>) -> UnsafeMutablePointer<Float> {
    let size = lstm.hiddenSize, gates = gates.pointer
    var features = x
    for (index, packed) in packed.enumerated() {
      let level = lstm.levels[index], h = state + index * size, c = state + (lstm.levels.count + index) * size
      level.inputProduct.apply(
        rows: 1, a: features, aStride: 0, packed: packed.input.pointer, start: packed.bias.pointer, startStride: 0, c: gates,
        cStride: 0)
      level.recurrentProduct.apply(
        rows: 1, a: h, aStride: 0, packed: packed.recurrent.pointer, start: gates, startStride: 0, c: gates, cStride: 0)
      cell.activate(
        rows: 1, gates: gates, gateStride: 0, previous: c, previousStride: 0, c: c, cStride: 0, h: h, hStride: 0)
      features = UnsafePointer(h)
    }
    output.pointer.update(from: features, count: size)
    return output.pointer
  }
}
