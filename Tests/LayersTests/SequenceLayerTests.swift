/// The contract of `SequenceLayer`, held against every layer there is: unrolled steps = one sequence = a sequence cut anywhere
/// with its state handed on = sequences in another order, with episodes that begin inside.
import Autograd
import Foundation
import Kernels
import Layers
import Randomness
import TestSupport
import Testing

@Suite struct SequenceLayerTests {
  /// Of the largest output.
  static let tolerance = 1e-5

  /// `misuse` finds them by their names.
  @Test func everyCaseHasANameOfItsOwn() {
    #expect(Set(SequenceLayerCase.all.map(\.testDescription)).count == SequenceLayerCase.all.count)
  }

  @Test(arguments: SequenceLayerCase.all, [1, 2, 13])
  func stepsEqualTheSequence(_ kind: SequenceLayerCase, _ time: Int) {
    var generator = SplitMix64(seed: 31)
    let layer = kind.make(&generator), data = SequenceData(layer, time: time, &generator)
    let whole = run(data)
    let stepper = layer.makeStepper(), width = layer.stateLayout.count
    var outputs: [Float] = [], states: [Float] = []
    for b in 0..<data.batch {
      var state = data.state.map { Array($0[b * width..<(b + 1) * width]) } ?? [0]
      for t in 0..<time {
        if data.begins[b * time + t] != 0 { state = [Float](repeating: 0, count: state.count) }
        let y = Array(data.inputs(b, t..<t + 1)).withUnsafeBufferPointer { stepper.step($0.baseAddress!, state: &state) }
        outputs += UnsafeBufferPointer(start: y, count: layer.outputSize)
      }
      states += state.prefix(width)
    }
    expectEqual(outputs, whole.output, "outputs of single steps")
    expectEqualStates(states, whole.state, layer.stateLayout)
  }

  @Test(arguments: SequenceLayerCase.all)
  func aSequenceMayBeCutAnywhere(_ kind: SequenceLayerCase) {
    var generator = SplitMix64(seed: 32)
    let time = 17, layer = kind.make(&generator), data = SequenceData(layer, time: time, &generator)
    let whole = run(data), width = layer.outputSize
    for _ in 0..<6 {
      let cuts = Set((0..<3).map { _ in 1 + Int(generator.uniform(0, Double(time - 1))) }).sorted()
      var state = data.state, outputs = [Float](repeating: .nan, count: whole.output.count)
      for (start, end) in zip([0] + cuts, cuts + [time]) {
        let inputs = (0..<data.batch).flatMap { data.inputs($0, start..<end) }
        let begins = (0..<data.batch).flatMap { data.begins[$0 * time + start..<$0 * time + end] }
        let piece = runSequence(layer, inputs, batch: data.batch, time: end - start, begins: begins, state: state)
        for b in 0..<data.batch {
          let length = (end - start) * width, place = (b * time + start) * width
          outputs.replaceSubrange(place..<place + length, with: piece.output[b * length..<(b + 1) * length])
        }
        state = piece.state
      }
      expectEqual(outputs, whole.output, "cut at \(cuts)")
      expectEqualStates(state ?? [], whole.state, layer.stateLayout)
    }
  }

  @Test(arguments: SequenceLayerCase.all)
  func theOrderOfSequencesDoesNotMatter(_ kind: SequenceLayerCase) {
    var generator = SplitMix64(seed: 33)
    let time = 9, layer = kind.make(&generator), data = SequenceData(layer, time: time, &generator)
    let whole = run(data), order = [5, 2, 6, 0, 4, 1, 3]
    func reordered<Element>(_ rows: [Element]) -> [Element] {
      let width = rows.count / data.batch
      return order.flatMap { rows[$0 * width..<($0 + 1) * width] }
    }
    let other = runSequence(
      layer, reordered(data.inputs), batch: data.batch, time: time, begins: reordered(data.begins),
      state: data.state.map(reordered))
    expectEqual(other.output, reordered(whole.output), "outputs in another order")
    expectEqualStates(other.state ?? [], whole.state.map(reordered), layer.stateLayout)
  }

