/// Every operation of the tape with any of its inputs constant: the gradients of the others are those with none constant. (A
/// pullback that returns because one input wants no gradient would cost the others theirs, silently.)
import Autograd
import Kernels
import Randomness
import Testing

/// An operation at one shape. `run` gets its inputs and returns what is differentiated.
struct OperationCase: Sendable, CustomTestStringConvertible {
  let testDescription: String
  /// [rows, columns] each.
  let inputs: [[Int]]
  let run: @Sendable (Tape, [Tensor]) -> Tensor

  init(_ name: String, _ inputs: [[Int]], _ run: @escaping @Sendable (Tape, [Tensor]) -> Tensor) {
    (testDescription, self.inputs, self.run) = (name, inputs, run)
  }

  private static var shape: SequenceShape { SequenceShape(batch: 3, time: 4) }

  static let all: [OperationCase] = [
    .init("linear", [[6, 20], [9, 20], [1, 9]]) { $0.linear($1[0], weight: $1[1], bias: $1[2], activation: .relu) },
    .init("linear, packed", [[6, 20], [9, 20], [1, 9]]) {
      $0.linear($1[0], weight: $1[1], bias: $1[2], activation: .relu, packs: true)
    },
    .init("linear, packed, in aligned rows", [[6, 20], [9, 20], [1, 9]]) {
      $0.dense($0.linear($1[0], weight: $1[1], bias: $1[2], activation: .relu, packs: true, alignsRows: true))
    },
    .init("linear of few inputs", [[6, 5], [9, 5], [1, 9]]) {
      $0.linear($1[0], weight: $1[1], bias: $1[2], activation: .softplus)
    },
    .init("causalConvSiLU of windows", [[12, 10], [10, 4], [1, 10]]) {
      $0.causalConvSiLU($1[0], weight: $1[1], bias: $1[2], time: 4)
    },
    .init("causalConvSiLU of sequences", [[12, 10], [10, 4], [1, 10], [3, 40]]) {
      $0.causalConvSiLU($1[0], weight: $1[1], bias: $1[2], shape: shape, from: $1[3]).y
    },
    .init("lastStateScan", [[12, 6], [12, 6], [6, 5], [12, 5], [3, 5], [1, 6]]) {
      for i in 0..<72 { $1[1].values[i] = abs($1[1].values[i]) }  // Δ is positive
      return $0.lastStateScan(u: $1[0], delta: $1[1], aLog: $1[2], b: $1[3], c: $1[4], skip: $1[5], time: 4)
    },
    .init("lastStateScan with a readout", [[12, 6], [12, 6], [6, 5], [12, 5], [3, 5], [1, 6]]) { tape, inputs in
      for i in 0..<72 { inputs[1].values[i] = abs(inputs[1].values[i]) }
      func constants(_ count: Int, _ value: (Int) -> Float) -> UnsafePointer<Float> {
        let result = tape.floats(count)
        for i in 0..<count { result[i] = value(i) }
        return UnsafePointer(result)
      }
      let readout = LinearReadout(
        direction: constants(18) { Float($0 % 5) - 2 }, offset: constants(3) { Float($0) },
        targets: constants(3) { 1 - Float($0) }, weights: constants(3) { 0.5 + Float($0) }, limit: 10, rows: 3)
      return tape.lastStateScan(
        u: inputs[0], delta: inputs[1], aLog: inputs[2], b: inputs[3], c: inputs[4], skip: inputs[5], time: 4, readout: readout)
    },
    .init("selectiveScan", [[12, 6], [12, 6], [1, 6], [6, 5], [12, 5], [12, 5], [1, 6], [12, 6], [3, 30]]) {
      $0.selectiveScan(
        u: $1[0], step: $1[1], stepBias: $1[2], aLog: $1[3], b: $1[4], c: $1[5], skip: $1[6], gate: $1[7], shape: shape,
        from: $1[8]
      ).out
    },
    .init("stateSpaceDual", [[12, 22], [12, 2], [1, 2], [1, 2], [1, 2], [3, 30]]) {
      $0.stateSpaceDual(
        $1[0], step: $1[1], stepBias: $1[2], aLog: $1[3], skip: $1[4], shape: shape, groups: 2, states: 3, from: $1[5]
      ).y
    },
    .init("mamba3", [[12, 40], [3, 50], [1, 2], [1, 10], [1, 10], [1, 5], [1, 5], [1, 2]]) {
      $0.mamba3(
        $1[0], shape, from: $1[1],
        parameters: Mamba3Parameters(stepBias: $1[2], bBias: $1[3], cBias: $1[4], bNorm: $1[5], cNorm: $1[6], skip: $1[7]),
        core: Mamba3Core(heads: 2, headSize: 3, states: 5, groups: 2, angles: 2)
      ).output
    },
    .init(
      "mamba3 of rank two, normed",
      [[12, 35], [3, 48], [1, 2], [1, 16], [1, 16], [1, 4], [1, 4], [1, 2], [1, 6], [1, 12], [1, 12], [1, 12]]
    ) {
      $0.mamba3(
        $1[0], shape, from: $1[1],
        parameters: Mamba3Parameters(
          stepBias: $1[2], bBias: $1[3], cBias: $1[4], bNorm: $1[5], cNorm: $1[6], skip: $1[7], norm: $1[8], mimoX: $1[9],
          mimoZ: $1[10], mimoO: $1[11]),
        core: Mamba3Core(heads: 2, headSize: 3, states: 4, rank: 2, angles: 1, isNormed: true)
      ).output
    },
    .init("lstm of windows", [[12, 5], [28, 5], [28, 7], [1, 28], [1, 28]]) {
      $0.lstm(
        $1[0], inputWeight: $1[1], recurrentWeight: $1[2], inputBias: $1[3], recurrentBias: $1[4], time: 4
      ).output
    },
    .init("lstm of sequences", [[12, 5], [28, 5], [28, 7], [1, 28], [1, 28], [3, 7], [3, 7]]) {
      $0.lstm(
        $1[0], shape, inputWeight: $1[1], recurrentWeight: $1[2], inputBias: $1[3], recurrentBias: $1[4], hidden: $1[5],
        cell: $1[6]
      ).output
    },
    .init("addLayerNorm", [[5, 11], [5, 11], [1, 11], [1, 11]]) { $0.addLayerNorm($1[0], $1[1], gain: $1[2], bias: $1[3]) },
    .init("rmsNorm", [[5, 11], [1, 11]]) { $0.rmsNorm($1[0], $1[1]) },
    .init("gatedRMSNorm", [[5, 12], [5, 12], [1, 12]]) { $0.gatedRMSNorm($1[0], gate: $1[1], $1[2], groups: 2) },
    .init("causalAttention", [[12, 6], [12, 12]]) { $0.causalAttention(query: $1[0], keyValue: $1[1], heads: 2, time: 4) },
    .init("rotaryAttention", [[12, 18], [3, 37]]) {
      let cache = AttentionCache(context: 3, model: 6)
      for b in 0..<3 { $1[1].values[b * 37 + 36] = Float(b + 1) }  // positions in the cache
      return $0.rotaryAttention($1[0], shape, heads: 2, cache: cache, state: $1[1])
    },
    .init("split", [[4, 9]]) {
      let (first, second) = $0.split($1[0], at: 4)
      return $0.add($0.dense(first), $0.dense(second.columns(1..<5)))
    },
    .init("siluGate", [[4, 9], [4, 9]]) { $0.siluGate($1[0], $1[1]) },
    .init("addRow", [[12, 5], [1, 20]]) { $0.addRow($1[0], $1[1]) },
    .init("dueling", [[4, 1], [4, 5]]) { $0.dueling(value: $1[0], advantage: $1[1]) },
    .init("poolEntities", [[12, 5], [4, 2]]) {
      let present = $0.floats(12)
      for entity in 0..<12 { present[entity] = entity % 4 == 1 || entity / 3 == 2 ? 0 : 1 }
      return $0.poolEntities($1[0], count: 3, present: present, beside: $1[1])
    },
    .init("poolEntities, averaging", [[12, 5], [4, 2]]) {
      let all = $0.floats(12)
      all.update(repeating: 1, count: 12)
      return $0.poolEntities($1[0], count: 3, present: all, beside: $1[1], averages: true)
    },
    .init("addToParts", [[12, 5], [4, 5]]) { $0.addToParts($1[0], $1[1], activation: .relu) },
    .init("transposeRows", [[12, 5]]) { $0.transposeRows($1[0], outer: 2, inner: 3) },
    .init("scale", [[4, 9]]) { $0.scale($1[0], by: -0.3) },
    .init("add", [[4, 9], [4, 9]]) { $0.add($1[0], $1[1]) },
    .init("dense", [[4, 9]]) { $0.dense($1[0].columns(2..<7)) },
  ]
}

