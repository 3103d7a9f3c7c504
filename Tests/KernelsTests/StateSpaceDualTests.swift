/// Mamba-2's dual form against its plain twin, the recurrence: outputs, states and every gradient at odd sizes, with episodes
/// that begin inside the sequences, states handed in, and chunks of any length.
import Kernels
import Randomness
import TestSupport
import Testing

@Suite struct StateSpaceDualTests {
  struct Case: CustomTestStringConvertible, Sendable {
    var batch, time, heads, headSize, groups, states: Int
    var chunk: Int? = nil
    var initial = true, begins = true, accumulation = Accumulation.overwrite
    var testDescription: String { "\(self)" }
  }

  static let cases = [
    Case(batch: 2, time: 37, heads: 4, headSize: 16, groups: 2, states: 16),
    Case(batch: 3, time: 13, heads: 5, headSize: 9, groups: 1, states: 6, chunk: 4, accumulation: .add),
    Case(batch: 1, time: 100, heads: 2, headSize: 64, groups: 1, states: 16, initial: false, begins: false),
    Case(batch: 2, time: 70, heads: 2, headSize: 24, groups: 2, states: 33, initial: false),
    Case(batch: 2, time: 31, heads: 3, headSize: 7, groups: 3, states: 1, chunk: 9, begins: false, accumulation: .add),
    Case(batch: 3, time: 1, heads: 2, headSize: 1, groups: 1, states: 3),
    Case(batch: 1, time: 19, heads: 1, headSize: 5, groups: 1, states: 2, chunk: 1),
  ]

  @Test(arguments: cases) func twin(_ size: Case) throws {
    let rows = size.batch * size.time, width = size.heads * size.headSize, bWidth = size.groups * size.states
    var generator = SplitMix64(seed: 41)
    let begins = (0..<rows).map { _ in UInt8(size.begins && generator.uniform(0, 1) < 0.15 ? 1 : 0) }
    let stateCount = size.batch * width * size.states
    let inputs = StateSpaceDual.ReferenceInputs(
      x: random(rows * width, -1, 1, &generator), b: random(rows * bWidth, -1, 1, &generator),
      c: random(rows * bWidth, -1, 1, &generator), step: random(rows * size.heads, -2, 2, &generator),
      stepBias: random(size.heads, -5, -1, &generator), aLog: random(size.heads, -2, 2.5, &generator),
      skip: random(size.heads, 0.5, 1.5, &generator), initial: size.initial ? random(stateCount, -1, 1, &generator) : [])
    let dy = random(rows * width, -1, 1, &generator)

    // x, B and C side by side in one matrix, as the convolution leaves them, and something between the rows of the step.
    let columns = width + 2 * bWidth + 1, stepColumns = size.heads + 3
    let memories = Memories()
    defer { withExtendedLifetime(memories) {} }
    let xbc = memories(rows * columns, .nan), dxbc = memories(rows * columns, size.accumulation == .add ? 0.5 : 7)
    let step = memories(rows * stepColumns, .nan), dStep = memories(rows * stepColumns, 0.25)
    for row in 0..<rows {
      for j in 0..<width { xbc[row * columns + j] = inputs.x[row * width + j] }
      for j in 0..<bWidth {
        xbc[row * columns + width + j] = inputs.b[row * bWidth + j]
        xbc[row * columns + width + bWidth + j] = inputs.c[row * bWidth + j]
      }
      for j in 0..<size.heads { step[row * stepColumns + j] = inputs.step[row * size.heads + j] }
    }
    begins.withUnsafeBufferPointer { begins in
      let shape = SequenceShape(batch: size.batch, time: size.time, begins: size.begins ? begins.baseAddress : nil)
      let dual = StateSpaceDual(
        shape: shape, heads: size.heads, headSize: size.headSize, groups: size.groups, states: size.states, chunk: size.chunk)
      let expected = dual.referenceForward(inputs), gradient = dual.referenceBackward(inputs, dy: dy)

      func views(_ memory: Memory, _ step: Memory) -> (x: Memory.Rows, b: Memory.Rows, c: Memory.Rows, step: Memory.Rows) {
        func view(_ offset: Int) -> Memory.Rows { .init(memory.start + offset, stride: columns) }
        return (view(0), view(width), view(width + bWidth), .init(step.start, stride: stepColumns))
      }
      let (x, b, c, stepRows) = views(xbc, step)
      let bias = memories(inputs.stepBias), aLog = memories(inputs.aLog), skip = memories(inputs.skip)
      let kernelInputs = StateSpaceDual.Inputs(
        x: x, b: b, c: c, step: stepRows, stepBias: bias.start, aLog: aLog.start, skip: skip.start)
      let initial = memories(inputs.initial), stateStride = width * size.states
      let initialRows = size.initial ? Memory.Rows(initial.start, stride: stateStride) : nil
      let decays = memories(dual.decayCount, .nan), scratch = memories(dual.scratchCount, .nan)
      let kept = memories(dual.stateCount(isRecording: true), .nan)
      for isRecording in [false, true] {
        let y = memories(rows * width, .nan), final = memories(stateCount, .nan)
        let states = isRecording ? kept : memories(dual.stateCount(isRecording: false), .nan)
        dual.forward(
          kernelInputs, initial: initialRows, y: y.start, final: .init(final.start, stride: stateStride), decays: decays.start,
          kept: states.start, isRecording: isRecording, scratch: scratch.start)
        #expect(relativeDifference(y.array, expected.y) < 2e-6)
        let last = (0..<stateCount).map { i in
          expected.states[(i / stateStride * (size.time + 1) + size.time) * stateStride + i % stateStride]
        }
        #expect(relativeDifference(final.array, last) < 2e-6)
      }

      checkSteps(dual, inputs, expected.y)

      let (dx, db, dc, dStepRows) = views(dxbc, dStep)
      let dBias = memories(size.heads, 1), dALog = memories(size.heads, 1), dSkip = memories(size.heads, 1)
      let dInitial = memories(stateCount, 1)
      dual.backward(
        kernelInputs, hasInitial: size.initial, decays: decays.start, kept: kept.start, dy: memories(dy).start,
        into: .init(
          x: dx, b: db, c: dc, size.accumulation, step: dStepRows, stepBias: dBias.start, aLog: dALog.start,
          skip: dSkip.start, initial: size.initial ? .init(dInitial.start, stride: stateStride) : nil),
        scratch: scratch.start)
      let added = size.accumulation == .add ? 0.5 : 0.0
      func gather(_ memory: Memory, _ stride: Int, _ range: Range<Int>) -> [Float] {
        (0..<rows).flatMap { row in range.map { memory[row * stride + $0] } }
      }
      func check(_ actual: [Float], _ expected: [Double], adding: Double, _ name: String) {
        let difference = relativeDifference(actual, expected.map { $0 + adding })
        #expect(difference < 5e-6, "\(name): \(difference)")
      }
      let between = gather(dxbc, columns, width + 2 * bWidth..<width + 2 * bWidth + 1)
      #expect(between.allSatisfy { $0 == (size.accumulation == .add ? 0.5 : 7) })
      check(gather(dxbc, columns, 0..<width), gradient.x, adding: added, "x")
      check(gather(dxbc, columns, width..<width + bWidth), gradient.b, adding: added, "B")
      check(gather(dxbc, columns, width + bWidth..<width + 2 * bWidth), gradient.c, adding: added, "C")
      check(gather(dStep, stepColumns, 0..<size.heads), gradient.step, adding: 0.25, "step")
      check(dBias.array, gradient.stepBias, adding: 1, "step's bias")
      check(dALog.array, gradient.aLog, adding: 1, "A_log")
      check(dSkip.array, gradient.skip, adding: 1, "D")
      if size.initial { check(dInitial.array, gradient.initial, adding: 1, "initial state") }
    }
  }

