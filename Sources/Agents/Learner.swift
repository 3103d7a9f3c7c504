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
import Replay

/// What one gradient step measured.
public struct LearningReport: Sendable {
  /// Mean over the batch, importance weights included.
  public var loss: Float
  /// Mean of |δ| over the batch, without weights.
  public var meanAbsoluteTDError: Float
  /// Global gradient norm before clipping.
  public var gradientNorm: Float
  /// Mean of Q(s, a) over the batch.
  public var meanQ: Float
  /// Of what replay stores, where it was measured after this step.
  public var staleness: Staleness?
}

/// Moves the online network towards its targets: double Q, n-step returns, AdamW, and a target network that follows.
public final class Learner {
  /// The network that learns, and the one that values what comes next.
  public let online, target: QNetwork
  /// What evaluations act with: the online network, or the average of it over time.
  public let evaluated: QNetwork
  /// Of the online network's parameters.
  public let optimizer: AdamW
  /// Taken so far.
  public private(set) var gradientSteps = 0
  private let workers: [GradientWorker]
  /// [batch], or [batch × time] of sequences, each: target − Q(s, a), and Q(s, a).
  private let tdErrors, values: Buffer
  /// The latents [batch, modelSize] of the last batch of windows, where they are wanted.
  public let latents: Buffer?
  private let config: ExperimentConfig

  /// Networks with initial parameters out of `generator`; the target begins as a copy.
  public init(sizes: NetworkSizes, config: ExperimentConfig, generator: inout SplitMix64) {
    self.config = config
    let online = QNetwork(sizes, &generator), target = QNetwork(sizes, &generator)
    target.block.copy(from: online.block)
    (self.online, self.target) = (online, target)
    evaluated = config.averagedWeights > 0 ? QNetwork(sizes, &generator) : online
    if evaluated !== online { evaluated.block.copy(from: online.block) }
    optimizer = AdamW(
      online.block,
      .init(learningRate: config.learningRate, weightDecay: config.weightDecay, amsgrad: config.amsgrad),
      apart: config.encoderLearningRate == 1 ? nil : (online.encoderRanges, config.encoderLearningRate))
    let rule = LearningRule(config)
    workers = (0..<config.threads).map { _ in GradientWorker(online, target: target, rule: rule) }
    let rows = config.batchSize * (config.replay == .window ? 1 : config.sequenceLength + config.nStep)
    (tdErrors, values) = (Buffer(count: rows), Buffer(count: rows))
    let keepsLatents = config.replay == .window && config.latents != .none
    latents = keepsLatents ? Buffer(count: config.batchSize * sizes.modelSize) : nil
  }

  /// `body` computing as gradient steps do: products on one thread (`GEMM.onOneThread`), and on this thread subnormal numbers
  /// are zero, into which AdamW's moments decay and each of which costs a hundred cycles. Afterwards all is as it was.
  public static func computing<Result>(_ body: () throws -> Result) rethrows -> Result {
    let mode = machine_flush_subnormals()
    defer { machine_restore_subnormals(mode) }
    return try GEMM.onOneThread(body)
  }

  /// The share of `learningRate` that the next gradient step takes, at an environment step: rising over the warm-up, falling
  /// linearly over the run.
  public func learningRateShare(at step: Int) -> Double {
    let warmth = min(1, Double(gradientSteps + 1) / Double(max(config.learningRateWarmup, 1)))
    return warmth * linearSchedule(from: 1, to: config.learningRateEnd, over: config.totalSteps, at: step)
  }

  /// The report, and the TD errors [batch.rows], valid until the next call; `step` is the environment step, for the schedule.
  /// Throws where the loss or a gradient is not finite; then no parameter has changed.
  public func update(_ batch: Batch, step: Int = 0) throws -> (LearningReport, tdErrors: UnsafeMutablePointer<Float>) {
    precondition(
      batch.isOfWindows ? batch.count == config.batchSize : batch.rows <= tdErrors.count,
      "a batch of \(batch.count) with \(batch.rows) rows; batchSize is \(config.batchSize), with \(tdErrors.count) rows")
    let errors = tdErrors.pointer, values = values.pointer, latents = latents?.pointer
    return try Self.computing {
      let loss = gradient(of: batch) { $0.run($1, of: batch, tdErrors: errors, values: values, latents: latents) }
      return (try finish(loss, batch, step: step), errors)
    }
  }