@Suite struct ConstantInputTests {
  /// Inputs as activations, whose gradients are overwritten first, and as parameters, which are added to.
  @Test(arguments: OperationCase.all, [true, false])
  func othersKeepTheirGradients(_ operation: OperationCase, _ areActivations: Bool) {
    let count = operation.inputs.count, everything = (1 << count) - 1
    let expected = gradients(operation, of: everything, areActivations)
    for (index, gradient) in expected.enumerated() {
      #expect(gradient?.contains { $0 != 0 } ?? false, "input \(index) has no gradient")
    }
    for subset in 0..<everything {
      for (index, gradient) in gradients(operation, of: subset, areActivations).enumerated() {
        let isWanted = subset >> index & 1 == 1
        #expect(gradient == (isWanted ? expected[index] : nil), "input \(index) with gradients of \(String(subset, radix: 2))")
      }
    }
  }

  /// Rows that lie apart change no bit.
  @Test func alignedRows() {
    let dense = OperationCase.all.first { $0.testDescription == "linear, packed" }
    let aligned = OperationCase.all.first { $0.testDescription == "linear, packed, in aligned rows" }
    guard let dense, let aligned else {
      Issue.record("no such operations")
      return
    }
    #expect(gradients(dense, of: 7, true) == gradients(aligned, of: 7, true))
  }

