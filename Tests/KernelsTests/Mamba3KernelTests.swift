/// `Mamba3Core` against its plain twin: outputs, final states, one position at a time, and every gradient under random upstream
/// gradients, at odd sizes, with episodes that begin inside and states handed in.
import Foundation
import Kernels
import Randomness
import TestSupport
import Testing

@Suite struct Mamba3KernelTests {
  /// One set of sizes. Sequences of more than 32 positions span chunks.
  struct Case: CustomTestStringConvertible {
    var batch = 2, time = 7, heads = 4, headSize = 6, states = 10, groups = 1, rank = 0, angles = 2
    var isNormed = false, hasState = true, hasResets = true
    /// Added to dt_bias: decays near one, or so strong that they are zero where no episode begins.
    var bias: Float = 0
    var testDescription: String {
      "\(batch)×\(time), \(heads) heads of \(headSize), \(states) states, \(groups) groups, rank \(rank), \(angles) angles"
        + (isNormed ? ", norm" : "") + (hasState ? ", state" : "") + (hasResets ? ", resets" : "")
        + (bias == 0 ? "" : ", dt_bias \(bias) more")
    }
    var core: Mamba3Core {
      Mamba3Core(
        heads: heads, headSize: headSize, states: states, groups: groups, rank: rank, angles: angles, isNormed: isNormed)
    }
  }

  static let cases: [Case] = [
    Case(), Case(batch: 1, time: 1, hasResets: false), Case(time: 70, isNormed: true), Case(time: 64, hasState: false),
    Case(batch: 3, time: 33, heads: 2, headSize: 16, states: 16, angles: 4),
    Case(batch: 1, time: 40, heads: 2, headSize: 64, states: 64, angles: 32, hasState: false, hasResets: false),
    Case(heads: 6, headSize: 17, states: 33, groups: 3, angles: 16), Case(heads: 1, headSize: 1, states: 1, angles: 0),
    Case(time: 35, headSize: 24, states: 7, groups: 2, rank: 2, angles: 3), Case(rank: 1, angles: 5, isNormed: true),
    Case(time: 34, heads: 3, headSize: 16, states: 24, rank: 3, angles: 6), Case(states: 1, rank: 4, angles: 0, hasState: false),
    Case(time: 40, heads: 8, headSize: 4, states: 32, angles: 8), Case(time: 35, headSize: 3, states: 33, isNormed: true),
    Case(batch: 1, time: 66, headSize: 8, states: 18, groups: 2, angles: 9, isNormed: true),
    Case(time: 66, headSize: 16, angles: 0, bias: 40), Case(time: 66, headSize: 16, bias: -7),
    Case(time: 66, headSize: 4, angles: 0, bias: 40), Case(time: 35, rank: 2, bias: -7),
    Case(time: 66, rank: 2, angles: 0, bias: 6),
    Case(time: 36, headSize: 12, isNormed: true), Case(time: 5, headSize: 9, states: 3, angles: 1, hasResets: false),
  ]

  struct Inputs {
    let projection, state, dOutput: [Float]
    let begins: [UInt8]
    let parameters: Mamba3Parameters<[Float]>
  }

  static func inputs(_ c: Case) -> Inputs {
    let core = c.core, H = c.heads, R = core.ranks, P = c.headSize, N = c.states, rows = c.batch * c.time
    var generator = SplitMix64(seed: 7)
    let projection = random(rows * core.projectionSize, -2, 2, &generator)
    let state = random(c.batch * core.stateCount, -1, 1, &generator)
    let mimo = { random(H * R * P, 0.2, 1, &generator) }
    let parameters = Mamba3Parameters(
      stepBias: random(H, -2, 1, &generator).map { $0 + c.bias }, bBias: random(H * R * N, -1, 1, &generator),
      cBias: random(H * R * N, -1, 1, &generator), bNorm: random(N, 0.5, 1.5, &generator),
      cNorm: random(N, 0.5, 1.5, &generator), skip: random(H, -1, 1, &generator),
      norm: c.isNormed ? random(H * P, 0.5, 1.5, &generator) : nil, mimoX: c.rank > 0 ? mimo() : nil,
      mimoZ: c.rank > 0 ? mimo() : nil, mimoO: c.rank > 0 ? mimo() : nil)
    let begins = (0..<rows).map { UInt8(c.hasResets && ($0 % 11 == 3 || $0 == c.time) ? 1 : 0) }
    return Inputs(
      projection: projection, state: state, dOutput: random(rows * core.inner, -1, 1, &generator), begins: begins,
      parameters: parameters)
  }

