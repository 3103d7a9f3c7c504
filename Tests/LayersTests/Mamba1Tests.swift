/// Mamba-1 against recordings of mamba-ssm: outputs, states, every gradient, steps.
import Autograd
import Kernels
import Layers
import Randomness
import TestSupport
import Testing

@Suite struct Mamba1Tests {
  @Test(arguments: ["regular", "odd", "long", "state", "resets"]) func golden(_ name: String) throws {
    let golden = try GoldenLayer("mamba1-" + name)
    var generator = SplitMix64(seed: 1)
    func size(_ key: String) throws -> Int { Int(try #require(try golden.setting(key))) }
    let block = Mamba1(
      modelSize: try size("d_model"), stateSize: try size("d_state"), convolutionWidth: try size("d_conv"),
      expansion: try size("expand"), bias: try golden.setting("bias") == 1, &generator)
    try golden.check(block)
  }

  /// The last position read from all of them, by the closed form, and step by step.
  @Test(arguments: [true, false]) func lastPosition(_ hasConvolutionBias: Bool) throws {
    var generator = SplitMix64(seed: 2)
    let block = Mamba1(modelSize: 12, stateSize: 6, rank: 3, convolutionBias: hasConvolutionBias, &generator)
    let (batch, time, tape) = (3, 10, Tape())
    let input = (0..<batch * time * 12).map { _ in Float(generator.uniform(-1, 1)) }
    try input.withUnsafeBufferPointer { input in
      let start = try #require(input.baseAddress)
      let x = Tensor(data: start, rows: batch * time, columns: 12), shape = SequenceShape(batch: batch, time: time)
      let (all, state) = block(x, shape, from: nil, reading: .all, on: tape)
      let zero = tape.tensor(rows: batch, columns: block.stateLayout.count)
      zero.values.update(repeating: 0, count: batch * block.stateLayout.count)
      let (last, sameState) = block(x, shape, from: zero, reading: .last, on: tape)
      let (closed, _) = block(x, shape, from: nil, reading: .last, on: tape)
      let stepper = block.makeStepper(), final = try #require(state), other = try #require(sameState)
      for b in 0..<batch {
        var carried = [Float](repeating: 0, count: block.stateLayout.count)
        var y = UnsafeMutablePointer<Float>(mutating: start)
        for t in 0..<time { y = stepper.step(start + (b * time + t) * 12, state: &carried) }
        let expected = (0..<12).map { Double(all[b * time + time - 1, $0]) }
        #expect(relativeDifference((0..<12).map { last[b, $0] }, expected) < 1e-6)
        #expect(relativeDifference((0..<12).map { closed[b, $0] }, expected) < 1e-5)
        #expect(relativeDifference((0..<12).map { y[$0] }, expected) < 1e-5)
        let states = (0..<block.stateLayout.count).map { Double(final[b, $0]) }
        #expect(relativeDifference(carried, states) < 1e-5)
        #expect((0..<block.stateLayout.count).map { Double(other[b, $0]) } == states)
      }
    }
  }
}