  /// The loss stands at the end of a tape and has one input.
  @Test func lossOfConstants() {
    let tape = Tape()
    let values: [Float] = [1, -2, 0.5, 3], actions: [Int32] = [1, 0], targets: [Float] = [0, 0.25], weights: [Float] = [1, 0.5]
    for isDifferentiated in [true, false] {
      tape.reset()
      let q = isDifferentiated ? tape.tensor(rows: 2, columns: 2) : tape.constant(rows: 2, columns: 2)
      q.values.update(from: values, count: 4)
      let loss = tape.tdLoss(q: q, actions: actions, targets: targets, weights: weights, limit: 1)
      tape.backward()
      #expect(loss.loss == (1.5 + 0.5 * 0.5 * 0.25 * 0.25) / 2)
      #expect(
        q.gradient.map { Array(UnsafeBufferPointer(start: $0, count: 4)) } == (isDifferentiated ? [0, -0.5, 0.0625, 0] : nil))
    }
  }

  /// The gradients of the inputs in `subset`, the others being constant.
  private func gradients(_ operation: OperationCase, of subset: Int, _ areActivations: Bool) -> [[Float]?] {
    var generator = SplitMix64(seed: 61)
    let tape = Tape()
    let inputs = operation.inputs.enumerated().map { index, shape in
      let (rows, columns) = (shape[0], shape[1]), isWanted = subset >> index & 1 == 1
      var tensor = tape.constant(rows: rows, columns: columns)
      if isWanted && areActivations { tensor = tape.tensor(rows: rows, columns: columns) }
      if isWanted && !areActivations {
        let gradient = tape.floats(rows * columns)
        gradient.update(repeating: 0, count: rows * columns)
        tensor = Tensor(values: tensor.values, gradient: gradient, rows: rows, columns: columns)
      }
      for i in 0..<rows * columns { tensor.values[i] = Float(generator.uniform(-1, 1)) }
      return tensor
    }
    let y = operation.run(tape, inputs)
    for i in 0..<y.rows * y.columns { y.gradient?[i] = Float(generator.uniform(-1, 1)) }
    tape.backward()
    return inputs.map { input in
      input.gradient.map { Array(UnsafeBufferPointer(start: $0, count: input.rows * input.columns)) }
    }
  }
}
