/// Every layer under the contract, at odd sizes: a new one is one line here.
import Autograd
import Kernels
import Layers
import Randomness
import Testing

struct SequenceLayerCase: Sendable, CustomTestStringConvertible {
  let testDescription: String
  let make: @Sendable (inout SplitMix64) -> any SequenceLayer

  static let all: [SequenceLayerCase] = [
    .init("LSTM") { LSTM(5, 9, &$0) },
    .init("LSTM of three layers") { LSTM(6, 7, layers: 3, &$0) },
    .init("GRU") { GRU(5, 11, &$0) },
    .init("Attention") { Attention(12, heads: 2, context: 5, &$0) },
    .init("Attention to itself alone") { Attention(6, heads: 3, context: 1, &$0) },
    .init("Attention over more than the sequence") { Attention(10, heads: 2, context: 40, &$0) },
    .init("Mamba1") { Mamba1(modelSize: 6, stateSize: 5, expansion: 3, rank: 2, &$0) },
    .init("Mamba1 of one state and one tap, with biases") {
      Mamba1(modelSize: 9, stateSize: 1, convolutionWidth: 1, expansion: 1, bias: true, convolutionBias: false, &$0)
    },
    .init("Mamba2") { Mamba2(modelSize: 9, stateSize: 5, headSize: 9, &$0) },
    .init("Mamba2 in groups") {
      Mamba2(
        modelSize: 12, stateSize: 3, headSize: 4, groups: 3, convolutionWidth: 2, hasConvolutionBias: false,
        hasProjectionBias: true, &$0)
    },
    .init("FeedForward") { FeedForward(7, hiddenSize: 13, &$0) },
    .init("Mamba2 of a group a head") { Mamba2(modelSize: 6, stateSize: 5, headSize: 4, groups: 3, convolutionWidth: 3, &$0) },
    .init("Mamba3") { Mamba3(modelSize: 6, stateSize: 7, headSize: 4, groups: 3, &$0) },
    .init("Mamba3 of rank two, normed") { Mamba3(modelSize: 4, stateSize: 6, headSize: 4, rank: 2, isNormed: true, &$0) },
    .init("ResidualBlock") { ResidualBlock(LSTM(7, 7, &$0)) },
    .init("SequenceStack of Mamba blocks") {
      SequenceStack([
        ResidualBlock(Mamba1(modelSize: 6, stateSize: 3, &$0)),
        ResidualBlock(Mamba2(modelSize: 6, stateSize: 4, headSize: 4, &$0)),
        ResidualBlock(Mamba3(modelSize: 6, stateSize: 4, headSize: 4, &$0)),
      ])
    },
    .init("SequenceStack") {
      SequenceStack([
        LSTM(5, 8, layers: 2, &$0), ResidualBlock(Attention(8, heads: 2, context: 4, &$0)),
        ResidualBlock(FeedForward(8, hiddenSize: 12, &$0)), ResidualBlock(GRU(8, 8, &$0)),
      ])
    },
  ]

  private init(_ name: String, _ make: @escaping @Sendable (inout SplitMix64) -> any SequenceLayer) {
    (testDescription, self.make) = (name, make)
  }
}

/// Sequences for a layer: inputs, a state that it came by itself, and where episodes begin.
struct SequenceData {
  let layer: any SequenceLayer
  let batch, time: Int
  var inputs: [Float]
  /// [batch, stateLayout.count] after some positions of other sequences; nil for a layer without state.
  let state: [Float]?
  let begins: [UInt8]

  /// Seven sequences: without a beginning, with one at the first position, at the last, two side by side, at every
  /// position, and two with any.
  init(_ layer: any SequenceLayer, time: Int, _ generator: inout SplitMix64) {
    (self.layer, batch, self.time) = (layer, 7, time)
    inputs = (0..<batch * time * layer.inputSize).map { _ in Float(generator.uniform(-1.5, 1.5)) }
    var begins = [UInt8](repeating: 0, count: batch * time)
    begins[time] = 1
    begins[3 * time - 1] = 1
    for t in [time / 2, time / 2 + 1] where t < time { begins[3 * time + t] = 1 }
    for t in 0..<time { begins[4 * time + t] = 1 }
    for row in 5 * time..<7 * time where generator.uniform(0, 1) < 0.2 { begins[row] = 1 }
    self.begins = begins
    let width = layer.stateLayout.count, history = 6
    guard width > 0 else {
      state = nil
      return
    }
    let earlier = (0..<batch * history * layer.inputSize).map { _ in Float(generator.uniform(-1.5, 1.5)) }
    state = runSequence(layer, earlier, batch: batch, time: history, begins: nil, state: nil).state
  }

  func inputs(_ b: Int, _ positions: Range<Int>) -> ArraySlice<Float> {
    inputs[(b * time + positions.lowerBound) * layer.inputSize..<(b * time + positions.upperBound) * layer.inputSize]
  }
}

/// Without gradients; every array dense, batch first.
func runSequence(
  _ layer: any SequenceLayer, _ inputs: [Float], batch: Int, time: Int, begins: [UInt8]?, state: [Float]?,
  reading: Positions = .all
) -> (output: [Float], state: [Float]?) {
  let tape = Tape()
  func run(_ begins: UnsafePointer<UInt8>?) -> (output: [Float], state: [Float]?) {
    tape.withoutGradient {
      let x = tape.constant(rows: batch * time, columns: layer.inputSize)
      x.values.update(from: inputs, count: inputs.count)
      let given = state.map {
        let tensor = tape.constant(rows: batch, columns: layer.stateLayout.count)
        tensor.values.update(from: $0, count: $0.count)
        return tensor
      }
      let shape = SequenceShape(batch: batch, time: time, begins: begins)
      let (y, final) = layer(x, shape, from: given, reading: reading, on: tape)
      return (y.elements, final?.elements)
    }
  }
  return begins.map { $0.withUnsafeBufferPointer { run($0.baseAddress) } } ?? run(nil)
}