  @Test(arguments: SequenceLayerCase.all, [1, 8])
  func theLastPositionIsTheLastRowOfAll(_ kind: SequenceLayerCase, _ time: Int) {
    var generator = SplitMix64(seed: 34)
    let layer = kind.make(&generator), data = SequenceData(layer, time: time, &generator), width = layer.outputSize
    // From a state with beginnings, and as a window is read: from zero, without any.
    for (state, begins) in [(data.state, Optional(data.begins)), (nil, nil)] {
      let all = runSequence(layer, data.inputs, batch: data.batch, time: time, begins: begins, state: state)
      let last = runSequence(
        layer, data.inputs, batch: data.batch, time: time, begins: begins, state: state, reading: .last)
      expectEqual(
        last.output, (0..<data.batch).flatMap { all.output[(($0 + 1) * time - 1) * width..<($0 + 1) * time * width] }, "last")
      // Of a window a layer need not know the state.
      if state == nil && last.state == nil { continue }
      expectEqualStates(last.state ?? [], all.state, layer.stateLayout)
    }
  }

  @Test(arguments: SequenceLayerCase.all)
  func noStateIsAStateOfZeros(_ kind: SequenceLayerCase) {
    var generator = SplitMix64(seed: 35)
    let layer = kind.make(&generator), data = SequenceData(layer, time: 7, &generator)
    guard let state = data.state else { return }
    let none = runSequence(layer, data.inputs, batch: data.batch, time: 7, begins: nil, state: nil)
    let zeros = runSequence(
      layer, data.inputs, batch: data.batch, time: 7, begins: nil, state: [Float](repeating: 0, count: state.count))
    expectEqual(none.output, zeros.output, "outputs")
    // An episode that begins at the first position discards what was handed in.
    let begins = (0..<data.batch * 7).map { UInt8($0 % 7 == 0 ? 1 : 0) }
    expectEqual(run(data, begins).output, zeros.output, "an episode at position 0")
  }

  @Test(arguments: SequenceLayerCase.all)
  func wrongShapesTrap(_ kind: SequenceLayerCase) async {
    await #expect(processExitsWith: .failure) { [name = kind.testDescription as String] in try misuse(name, time: 0) }
    await #expect(processExitsWith: .failure) { [name = kind.testDescription as String] in try misuse(name, wider: 1) }
    await #expect(processExitsWith: .failure) { [name = kind.testDescription as String] in try misuse(name, widerState: 1) }
    await #expect(processExitsWith: .success) { [name = kind.testDescription as String] in try misuse(name) }
  }

  private func run(_ data: SequenceData, _ begins: [UInt8]? = nil) -> (output: [Float], state: [Float]?) {
    runSequence(
      data.layer, data.inputs, batch: data.batch, time: data.time, begins: begins ?? data.begins, state: data.state)
  }

  private func expectEqual(_ actual: [Float], _ expected: [Float], _ what: String) {
    let difference = relativeDifference(actual, expected.map(Double.init))
    #expect(difference <= Self.tolerance, "\(what): \(difference)")
  }

  /// Part by part, angles by their sine and cosine.
  private func expectEqualStates(_ actual: [Float], _ expected: [Float]?, _ layout: StateLayout) {
    guard let expected else { return }
    #expect(actual.count == expected.count)
    for part in layout.parts {
      let range = layout.range(of: part.name) ?? 0..<0
      func values(_ all: [Float]) -> [Float] {
        let own = stride(from: 0, to: all.count, by: layout.count).flatMap { row in range.map { all[row + $0] } }
        return part.name.hasSuffix("angle") ? own.map(sin) + own.map(cos) : own
      }
      expectEqual(values(actual), values(expected), "state \(part.name)")
    }
  }
}

/// Calls a layer with one thing wrong.
private func misuse(_ name: String, time: Int = 3, wider: Int = 0, widerState: Int = 0) throws {
  var generator = SplitMix64(seed: 36)
  let layer = try #require(SequenceLayerCase.all.first { $0.testDescription == name }).make(&generator)
  let width = layer.stateLayout.count + widerState
  let tape = Tape()
  let state = width > 0 ? tape.constant(rows: 2, columns: width) : nil
  state?.values.update(repeating: 0, count: 2 * width)
  let x = tape.constant(rows: 2 * time, columns: layer.inputSize + wider)
  x.values.update(repeating: 0, count: 2 * time * (layer.inputSize + wider))
  _ = layer(x, SequenceShape(batch: 2, time: time), from: state, reading: .all, on: tape)
}