  /// One position at a time.
  private func checkSteps(_ dual: StateSpaceDual, _ inputs: StateSpaceDual.ReferenceInputs, _ expected: [Double]) {
    let width = dual.heads * dual.headSize, bWidth = dual.groups * dual.states, time = dual.shape.time
    var y = [Float](repeating: .nan, count: expected.count), state: [Float] = []
    for row in 0..<dual.shape.rows {
      if row % time == 0 && !inputs.initial.isEmpty {
        state = Array(inputs.initial[row / time * width * dual.states..<(row / time + 1) * width * dual.states])
      } else if row % time == 0 || dual.shape.beginsEpisode(row) {
        state = [Float](repeating: 0, count: width * dual.states)
      }
      if dual.shape.beginsEpisode(row) { state = state.map { _ in 0 } }
      var out = [Float](repeating: .nan, count: width)
      StateSpaceDual.step(
        heads: dual.heads, headSize: dual.headSize, groups: dual.groups, states: dual.states,
        x: Array(inputs.x[row * width..<(row + 1) * width]), b: Array(inputs.b[row * bWidth..<(row + 1) * bWidth]),
        c: Array(inputs.c[row * bWidth..<(row + 1) * bWidth]),
        step: Array(inputs.step[row * dual.heads..<(row + 1) * dual.heads]), stepBias: inputs.stepBias, aLog: inputs.aLog,
        skip: inputs.skip, state: &state, y: &out)
      for j in 0..<width { y[row * width + j] = out[j] }
    }
    #expect(relativeDifference(y, expected) < 2e-6)
  }

  /// Floats that stay where they are as long as the memories do.
  final class Memories {
    private var all: [UnsafeMutableBufferPointer<Float>] = []
    deinit { for memory in all { memory.deallocate() } }

    func callAsFunction(_ count: Int, _ value: Float) -> Memory {
      let memory = UnsafeMutableBufferPointer<Float>.allocate(capacity: max(count, 1))
      memory.initialize(repeating: value)
      all.append(memory)
      return Memory(memory: memory, count: count)
    }
    func callAsFunction(_ values: [Float]) -> Memory {
      let memory = self(values.count, 0)
      for (i, value) in values.enumerated() { memory.memory[i] = value }
      return memory
    }
  }
  struct Memory {
    typealias Rows = StateSpaceDual.Rows
    fileprivate let memory: UnsafeMutableBufferPointer<Float>
    let count: Int
    var start: UnsafeMutablePointer<Float> { memory.baseAddress! }
    subscript(_ i: Int) -> Float {
      get { memory[i] }
      nonmutating set { memory[i] = newValue }
    }
    var array: [Float] { Array(memory[0..<count]) }
  }
}
