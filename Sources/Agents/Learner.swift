/// The gradient step: target forward, online forward, weighted Huber loss, backward, clip, AdamW. Knows no replay and no
/// environment; after the first step it allocates nothing.
import Autograd
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
  public var rewards, weights: UnsafePointer<Float>
  /// True where nothing is bootstrapped.
  public var cut: UnsafePointer<Bool>

  public init(
    count: Int, states: UnsafePointer<Float>, nextStates: UnsafePointer<Float>, actions: UnsafePointer<Int32>,
    rewards: UnsafePointer<Float>, weights: UnsafePointer<Float>, cut: UnsafePointer<Bool>
  ) {
    (self.count, self.states, self.nextStates, self.actions) = (count, states, nextStates, actions)
    (self.rewards, self.weights, self.cut) = (rewards, weights, cut)
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
  public let optimizer: AdamW
  public private(set) var gradientSteps = 0
  private let tape = Tape()
  private let discount: Float
  private let maximumNorm: Double

  public init(sizes: NetworkSizes, config: ExperimentConfig, generator: inout SplitMix64) {
    GEMM.useOneThread()
    machine_flush_subnormals()
    online = QNetwork(sizes, &generator)
    target = QNetwork(sizes, &generator)
    target.block.copy(from: online.block)
    optimizer = AdamW(
      online.block,
      .init(learningRate: config.learningRate, weightDecay: config.weightDecay, amsgrad: config.amsgrad))
    discount = Float(config.discount)
    maximumNorm = config.gradientClip
  }

  /// The report, and the TD errors [batch], valid until the next call. Throws where the loss or a gradient is not finite;
  /// then no parameter has changed.
  public func update(_ batch: LearningBatch) throws -> (LearningReport, tdErrors: UnsafeMutablePointer<Float>) {
    let time = online.sizes.windowLength, rows = batch.count * time, features = online.sizes.observationSize
    tape.reset()
    online.block.zeroGradient()
    let targets = tape.floats(batch.count)
    tape.withoutGradient {
      let nextQ = target(Tensor(data: batch.nextStates, rows: rows, columns: features), time: time, on: tape).q
      for row in 0..<batch.count {
        targets[row] = bellmanTarget(
          reward: batch.rewards[row], discount: discount, nextValue: largest(nextQ, row), cut: batch.cut[row])
      }
    }
    let (q, result) = online(
      Tensor(data: batch.states, rows: rows, columns: features), time: time, actions: batch.actions, targets: targets,
      weights: batch.weights, on: tape)
    tape.backward()
    guard result.loss.isFinite else { throw notFinite("loss", result.loss) }
    let norm = optimizer.step(maximumNorm: maximumNorm)
    guard norm.isFinite else { throw notFinite("gradient norm", norm) }
    gradientSteps += 1
    var report = LearningReport(loss: result.loss, meanAbsoluteTDError: 0, gradientNorm: norm, meanQ: 0)
    for row in 0..<batch.count {
      report.meanAbsoluteTDError += abs(result.tdErrors[row]) / Float(batch.count)
      report.meanQ += q[row, Int(batch.actions[row])] / Float(batch.count)
    }
    return (report, result.tdErrors)
  }

  public func syncTarget() { target.block.copy(from: online.block) }

  private func largest(_ q: Tensor, _ row: Int) -> Float {
    var best = q[row, 0]
    for column in 1..<q.columns { best = max(best, q[row, column]) }
    return best
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
    ] + (optimizer.largestSecondMoment.map { [("learner/largest-second-moment", $0)] } ?? [])
  }
}
