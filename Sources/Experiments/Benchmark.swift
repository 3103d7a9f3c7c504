/// The timings that `bench` prints. Each is a line of JSON with its shape, threads, minimum, median and maximum, and, where
/// arithmetic bounds it, FLOP/s beside the core's measured peak.
import Agents
import Autograd
import Environments
import Foundation
import Kernels
import Networks
import Randomness
import Records
import Replay

/// One measurement.
public struct BenchmarkLine: Encodable, Sendable {
  /// What was timed.
  public var bench: String
  /// The sizes that it was timed at.
  public var shape: [String: Int]
  /// Of a gradient step.
  public var threads = 1
  /// Of median, minimum and maximum.
  public var unit: String
  /// Over the rounds.
  public var min, median, max: Double
  /// The median of rates per second of processor time: what remains comparable on a machine that others use too.
  public var medianPerProcessorSecond: Double?
  /// How often it was timed.
  public var rounds: Int
  /// Of the matrix products and exponentials' polynomials, per second.
  public var flops: Double?
  /// What a loop of multiply-adds reaches on the same cores.
  public var peakFlops: Double?
  /// What adding up a layer's parameters takes at its best, in the unit: a step of one position reads each of them once.
  public var parameterReading: Double?

  /// On one line.
  public var json: String {
    get throws {
      let encoder = JSONEncoder()
      encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
      return String(decoding: try encoder.encode(self), as: UTF8.self)
    }
  }
}

/// Times parts of the program on this machine, as JSON lines for docs/benchmarks.md.
public enum Benchmark {
  /// One learner update on a random batch: target forward, online forward and backward, clip, AdamW.
  public static func update(_ config: ExperimentConfig, observationSize: Int, actionCount: Int) throws -> BenchmarkLine {
    var generator = SplitMix64(seed: 1)
    let sizes = NetworkSizes(config, observationSize: observationSize, actionCount: actionCount)
    let learner = Learner(sizes: sizes, config: config, generator: &generator)
    var shape = shape(sizes, batch: config.batchSize)
    let seconds: [Double]
    if config.replay == .sequence {
      let batch = randomSequences(config, sizes, stateSize: learner.online.stateLayout?.count ?? 0, &generator)
      shape["sequence"] = batch.time
      seconds = try time(warmUp: 5, rounds: 40, minimumSeconds: 0.05) { _ = try learner.update(batch) }
    } else {
      let batch = randomWindows(config, sizes, &generator)
      seconds = try time(warmUp: 5, rounds: 40, minimumSeconds: 0.05) { _ = try learner.update(batch) }
    }
    let positions = config.batchSize * (config.replay == .sequence ? config.sequenceLength : sizes.windowLength)
    var result = line("update", shape, "ms", seconds, 1e3, flops: workOfUpdate(sizes, config.batchSize, positions: positions))
    result.threads = config.threads
    return result
  }

  /// One environment step of acting with fixed parameters: the window moves on, Q-values and latent are computed.
  public static func act(_ config: ExperimentConfig, observationSize: Int, actionCount: Int) -> BenchmarkLine {
    var generator = SplitMix64(seed: 1)
    let sizes = NetworkSizes(config, observationSize: observationSize, actionCount: actionCount)
    let network = QNetwork(sizes, &generator)
    let actor = ActingState(network, stepping: true, recurrent: config.replay == .sequence)
    let observation = (0..<observationSize).map { _ in Float(generator.uniform(-1, 1)) }
    actor.begin(observation)
    var total = 0
    let seconds = time(warmUp: 100, rounds: 40, minimumSeconds: 0.05) {
      actor.observe(observation)
      total += actor.greedyAction()
    }
    precondition(total >= 0)
    return line("act", shape(sizes, batch: 1), "us", seconds, 1e6, flops: nil)
  }

  /// The last-state scan alone: output only, and output with every gradient in one pass.
  public static func scan(_ config: ExperimentConfig) -> [BenchmarkLine] {
    let inner = config.expansion * config.modelSize
    let scan = LastStateScan(
      batch: config.batchSize, time: config.windowLength, channels: inner, states: config.stateSize)
    let problem = ScanProblem(scan)
    let shape = ["batch": scan.batch, "time": scan.time, "channels": scan.channels, "states": scan.states]
    let exponentials = Double(scan.batch * (scan.time - 1) * scan.channels * scan.states)
    let forward = time(warmUp: 3, rounds: 40, minimumSeconds: 0.05) { problem.forward() }
    let both = time(warmUp: 3, rounds: 40, minimumSeconds: 0.05) { problem.forwardAndBackward() }
    return [
      line("scan forward", shape, "ms", forward, 1e3, flops: exponentials * 14),
      line("scan forward+backward", shape, "ms", both, 1e3, flops: exponentials * 24),
    ]
  }

