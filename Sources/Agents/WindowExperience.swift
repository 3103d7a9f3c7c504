/// Learning from windows. The latents that acting computes are stored with them as published; `latents=target` reads them.
import Autograd
import Networks
import Randomness
import Records
import Replay

final class WindowExperience: Experience {
  private let config: ExperimentConfig
  private let learner: Learner
  private let replay: WindowReplay
  private let batch: Batch
  /// [batch, modelSize] each: the stored latents of the batch's states, or of their next states.
  private let stored: Buffer
  private let tape = Tape()

  init(_ config: ExperimentConfig, _ learner: Learner, _ storage: ObservationStorage) {
    (self.config, self.learner) = (config, learner)
    let sizes = learner.online.sizes
    replay = WindowReplay(
      capacity: config.replayCapacity, windowLength: config.windowLength, observationSize: sizes.observationSize,
      latentSize: config.latents == .none ? 0 : config.modelSize, priorities: config.priorityExponent,
      clampPriorityError: config.clampPriorityError,
      nStep: NStep(
        steps: config.nStep, discount: Float(config.discount), cutsAtTruncation: config.cutBootstrapAtTruncation),
      streams: config.actors, storage: storage, actionCount: sizes.actionCount)
    batch = Batch(
      windows: config.batchSize, length: config.windowLength, observationSize: sizes.observationSize,
      actionCount: sizes.actionCount)
    stored = Buffer(count: config.latents == .none ? 0 : config.batchSize * config.modelSize)
    if config.latents == .target { batch.nextLatents = UnsafePointer(stored.pointer) }
  }

  var count: Int { replay.count }
  var isReady: Bool { count > 0 }

  func beginEpisode(_ actor: Actor, _ stream: Int) { replay.beginEpisode(actor.state.presentInput, stream: stream) }

  /// Stored is the latent of the state, as published; under `target` that of the next state, which stands in for the target
  /// network's pass, at an episode's last observation too.
  func append(_ actor: Actor, _ stream: Int, action: Int, reward: Float, terminated: Bool, truncated: Bool) {
    let latent = config.latents == .target ? UnsafePointer(actor.state.evaluate().latent) : UnsafePointer(actor.latent.pointer)
    replay.append(
      action: action, reward: reward, terminated: terminated, truncated: truncated, next: actor.state.presentInput,
      latent: UnsafeBufferPointer(start: latent, count: config.modelSize), allowed: actor.allowed, stream: stream)
  }

  func learn(step: Int, importanceExponent: Double, generator: inout SplitMix64) throws -> LearningReport {
    replay.sample(into: batch, importanceExponent: importanceExponent, generator: &generator)
    let width = config.modelSize
    if config.latents == .target {
      for row in 0..<batch.count { (stored.pointer + row * width).update(from: replay.nextLatent(of: batch, row), count: width) }
    }
    var (report, tdErrors) = try learner.update(batch, step: step)
    replay.updatePriorities(of: batch, tdErrors: tdErrors)
    if let latents = learner.latents { compare(latents, &report) }
    return report
  }

  /// Measures staleness now and then; under `target` the recomputed latents are written back.
  private func compare(_ latents: Buffer, _ report: inout LearningReport) {
    let measures = learner.gradientSteps % config.stalenessInterval == 0
    guard measures || config.latents == .target else { return }
    let width = config.modelSize
    let chosen = (0..<batch.count).compactMap { row -> StalenessMeter.Item? in
      let place = config.latents == .target ? replay.latentBefore(batch, row) : replay.latent(of: batch, row)
      return place.map { ($0, UnsafePointer(latents.pointer + row * width)) }
    }
    var meter = StalenessMeter()
    if measures { meter.compare(chosen, width: width, copies: stored.pointer) }
    if config.latents == .target { StalenessMeter.replace(chosen, width: width) }
    guard measures, !chosen.isEmpty else { return }
    for (index, item) in chosen.enumerated() { (latents.pointer + index * width).update(from: item.recomputed, count: width) }
    let rows = chosen.count
    tape.reset()
    tape.withoutGradient {
      let head = learner.online.members[0].head
      let before = head(Tensor(data: stored.pointer, rows: rows, columns: width), on: tape)
      let now = head(Tensor(data: latents.pointer, rows: rows, columns: width), on: tape)
      meter.compareQ(before.values, now.values, count: rows * before.columns)
    }
    report.staleness = meter.result
  }

  func save(to sink: inout some CheckpointSink) throws { try replay.save(to: &sink) }
  func restore(from source: some CheckpointSource) throws {
    try replay.restore(from: source)
    for store in replay.streams { try store.check(actionCount: learner.online.sizes.actionCount) }
  }
}
