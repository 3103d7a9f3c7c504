/// `Mamba3` against the recordings of its reference, and one position at a time over a long sequence.
import Autograd
import Foundation
import Kernels
import Layers
import Randomness
import TestSupport
import Testing

@Suite struct Mamba3Tests {
  @Test(arguments: [
    "siso", "siso-odd", "siso-groups", "siso-rope1", "siso-state", "siso-resets", "siso-long", "mimo2", "mimo2-rope1",
    "mimo2-state", "mimo2-resets", "mimo4", "mimo4-norm",
  ])
  func golden(_ name: String) throws {
    let golden = try GoldenLayer("mamba3-" + name)
    func integer(_ key: String) throws -> Int? { try golden.setting(key).map { Int($0) } }
    var generator = SplitMix64(seed: 1)
    let layer = Mamba3(
      modelSize: try #require(try integer("d_model")), stateSize: try #require(try integer("d_state")),
      expansion: try #require(try integer("expand")), headSize: try integer("headdim"), groups: try integer("ngroups") ?? 1,
      rank: try integer("rank") ?? 0, ropeFraction: try #require(try golden.setting("rope_fraction")),
      isNormed: try golden.setting("norm") == 1, &generator)
    // Over 512 positions the reference's own angles are 2e-5 apart in single precision.
    try golden.check(layer, tolerance: name == "siso-long" ? 1e-4 : 1e-5)
  }

  /// Three thousand positions at once, in two parts with the state handed on, and one by one: angles that are kept modulo 2π
  /// do not drift apart.
  @Test(arguments: [0, 2]) func longSequence(rank: Int) throws {
    let time = 3_000, cut = 1_234, size = 16
    var generator = SplitMix64(seed: 5)
    let layer = Mamba3(modelSize: size, stateSize: 16, headSize: 16, rank: rank, &generator)
    let input = (0..<time * size).map { _ in Float(generator.uniform(-2, 2)) }
    let tape = Tape()
    func run(_ range: Range<Int>, from state: Tensor?) -> (outputs: [Float], state: Tensor?) {
      input.withUnsafeBufferPointer { buffer in
        let x = Tensor(data: buffer.baseAddress! + range.lowerBound * size, rows: range.count, columns: size)
        let (y, state) = layer(x, SequenceShape(batch: 1, time: range.count), from: state, reading: .all, on: tape)
        return (Array(UnsafeBufferPointer(start: y.values, count: range.count * size)), state)
      }
    }
    let whole = run(0..<time, from: nil).outputs.map(Double.init)
    let first = run(0..<cut, from: nil), second = run(cut..<time, from: first.state)
    #expect(relativeDifference(first.outputs + second.outputs, whole) <= 1e-5)

    let stepper = layer.makeStepper()
    var state = [Float](repeating: 0, count: layer.stateLayout.count), outputs: [Float] = []
    for t in 0..<time {
      let y = input.withUnsafeBufferPointer { stepper.step($0.baseAddress! + t * size, state: &state) }
      outputs += UnsafeBufferPointer(start: y, count: size)
    }
    #expect(relativeDifference(outputs, whole) <= 1e-5)
  }

  /// A slow start, where nothing is read: after T steps exp(−TΔ / (1 + decaySteps)) is left of each head's state.
  @Test(arguments: [100, 2_000]) func statesBeginToDecaySlowly(_ decaySteps: Int) {
    var generator = SplitMix64(seed: 6)
    let layer = Mamba3(
      modelSize: 8, stateSize: 4, headSize: 4, ropeFraction: 1, start: .slow(decaySteps: decaySteps), &generator)
    let stepper = layer.makeStepper(), zero = [Float](repeating: 0, count: 8), steps = 300
    let angles = layer.core.heads * layer.core.angles, size = 16, ssm = angles..<angles + layer.core.heads * size
    var state = [Float](repeating: 0, count: layer.stateLayout.count)
    for i in ssm { state[i] = Float(generator.uniform(1, 2)) }
    let before = state
    for _ in 0..<steps { _ = zero.withUnsafeBufferPointer { stepper.step($0.baseAddress!, state: &state) } }
    for i in ssm {
      let delta = log1p(exp(Double(layer.parameters.stepBias.values[(i - angles) / size])))
      let expected = exp(-Double(steps) * delta / Double(1 + decaySteps))
      #expect(abs(Double(state[i] / before[i]) - expected) < 1e-3 * expected)
    }
  }
}
