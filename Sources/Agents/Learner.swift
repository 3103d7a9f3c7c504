/// The gradient step: target forward, online forward, weighted Huber loss, backward, clip, AdamW. Knows no replay and no
/// environment; on one thread nothing is allocated after the first step. With several threads each takes its rows of the batch.
import Autograd
import Dispatch
import Kernels
import Layers
import MachineSupport
import Networks
import Optimizers
import Randomness
import Records

/// A batch of windows, owned by the caller. `states` and `nextStates` are [batch, window, observation], row-major.
public struct LearningBatch {
  public var count: Int
  public var states, nextStates: UnsafePointer<Float>
  public var actions: UnsafePointer<Int32>
  /// [batch] each: n-step returns, what the value of the next state is multiplied by (0: nothing is bootstrapped), importance
  /// weights.
  public var returns, discounts, weights: UnsafePointer<Float>

  public init(
    count: Int, states: UnsafePointer<Float>, nextStates: UnsafePointer<Float>, actions: UnsafePointer<Int32>,
    returns: UnsafePointer<Float>, discounts: UnsafePointer<Float>, weights: UnsafePointer<Float>
  ) {
    (self.count, self.states, self.nextStates, self.actions) = (count, states, nextStates, actions)
    (self.returns, self.discounts, self.weights) = (returns, discounts, weights)
  }

  /// Some of its rows, where a window has `windowSize` floats.
  func rows(_ range: Range<Int>, windowSize: Int) -> LearningBatch {
    let start = range.lowerBound
    return LearningBatch(
      count: range.count, states: states + start * windowSize, nextStates: nextStates + start * windowSize,
      actions: actions + start, returns: returns + start, discounts: discounts + start, weights: weights + start)
  }
}

/// What one gradient step measured.
public struct LearningReport: Sendable {
  public var loss: Float
  public var meanAbsoluteTDError: Float
  /// Global gradient norm before clipping.
  public var gradientNorm: Float
  /// Mean of Q(s, a) over the batch.
  public var meanQ: Float
}

public final class Learner {
  public let online, target: QNetwork
  /// What evaluations act with: the online network, or the average of it over time.
  public let evaluated: QNetwork
  public let optimizer: AdamW
  public private(set) var gradientSteps = 0
  private let workers: [GradientWorker]
  /// [batch] each: target − Q(s, a), and Q(s, a).
  private let tdErrors, values: Buffer
  private let config: ExperimentConfig

  public init(sizes: NetworkSizes, config: ExperimentConfig, generator: inout SplitMix64) {
    GEMM.useOneThread()
    machine_flush_subnormals()
    self.config = config
    let online = QNetwork(sizes, &generator), target = QNetwork(sizes, &generator)
    target.block.copy(from: online.block)
    (self.online, self.target) = (online, target)
    evaluated = config.averagedWeights > 0 ? QNetwork(sizes, &generator) : online
    if evaluated !== online { evaluated.block.copy(from: online.block) }
    optimizer = AdamW(
      online.block,
      .init(learningRate: config.learningRate, weightDecay: config.weightDecay, amsgrad: config.amsgrad),
      apart: config.encoderLearningRate == 1 ? nil : online.encoderRange.map { ($0, config.encoderLearningRate) })
    let rule = LearningRule(config)
    workers = (0..<config.threads).map { _ in GradientWorker(online, target: target, rule: rule) }
    (tdErrors, values) = (Buffer(count: config.batchSize), Buffer(count: config.batchSize))
  }

  /// The share of `learningRate` that the next gradient step takes, at an environment step: rising over the warm-up, falling
  /// linearly over the run.
  public func learningRateShare(at step: Int) -> Double {
    let warmth = min(1, Double(gradientSteps + 1) / Double(max(config.learningRateWarmup, 1)))
    return warmth * linearSchedule(from: 1, to: config.learningRateEnd, over: config.totalSteps, at: step)
  }