  /// Steps per second under random actions, resets included: one environment, called directly; and, where it is native, many
  /// of them on one core and on all, or else one Python process a core, side by side.
  public static func environment(_ entry: EnvironmentEntry) throws -> [BenchmarkLine] {
    var world = try entry.make()
    let (features, actions) = (world.observationSpace.count, world.actionSpace.count)
    let observation = Buffer(count: features)
    let row = UnsafeMutableBufferPointer(start: observation.pointer, count: features)
    var generator = SplitMix64(seed: 1)
    func action(_ allowed: [Bool]?) -> Int {
      let action = Int(generator.next(upperBound: UInt64(actions)))
      guard let allowed, !allowed[action] else { return action }
      return allowed.firstIndex(of: true) ?? action
    }
    try world.reset(seed: 0, into: row)
    let single = try rates(steps: 64) {
      for _ in 0..<64 {
        let step = try world.step(action(world.actionMask), into: row)
        if step.isLast { try world.reset(seed: nil, into: row) }
      }
    }
    func line(_ rates: Rates, copies: Int, threads: Int) -> BenchmarkLine {
      BenchmarkLine(
        bench: "environment \(entry.name)", shape: ["observation": features, "actions": actions, "copies": copies],
        threads: threads, unit: "steps/s", min: rates.wall[0], median: rates.wall[rates.wall.count / 2],
        max: rates.wall[rates.wall.count - 1],
        medianPerProcessorSecond: entry.isNative ? rates.processor[rates.processor.count / 2] : nil, rounds: rates.wall.count)
    }
    var lines = [line(single, copies: 1, threads: 1)]
    let cores = VectorEnvironment.coreCount
    guard cores > 1 else { return lines }
    let copies = entry.isNative ? 64 * cores : cores
    for threads in entry.isNative ? [1, cores] : [1] {
      let many = try VectorEnvironment(count: copies, autoreset: .sameStep, threads: threads, make: entry.make)
      try many.reset(seed: 0)
      let rates = try rates(steps: copies) {
        try many.step((0..<copies).map { action(many.actionMask(of: $0)) })
      }
      lines.append(line(rates, copies: copies, threads: threads))
    }
    return lines
  }

  private typealias Rates = (wall: [Double], processor: [Double])

  /// Seven rounds of calls of `body`, each of which takes `steps` steps: steps per second, sorted.
  private static func rates(steps: Int, _ body: () throws -> Void) rethrows -> Rates {
    var result: Rates = ([], [])
    let clock = ContinuousClock()
    for _ in 0..<7 {
      let start = clock.now, processorStart = processorSeconds()
      var taken = 0
      while clock.now - start < .milliseconds(300) {
        try body()
        taken += steps
      }
      result.wall.append(Double(taken) / ((clock.now - start) / .seconds(1)))
      result.processor.append(Double(taken) / (processorSeconds() - processorStart))
    }
    return (result.wall.sorted(), result.processor.sorted())
  }

