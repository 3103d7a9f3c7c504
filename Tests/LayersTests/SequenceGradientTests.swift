/// Gradients of every sequence layer: of its input, its parameters and the state it began from, against differences of its own
/// output under random upstream gradients; and each of them alone, the others constant.
import Autograd
import Kernels
import Layers
import Randomness
import TestSupport
import Testing

@Suite struct SequenceGradientTests {
  /// A step over a ReLU's kink spoils a difference quotient, so that of five directions the middle one counts.
  @Test(arguments: SequenceLayerCase.all)
  func equalDifferences(_ kind: SequenceLayerCase) throws {
    var generator = SplitMix64(seed: 41)
    let layer = kind.make(&generator), data = SequenceData(layer, time: 8, &generator)
    let block = ParameterBlock(AnyLayer(layer))
    let upstream = (0..<data.batch * data.time * layer.outputSize).map { _ in Float(generator.uniform(-1, 1)) }
    var state = data.state, inputs = data.inputs
    func loss() -> Double {
      let y = runSequence(layer, inputs, batch: data.batch, time: data.time, begins: data.begins, state: state).output
      return zip(y, upstream).reduce(0) { $0 + Double($1.0) * Double($1.1) }
    }
    func check(_ name: String, _ gradient: [Float], _ move: ([Float]) -> Void) {
      let (errors, tolerance) = differenceErrors(
        of: gradient, uniform: { Float(generator.uniform(-1, 1)) }, move: move, loss: loss)
      #expect(errors[2] <= tolerance, "\(name): \(errors) beside \(tolerance)")
    }

    let gradients = backward(layer, data, block, upstream)
    for (index, name) in block.names.enumerated() {
      let parameter = block.parameters[index], original = Array(parameter.values)
      check(name, gradients.parameters[index]) { for (i, d) in $0.enumerated() { parameter.values[i] = original[i] + d } }
    }
    let input = inputs
    check("input", gradients.input) { inputs = zip(input, $0).map(+) }
    if let original = state {
      // A counter is no number to be differentiated by.
      let layout = layer.stateLayout
      let counts = layout.parts.filter { $0.name.hasSuffix("count") }.compactMap { layout.range(of: $0.name) }
      check("state", gradients.state) { change in
        state = original.indices.map { i in
          counts.contains { $0.contains(i % layout.count) } ? original[i] : original[i] + change[i]
        }
      }
    }
  }

  @Test(arguments: SequenceLayerCase.all)
  func ofOneInputDoNotNeedTheOthers(_ kind: SequenceLayerCase) {
    var generator = SplitMix64(seed: 42)
    let layer = kind.make(&generator), data = SequenceData(layer, time: 6, &generator)
    let upstream = (0..<data.batch * data.time * layer.outputSize).map { _ in Float(generator.uniform(-1, 1)) }
    let block = ParameterBlock(AnyLayer(layer)), all = backward(layer, data, block, upstream)
    let values = block.parameters.map { Array($0.values) }
    let nothing = ParameterBlock(SomeParameters())
    #expect(backward(layer, data, nothing, upstream, state: false).input == all.input, "the input alone")
    if data.state != nil {
      #expect(backward(layer, data, nothing, upstream, input: false).state == all.state, "the state alone")
    }
    for (index, name) in block.names.enumerated() {
      let alone = ParameterBlock(SomeParameters(parameters: [block.parameters[index]]))
      #expect(
        backward(layer, data, alone, upstream, input: false, state: false).parameters[0] == all.parameters[index], "\(name) alone"
      )
      #expect(Array(block.parameters[index].values) == values[index])
    }
  }

  private func backward(
    _ layer: any SequenceLayer, _ data: SequenceData, _ block: ParameterBlock, _ upstream: [Float], input: Bool = true,
    state: Bool = true
  ) -> (input: [Float], state: [Float], parameters: [[Float]]) {
    let tape = block.makeTape()
    func tensor(_ values: [Float], _ rows: Int, _ isDifferentiated: Bool) -> Tensor {
      let columns = values.count / rows
      let result = isDifferentiated ? tape.tensor(rows: rows, columns: columns) : tape.constant(rows: rows, columns: columns)
      result.values.update(from: values, count: values.count)
      return result
    }
    func gradient(_ tensor: Tensor?) -> [Float] {
      guard let tensor, let gradient = tensor.gradient else { return [] }
      return Array(UnsafeBufferPointer(start: gradient, count: tensor.rows * tensor.columns))
    }
    return data.begins.withUnsafeBufferPointer { begins in
      let x = tensor(data.inputs, data.batch * data.time, input), given = data.state.map { tensor($0, data.batch, state) }
      let shape = SequenceShape(batch: data.batch, time: data.time, begins: begins.baseAddress)
      let y = layer(x, shape, from: given, reading: .all, on: tape).output
      y.gradient?.update(from: upstream, count: upstream.count)
      tape.backward()
      let parameters = block.parameters.map { parameter in
        Array(UnsafeBufferPointer(start: parameter.gradient(on: tape), count: parameter.count))
      }
      return (gradient(x), gradient(given), parameters)
    }
  }
}

private struct AnyLayer: Layer {
  let layer: any SequenceLayer
  init(_ layer: any SequenceLayer) { self.layer = layer }
  func forEachParameter(_ body: (String, Parameter) -> Void) { layer.forEachParameter(body) }
}

/// What of a layer is to be differentiated.
private struct SomeParameters: Layer {
  var parameters: [Parameter] = []
  func forEachParameter(_ body: (String, Parameter) -> Void) {
    for (index, parameter) in parameters.enumerated() { body("\(index)", parameter) }
  }
}