  /// Clips, steps, and moves the networks that follow.
  private func finish(_ loss: Float, _ batch: Batch, step: Int) throws -> LearningReport {
    guard loss.isFinite else { throw notFinite("loss", loss) }
    let norm = optimizer.step(
      gradient: workers[0].gradient, maximumNorm: config.gradientClip, share: learningRateShare(at: step))
    guard norm.isFinite else { throw notFinite("gradient norm", norm) }
    gradientSteps += 1
    if config.targetUpdate == .polyak { target.block.approach(online.block, share: Float(config.polyakRate)) }
    if evaluated !== online { evaluated.block.approach(online.block, share: Float(1 - config.averagedWeights)) }
    var report = LearningReport(loss: loss, meanAbsoluteTDError: 0, gradientNorm: norm, meanQ: 0)
    for row in 0..<batch.rows {
      report.meanAbsoluteTDError += abs(tdErrors.pointer[row]) / Float(batch.learnedRows)
      report.meanQ += values.pointer[row] / Float(batch.learnedRows)
    }
    return report
  }

  /// Hard copy of the online network into the target network.
  public func syncTarget() { target.block.copy(from: online.block) }

  /// Leaves the gradient of the batch's mean loss in the first worker's `gradient`; returns the loss. Each worker's part of
  /// the windows or sequences follows from the number of workers alone, and so does every bit of the result.
  private func gradient(of batch: Batch, _ run: (_ worker: GradientWorker, _ part: Range<Int>) -> Void) -> Float {
    if workers.count == 1 {
      run(workers[0], 0..<batch.count)
      return workers[0].loss
    }
    let bounds = (0...workers.count).map { $0 * batch.count / workers.count }
    // Safe, because a worker is one thread's alone, with its own rows, tape and gradient; all only read the parameters.
    nonisolated(unsafe) let parts = zip(workers, zip(bounds, bounds.dropFirst())).map { ($0, $1.0..<$1.1) }
    nonisolated(unsafe) let run = run
    DispatchQueue.concurrentPerform(iterations: parts.count) { index in
      Self.computing { run(parts[index].0, parts[index].1) }  // on a thread of the pool, which others use too
    }
    // Of windows each computed the mean of its own, of sequences its part of one mean.
    let shares = parts.map { batch.isOfWindows ? Float($0.1.count) / Float(batch.count) : 1 }
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

  /// Parameters of both networks, the average, and the optimizer's moments.
  public func save(to sink: inout some CheckpointSink) throws {
    for (name, buffer) in buffers { try sink.write(name, buffer.bytes) }
    try withUnsafeBytes(of: (Int64(gradientSteps), Int64(optimizer.steps))) { try sink.write("learner/steps", $0) }
  }

  /// What `save` wrote.
  ///
  /// - Throws: `CheckpointError` where a section is missing or has another size.
  public func restore(from source: some CheckpointSource) throws {
    for (name, buffer) in buffers { try buffer.restore(name, from: source) }
    let steps = try source.values("learner/steps", 2, as: Int64.self)
    // At most `gradientSteps` at each of the longest run's steps.
    guard steps.allSatisfy({ (0...10_000_000_000_000).contains($0) }) else {
      throw CheckpointError("the checkpoint's learner/steps are \(steps)")
    }
    (gradientSteps, optimizer.steps) = (Int(steps[0]), Int(steps[1]))
  }

  private static let online = "learner/online", average = "learner/average"
  /// The section of a checkpoint that holds what evaluations act with.
  static func section(ofEvaluated config: ExperimentConfig) -> String { config.averagedWeights > 0 ? average : online }

  private var buffers: [(String, Buffer)] {
    [
      (Self.online, online.block.values), ("learner/target", target.block.values),
      ("learner/first-moment", optimizer.firstMoment), ("learner/second-moment", optimizer.secondMoment),
    ] + (evaluated === online ? [] : [(Self.average, evaluated.block.values)])
      + (optimizer.largestSecondMoment.map { [("learner/largest-second-moment", $0)] } ?? [])
  }
}

extension Buffer {
  /// Its floats from a checkpoint's section of the same size, all of them finite.
  func restore(_ name: String, from source: some CheckpointSource) throws {
    let values = try source.values(name, count, as: Float.self)
    guard values.allSatisfy(\.isFinite) else {
      throw CheckpointError("the checkpoint's \(name) has values that are not finite")
    }
    pointer.update(from: values, count: values.count)
  }
}