  /// Of all threads of this process.
  static func processorSeconds() -> Double {
    var time = timespec()
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time)
    return Double(time.tv_sec) + Double(time.tv_nsec) * 1e-9
  }

  // MARK: - Measuring

  /// Seconds per call: each round is a mean over enough calls to fill `minimumSeconds`. Sorted.
  static func time(
    warmUp: Int, rounds: Int, minimumSeconds: Double, _ body: () throws -> Void
  ) rethrows -> [Double] {
    try GEMM.onOneThread { try timeOnOneThread(warmUp, rounds, minimumSeconds, body) }
  }

  private static func timeOnOneThread(
    _ warmUp: Int, _ rounds: Int, _ minimumSeconds: Double, _ body: () throws -> Void
  ) rethrows -> [Double] {
    for _ in 0..<warmUp { try body() }
    let clock = ContinuousClock()
    let once = try clock.measure(body) / .seconds(1)
    let calls = Swift.max(1, Int(minimumSeconds / Swift.max(once, 1e-9)))
    var result: [Double] = []
    for _ in 0..<rounds {
      let start = clock.now
      for _ in 0..<calls { try body() }
      result.append((clock.now - start) / .seconds(1) / Double(calls))
    }
    return result.sorted()
  }

  static func line(
    _ bench: String, _ shape: [String: Int], _ unit: String, _ seconds: [Double], _ scale: Double, flops: Double?
  ) -> BenchmarkLine {
    let median = seconds[seconds.count / 2]
    return BenchmarkLine(
      bench: bench, shape: shape, unit: unit, min: seconds[0] * scale, median: median * scale,
      max: seconds[seconds.count - 1] * scale, rounds: seconds.count, flops: flops.map { $0 / median },
      peakFlops: flops.map { _ in peak() })
  }

  /// FLOP/s of one core, the best of ten tries.
  static func peak() -> Double {
    var sink: Float = 0
    let clock = ContinuousClock()
    return (0..<10).map { _ in
      let start = clock.now
      let count = PeakRate.multiplyAdds(rounds: 1_000_000, sink: &sink)
      return Double(count) / ((clock.now - start) / .seconds(1))
    }.max() ?? 0
  }

  static func shape(_ sizes: NetworkSizes, batch: Int) -> [String: Int] {
    [
      "batch": batch, "window": sizes.windowLength, "observation": sizes.observationSize, "hidden": sizes.hiddenSize,
      "model": sizes.modelSize, "state": sizes.stateSize, "actions": sizes.actionCount,
    ]
  }

  /// Floating-point operations of an update: products 2mnk, three of them a layer (forward, both gradients) online and one
  /// on the target network, and the polynomial of every exponential. The published encoders read windows at their last position,
  /// which saves them work; every other network is read at all `positions`.
  package static func workOfUpdate(_ sizes: NetworkSizes, _ batch: Int, positions: Int) -> Double {
    // Only for those read at all positions: a published Transformer is no stack of layers, its sizes would not do for one.
    var general: Double { 4 * Double(positions * Architecture.workPerPosition(sizes)) }
    let inner = sizes.expansion * sizes.modelSize, rank = (sizes.modelSize + 15) / 16
    let first = sizes.observationSize * sizes.hiddenSize
    let second = sizes.hiddenSize * sizes.modelSize, head = sizes.modelSize * sizes.actionCount
    guard sizes.norm != .rms else { return general }
    switch sizes.encoder {
    case .dqn: return 2 * Double(batch) * Double(4 * (second + head) + 3 * first)
    case .mamba:
      let token = second + sizes.modelSize * inner + inner * (rank + sizes.stateSize) + rank * inner
      let last = sizes.modelSize * inner + inner * sizes.stateSize + inner * sizes.modelSize + head
      let tokens = Double(batch * sizes.windowLength)
      let everywhere = tokens * Double(4 * token + 3 * first), once = Double(batch) * Double(4 * last)
      let exponentials = batch * (sizes.windowLength - 1) * inner * sizes.stateSize
      return 2 * (everywhere + once) + 38 * Double(exponentials)
    case .lstm:
      let gates = 4 * sizes.modelSize * sizes.modelSize  // the first step has no recurrent product
      let inputs: Int = batch * sizes.windowLength * (4 * (second + gates) + 3 * first)
      let recurrent: Int = batch * (sizes.windowLength - 1) * 4 * gates
      return 2 * Double(inputs + recurrent + batch * 4 * head)
    case .transformer:
      let square = sizes.modelSize * sizes.modelSize  // the last layer: keys and values everywhere, the rest at one position
      let tokens: Int = batch * sizes.windowLength * (4 * (second + 8 * square + 2 * square) + 3 * first)
      let last: Int = batch * 4 * (6 * square + head)
      return 2 * Double(tokens + last)
    default: return general
    }
  }
}

/// Random sequences from the zero state, every position of which is learned from.
private func randomSequences(
  _ config: ExperimentConfig, _ sizes: NetworkSizes, stateSize: Int, _ generator: inout SplitMix64
) -> Batch {
  let batch = Batch(
    sequences: config.batchSize, burnIn: config.burnIn, time: config.sequenceLength, observationSize: sizes.observationSize,
    stateSize: stateSize)
  let rows = batch.count * batch.time
  for i in 0..<rows * batch.observationSize { batch.inputs[i] = Float(generator.uniform(-1, 1)) }
  for i in 0..<batch.count * batch.burnIn * batch.observationSize { batch.burnInInputs[i] = Float(generator.uniform(-1, 1)) }
  for row in 0..<rows {
    batch.actions[row] = Int32(row % sizes.actionCount)
    batch.nextRows[row] = Int32((row + 1) % batch.time == 0 ? row : row + 1)
    (batch.returns[row], batch.discounts[row], batch.weights[row]) = (Float(generator.uniform(-1, 1)), 0.99, 1)
  }
  batch.learnedRows = rows
  return batch
}