  /// The report, and the TD errors [batch], valid until the next call; `step` is the environment step, for the schedule. Throws where the loss or a gradient is not finite;
  /// then no parameter has changed.
  public func update(_ batch: LearningBatch, step: Int = 0) throws -> (LearningReport, tdErrors: UnsafeMutablePointer<Float>) {
    precondition(batch.count == values.count, "a batch of \(batch.count), not \(values.count)")
    let loss = gradient(of: batch)
    guard loss.isFinite else { throw notFinite("loss", loss) }
    let norm = optimizer.step(
      gradient: workers[0].gradient, maximumNorm: config.gradientClip, share: learningRateShare(at: step))
    guard norm.isFinite else { throw notFinite("gradient norm", norm) }
    gradientSteps += 1
    if config.targetUpdate == .polyak { target.block.approach(online.block, share: Float(config.polyakRate)) }
    if evaluated !== online { evaluated.block.approach(online.block, share: Float(1 - config.averagedWeights)) }
    var report = LearningReport(loss: loss, meanAbsoluteTDError: 0, gradientNorm: norm, meanQ: 0)
    for row in 0..<batch.count {
      report.meanAbsoluteTDError += abs(tdErrors.pointer[row]) / Float(batch.count)
      report.meanQ += values.pointer[row] / Float(batch.count)
    }
    return (report, tdErrors.pointer)
  }

  /// Hard copy of the online network into the target network.
  public func syncTarget() { target.block.copy(from: online.block) }

  /// Leaves the gradient of the batch's mean loss in the first worker's `gradient`; returns the loss. Each worker's rows
  /// follow from the number of workers alone, and so does every bit of the result.
  private func gradient(of batch: LearningBatch) -> Float {
    if workers.count == 1 { return workers[0].run(batch, tdErrors: tdErrors.pointer, values: values.pointer) }
    let windowSize = online.sizes.windowLength * online.sizes.observationSize
    let bounds = (0...workers.count).map { $0 * batch.count / workers.count }
    // Safe, because a worker is one thread's alone, with its own rows, tape and gradient; all only read the parameters.
    nonisolated(unsafe) let parts = zip(workers, zip(bounds, bounds.dropFirst())).map { worker, bounds in
      (worker, bounds.0, batch.rows(bounds.0..<bounds.1, windowSize: windowSize))
    }
    nonisolated(unsafe) let errors = tdErrors.pointer
    nonisolated(unsafe) let chosen = values.pointer
    DispatchQueue.concurrentPerform(iterations: parts.count) { index in
      let (worker, start, rows) = parts[index]
      let mode = machine_flush_subnormals()  // a thread of the pool, which others use too
      worker.run(rows, tdErrors: errors + start, values: chosen + start)
      machine_restore_subnormals(mode)
    }
    let shares = parts.map { Float($0.2.count) / Float(batch.count) }
    let total = workers[0].gradient
    for (index, worker) in workers.enumerated().dropFirst() {
      Elementwise.weightedSum(
        total.count, total.pointer, index == 1 ? shares[0] : 1, worker.gradient.pointer, shares[index],
        into: total.pointer)
    }
    return zip(workers, shares).reduce(0) { $0 + $1.0.loss * $1.1 }
  }

  private func notFinite(_ what: String, _ value: Float) -> LearningError {
    LearningError(
      description: "the \(what) became \(value) at gradient step \(gradientSteps + 1); the parameters were left as they "
        + "were. A smaller learningRate or gradientClip usually helps")
  }

  public func save(to sink: inout some CheckpointSink) throws {
    for (name, buffer) in buffers { try sink.write(name, buffer.bytes) }
    try withUnsafeBytes(of: (Int64(gradientSteps), Int64(optimizer.steps))) { try sink.write("learner/steps", $0) }
  }

  public func restore(from source: some CheckpointSource) throws {
    for (name, buffer) in buffers {
      let bytes = try source.bytes(name)
      guard bytes.count == buffer.bytes.count else {
        throw LearningError(
          description: "the checkpoint's \(name) has \(bytes.count) bytes; this network needs \(buffer.bytes.count)")
      }
      UnsafeMutableRawPointer(buffer.pointer).copyMemory(from: bytes.baseAddress!, byteCount: bytes.count)  // never empty
    }
    let steps = try source.bytes("learner/steps")
    gradientSteps = Int(steps.loadUnaligned(as: Int64.self))
    optimizer.steps = Int(steps.loadUnaligned(fromByteOffset: 8, as: Int64.self))
  }

  private var buffers: [(String, Buffer)] {
    [
      ("learner/online", online.block.values), ("learner/target", target.block.values),
      ("learner/first-moment", optimizer.firstMoment), ("learner/second-moment", optimizer.secondMoment),
    ] + (evaluated === online ? [] : [("learner/average", evaluated.block.values)])
      + (optimizer.largestSecondMoment.map { [("learner/largest-second-moment", $0)] } ?? [])
  }
}