  /// Largest difference over the largest entry, as everywhere; zero where both are.
  private func expect(_ actual: [Float], _ expected: [Double], _ name: String, _ tolerance: Double) {
    if expected.allSatisfy({ $0 == 0 }) { return #expect(actual.allSatisfy { $0 == 0 }, "\(name)") }
    let difference = relativeDifference(actual, expected)
    #expect(difference <= tolerance, "\(name): \(difference)")
  }

  private func expectState(_ actual: [Float], _ expected: [Double], _ core: Mamba3Core, _ tolerance: Double) {
    let turning = core.heads * core.angles
    for i in expected.indices {
      let inRow = i % core.stateCount
      let difference =
        inRow < turning ? remainder(Double(actual[i]) - expected[i], 2 * .pi) : Double(actual[i]) - expected[i]
      #expect(abs(difference) <= tolerance * max(1, abs(expected[i])), "state \(inRow): \(difference)")
    }
  }

  @Test(arguments: cases) func twins(_ c: Case) {
    var core = c.core
    let x = Self.inputs(c), rows = c.batch * c.time, width = core.projectionSize
    core.projectionStride = width + 3  // what lies between rows is neither read nor written
    let projection = (0..<rows).flatMap { x.projection[$0 * width..<($0 + 1) * width] + [.nan, .nan, .nan] }
    x.begins.withUnsafeBufferPointer { begins in
      let shape = SequenceShape(batch: c.batch, time: c.time, begins: begins.baseAddress)
      let state = c.hasState ? x.state : nil
      let expected = core.reference(shape, projection: x.projection, state: state, parameters: x.parameters)
      let gradient = core.referenceGradient(
        shape, projection: x.projection, state: state, parameters: x.parameters, dOutput: x.dOutput)

      let held = x.parameters.map { UnsafeMutableBufferPointer<Float>.copy(of: $0) }
      let gradients = x.parameters.map { UnsafeMutableBufferPointer<Float>.copy(of: $0.map { _ in 0 }) }
      defer {
        _ = held.map { $0.deallocate() }
        _ = gradients.map { $0.deallocate() }
      }
      let parameters = held.map { $0.baseAddress! }
      for keepsStates in [false, true] {
        var output = [Float](repeating: .nan, count: rows * core.inner)
        var final = [Float](repeating: .nan, count: c.batch * core.stateCount)
        var workspace = [Float](repeating: .nan, count: core.workspaceCount(shape, keepsStates: keepsStates))
        var scratch = [Float](repeating: .nan, count: core.forwardScratchCount)
        core.forward(
          shape, projection: projection, parameters: parameters, state: state, output: &output, finalState: &final,
          workspace: &workspace, keepsStates: keepsStates, scratch: &scratch)
        expect(output, expected.output, "output", 3e-6)
        expectState(final, expected.finalState, core, 1e-5)
        guard keepsStates else { continue }

        var written = [Float](repeating: .nan, count: projection.count)
        var dState = [Float](repeating: 0, count: c.batch * core.stateCount)
        scratch = [Float](repeating: .nan, count: core.backwardScratchCount(shape))
        core.backward(
          shape, projection: projection, parameters: parameters, state: state, dOutput: x.dOutput,
          dProjection: &written, gradients: gradients.map { $0.baseAddress! }, dState: &dState, workspace: &workspace,
          scratch: &scratch)
        let dProjection = (0..<rows).flatMap { written[$0 * (width + 3)..<$0 * (width + 3) + width] }
        #expect(written.count { $0.isNaN } == 3 * rows)
        // Column by column: a's gradient is smaller than x's.
        let N = core.ranks * core.groups * c.states
        var start = 0
        for (name, count) in [
          ("z", core.inner), ("x", core.inner), ("B", N), ("C", N), ("δ", c.heads), ("a", c.heads), ("τ", c.heads),
          ("ω", c.angles),
        ] where count > 0 {
          let columns = (0..<rows).flatMap { row in (start..<start + count).map { row * width + $0 } }
          // The norm of a single state passes nothing but its ε's share on.
          let tolerance = c.states == 1 && (name == "B" || name == "C") ? 1e-3 : 1e-5
          expect(columns.map { dProjection[$0] }, columns.map { gradient.projection[$0] }, "d" + name, tolerance)
          start += count
        }
        if c.hasState { expect(dState, gradient.state, "dState", 1e-5) }
        let g = gradients.map { Array($0) }, e = gradient.parameters
        expect(g.stepBias, e.stepBias, "dt_bias", 1e-5)
        expect(g.bBias, e.bBias, "B_bias", 1e-5)
        expect(g.cBias, e.cBias, "C_bias", 1e-5)
        expect(g.bNorm, e.bNorm, "B_norm", 1e-5)
        expect(g.cNorm, e.cNorm, "C_norm", 1e-5)
        expect(g.skip, e.skip, "D", 1e-5)
        for (name, actual, expected) in [
          ("norm", g.norm, e.norm), ("mimo_x", g.mimoX, e.mimoX), ("mimo_z", g.mimoZ, e.mimoZ), ("mimo_o", g.mimoO, e.mimoO),
        ] {
          if let actual, let expected { expect(actual, expected, name, 1e-5) }
        }
      }

      // One position at a time.
      var scratch = [Float](repeating: 0, count: core.stepScratchCount)
      for b in 0..<c.batch {
        var now = c.hasState ? Array(x.state[b * core.stateCount..<(b + 1) * core.stateCount]) : []
        if !c.hasState { now = [Float](repeating: 0, count: core.stateCount) }
        var output = [Float](repeating: .nan, count: c.time * core.inner)
        for t in 0..<c.time {
          if x.begins[b * c.time + t] != 0 { now = [Float](repeating: 0, count: core.stateCount) }
          let row = Array(x.projection[(b * c.time + t) * width..<(b * c.time + t + 1) * width])
          output.withUnsafeMutableBufferPointer {
            core.step(
              projection: row, parameters: parameters, state: &now, output: $0.baseAddress! + t * core.inner,
              scratch: &scratch)
          }
        }
        let range = b * c.time * core.inner..<(b + 1) * c.time * core.inner
        expect(output, Array(expected.output[range]), "steps", 3e-6)
        expectState(now, Array(expected.finalState[b * core.stateCount..<(b + 1) * core.stateCount]), core, 1e-5)
      }
    }
  }
}

extension UnsafeMutableBufferPointer<Float> {
  fileprivate static func copy(of values: [Float]) -> Self {
    let copy = allocate(capacity: values.count)
    _ = copy.initialize(from: values)
    return copy
  }
}