/// Random windows.
private func randomWindows(_ config: ExperimentConfig, _ sizes: NetworkSizes, _ generator: inout SplitMix64) -> Batch {
  let batch = Batch(windows: config.batchSize, length: sizes.windowLength, observationSize: sizes.observationSize)
  for inputs in [batch.inputs, batch.nextInputs] {
    for i in 0..<batch.count * batch.time * batch.observationSize { inputs[i] = Float(generator.uniform(-1, 1)) }
  }
  for row in 0..<batch.count {
    batch.actions[row] = Int32(row % sizes.actionCount)
    batch.discounts[row] = row % 20 == 0 ? 0 : 0.99
    (batch.returns[row], batch.weights[row]) = (Float(generator.uniform(-1, 1)), Float(generator.uniform(0.1, 1)))
  }
  return batch
}

/// A scan with random inputs and room for everything it writes.
private final class ScanProblem {
  private let scan: LastStateScan
  private let u, delta, aLog, packed, packedGradient, b, c, skip, y, du, dDelta, db, dc, dSkip, scratch: Buffer
  private let readout, rowScalars: Buffer

  init(_ scan: LastStateScan) {
    self.scan = scan
    let (rows, channels) = (scan.batch * scan.time, scan.channels)
    (u, delta, du, dDelta) = (
      Buffer(count: rows * channels), Buffer(count: rows * channels), Buffer(count: rows * channels),
      Buffer(count: rows * channels)
    )
    (b, db) = (Buffer(count: rows * scan.states), Buffer(count: rows * scan.states))
    (c, dc) = (Buffer(count: scan.batch * scan.states), Buffer(count: scan.batch * scan.states))
    (aLog, skip, dSkip) = (Buffer(count: channels * scan.states), Buffer(count: channels), Buffer(count: channels))
    (packed, packedGradient) = (Buffer(count: scan.packedCount), Buffer(count: scan.packedCount))
    (y, readout) = (Buffer(count: scan.batch * channels), Buffer(count: scan.batch * channels))
    (rowScalars, scratch) = (Buffer(count: 3 * scan.batch), Buffer(count: scan.singlePassScratchCount))
    var generator = SplitMix64(seed: 2)
    for (buffer, low, high) in [
      (u, -1.0, 1.0), (delta, 0.001, 0.1), (b, -1, 1), (c, -1, 1), (skip, 0.9, 1.1), (readout, -1, 1), (rowScalars, 0.1, 1),
    ] {
      for i in 0..<buffer.count { buffer.pointer[i] = Float(generator.uniform(low, high)) }
    }
    for i in 0..<aLog.count { aLog.pointer[i] = Float(log(Double(i % scan.states + 1))) }
    scan.pack(aLog: aLog.pointer, into: packed.pointer)
  }

  func forward() {
    scan.forward(
      u: u.pointer, delta: delta.pointer, packedA: packed.pointer, b: b.pointer, bStride: scan.states, c: c.pointer,
      cStride: scan.states, skip: skip.pointer, y: y.pointer, q: nil, r: nil, scratch: scratch.pointer)
  }

  func forwardAndBackward() {
    let scalars = rowScalars.pointer
    scan.forwardAndBackward(
      u: u.pointer, delta: delta.pointer, packedA: packed.pointer, b: b.pointer, bStride: scan.states, c: c.pointer,
      cStride: scan.states, skip: skip.pointer,
      readout: LinearReadout(
        direction: readout.pointer, offset: scalars, targets: scalars + scan.batch, weights: scalars + 2 * scan.batch,
        limit: 1, rows: scan.batch),
      y: y.pointer, du: du.pointer, dDelta: dDelta.pointer, .overwrite, packedGradient: packedGradient.pointer,
      db: db.pointer, dbStride: scan.states, dc: dc.pointer, dcStride: scan.states, dSkip: dSkip.pointer,
      scratch: scratch.pointer)
  }
}
