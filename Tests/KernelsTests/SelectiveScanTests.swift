/// The selective scan against its plain twin: output, final state and every gradient under a random upstream gradient, at
/// sizes that are and are not multiples of the vector length and of a chunk; and one position at a time.
import Foundation
import Kernels
import Randomness
import TestSupport
import Testing

@Suite struct SelectiveScanTests {
  struct Case: Sendable, CustomStringConvertible {
    let batch, time, channels, states: Int
    var hasState = true, hasResets = false, largestStep = 0.5
    var description: String {
      "\(batch)×\(time), \(channels) channels, \(states) states, resets \(hasResets), δ ≤ \(largestStep)"
    }
  }
  static let cases = [
    Case(batch: 2, time: 37, channels: 32, states: 16, hasState: false),
    Case(batch: 3, time: 21, channels: 24, states: 8, hasResets: true),
    Case(batch: 2, time: 33, channels: 13, states: 5, hasResets: true), Case(batch: 1, time: 1, channels: 16, states: 3),
    Case(batch: 2, time: 16, channels: 1, states: 1), Case(batch: 1, time: 40, channels: 33, states: 17),
    Case(batch: 2, time: 50, channels: 17, states: 64, hasResets: true),
    Case(batch: 1, time: 20, channels: 19, states: 16, largestStep: 60),  // decays below the smallest float
    Case(batch: 2, time: 0, channels: 5, states: 4),
  ]

  @Test(arguments: cases) func againstTwin(_ c: Case) {
    var generator = SplitMix64(seed: 31)
    let (channels, states, rows) = (c.channels, c.states, c.batch * c.time)
    let stateCount = c.batch * channels * states, stride = 2 * states + 3
    let begins = c.hasResets ? randomBegins(rows, &generator) : [UInt8](repeating: 0, count: rows)
    let initial = c.hasState ? random(stateCount, -1, 1, &generator) : [Float](repeating: 0, count: stateCount)
    let selected = random(rows * stride, -1, 1, &generator)  // [3 floats of something else, B, C] a row
    let x = SelectiveScan.ReferenceInputs(
      u: random(rows * channels, -2, 2, &generator), step: random(rows * channels, -7, c.largestStep, &generator),
      stepBias: random(channels, -0.1, 0.1, &generator),
      aLog: (0..<channels * states).map { i in Float(0.2 * generator.uniform(-1, 1)) + logf(Float(i % states + 1)) },
      b: (0..<rows * states).map { selected[$0 / states * stride + 3 + $0 % states] },
      c: (0..<rows * states).map { selected[$0 / states * stride + 3 + states + $0 % states] },
      skip: random(channels, 0.5, 1.5, &generator), z: random(rows * channels, -2, 2, &generator),
      initial: initial)
    let upstream = random(rows * channels, -1, 1, &generator)

    begins.withUnsafeBufferPointer { begins in
      let scan = SelectiveScan(
        shape: SequenceShape(batch: c.batch, time: c.time, begins: c.hasResets ? begins.baseAddress : nil), channels: channels,
        states: states)
      let expected = scan.reference(x), g = scan.referenceBackward(x, upstream: upstream)
      let floats = Floats()
      let packed = floats.zeros(scan.packedCount), packedGradient = floats.zeros(scan.packedCount)
      scan.pack(aLog: x.aLog, into: packed)
      let values = floats.copy(selected)
      let inputs = SelectiveScan.Inputs(
        u: floats.copy(x.u), step: floats.copy(x.step), stepBias: floats.copy(x.stepBias), packedA: packed, b: values + 3,
        bStride: stride, c: values + 3 + states, cStride: stride, skip: floats.copy(x.skip), z: floats.copy(x.z),
        initial: c.hasState ? UnsafePointer(floats.copy(initial)) : nil, initialStride: channels * states)
      let out = floats.zeros(rows * channels), ungated = floats.zeros(rows * channels), final = floats.zeros(stateCount)
      let kept = floats.zeros(scan.keptCount)
      scan.forward(
        inputs, out: out, ungated: ungated, final: final, finalStride: channels * states, kept: kept,
        scratch: floats.nan(scan.scratchCount))
      #expect(relativeDifference(floats.read(final, stateCount), expected.final) < 3e-6)
      guard rows > 0 else { return }
      #expect(relativeDifference(floats.read(out, rows * channels), expected.out) < 3e-6)

      // The gradients of δ, u and z hold a one already where they are added to.
      let start: Float = c.batch > 1 ? 1 : 0
      func gradient(_ count: Int) -> SelectiveScan.Written {
        start == 1 ? (floats.ones(count), .add) : (floats.nan(count), .overwrite)
      }
      let du = gradient(rows * channels), dStep = gradient(rows * channels), dz = gradient(rows * channels)
      let dSelected = floats.zeros(rows * stride), dSkip = floats.zeros(channels), dInitial = floats.zeros(stateCount)
      let dStepBias = floats.zeros(channels)
      scan.backward(
        inputs, upstream: floats.copy(upstream), ungated: ungated, kept: kept,
        gradients: .init(
          u: du, step: dStep, stepBias: dStepBias, packedA: packedGradient, b: dSelected + 3, c: dSelected + 3 + states,
          skip: dSkip, z: dz, initial: c.hasState ? dInitial : nil), scratch: floats.nan(scan.backwardScratchCount))
      let dALog = floats.zeros(channels * states)
      scan.unpackGradient(packed: packed, packedGradient: packedGradient, into: dALog)
      func compare(_ p: UnsafeMutablePointer<Float>, _ expected: [Double], minus start: Float = 0, _ name: String) {
        guard expected.contains(where: { $0 != 0 }) else { return }
        let difference = relativeDifference(floats.read(p, expected.count).map { $0 - start }, expected)
        #expect(difference < 5e-6, "\(name)")
      }
      compare(du.start, g.u, minus: start, "u")
      compare(dStep.start, g.step, minus: start, "step")
      compare(dStepBias, g.stepBias, "step bias")
      compare(dz.start, g.z, minus: start, "z")
      compare(dALog, g.aLog, "A_log")
      compare(dSkip, g.skip, "D")
      if c.hasState { compare(dInitial, g.initial, "initial") }
      let both = floats.read(dSelected, rows * stride)
      let db = (0..<rows * states).map { both[$0 / states * stride + 3 + $0 % states] }
      let dc = (0..<rows * states).map { both[$0 / states * stride + 3 + states + $0 % states] }
      #expect(relativeDifference(db, g.b) < 5e-6)
      #expect(relativeDifference(dc, g.c) < 5e-6)
    }
  }

  @Test(arguments: [[32, 16], [13, 5], [1, 1], [17, 64], [9, 24]]) func steps(_ size: [Int]) {
    let (channels, states, time) = (size[0], size[1], 7)
    var generator = SplitMix64(seed: 32)
    let x = SelectiveScan.ReferenceInputs(
      u: random(time * channels, -2, 2, &generator), step: random(time * channels, -7, 0.5, &generator),
      stepBias: [Float](repeating: 0, count: channels), aLog: random(channels * states, 0, 2.7, &generator),
      b: random(time * states, -1, 1, &generator),
      c: random(time * states, -1, 1, &generator), skip: random(channels, 0.5, 1.5, &generator),
      z: random(time * channels, -2, 2, &generator), initial: random(channels * states, -1, 1, &generator))
    let expected = SelectiveScan(shape: SequenceShape(batch: 1, time: time), channels: channels, states: states).reference(x)
    let floats = Floats()
    let scaledA = floats.zeros(channels * states), h = floats.copy(x.initial), out = floats.zeros(time * channels)
    SelectiveScan.scale(aLog: x.aLog, count: channels * states, into: scaledA)
    let (u, delta, z, b, c) = (
      floats.copy(x.u), floats.copy(x.step.map { log1pf(expf($0)) }), floats.copy(x.z), floats.copy(x.b), floats.copy(x.c)
    )
    for t in 0..<time {
      SelectiveScan.step(
        channels: channels, states: states, scaledA: scaledA, h: h, delta: delta + t * channels, u: u + t * channels,
        b: b + t * states, c: c + t * states, skip: floats.copy(x.skip), z: z + t * channels, out: out + t * channels,
        scratch: floats.nan(SelectiveScan.stepScratchCount(channels: channels)))
    }
    #expect(relativeDifference(floats.read(out, time * channels), expected.out) < 3e-6)
    #expect(relativeDifference(floats.read(h, channels * states), expected.final) < 3e-6)
  }
}

/// Memory of a test, freed with it.
final class Floats {
  private var blocks: [UnsafeMutablePointer<Float>] = []
  deinit { for block in blocks { block.deallocate() } }

  func filled(_ count: Int, with value: Float) -> UnsafeMutablePointer<Float> {
    let block = UnsafeMutablePointer<Float>.allocate(capacity: max(count, 1))
    block.initialize(repeating: value, count: count)
    blocks.append(block)
    return block
  }
  func zeros(_ count: Int) -> UnsafeMutablePointer<Float> { filled(count, with: 0) }
  func ones(_ count: Int) -> UnsafeMutablePointer<Float> { filled(count, with: 1) }
  func nan(_ count: Int) -> UnsafeMutablePointer<Float> { filled(count, with: .nan) }
  func copy(_ values: [Float]) -> UnsafeMutablePointer<Float> {
    let block = zeros(values.count)
    for (i, value) in values.enumerated() { block[i] = value }
    return block
  }
  func read(_ p: UnsafeMutablePointer<Float>, _ count: Int) -> [Float] { Array(UnsafeBufferPointer(start: p, count: count)) }
}
