/// Learning from sequences with state: the loss at every position after the burn-in, from a zero state or a stored one.
import Autograd
import Kernels
import Networks
import Randomness
import Records
import Replay

final class SequenceExperience: Experience {
  private let config: ExperimentConfig
  private let learner: Learner
  private let replay: SequenceReplay
  private let batch: Batch
  private let tape = Tape()
  private static let mostDraws = 100

  init(_ config: ExperimentConfig, _ learner: Learner, _ storage: ObservationStorage) throws {
    (self.config, self.learner) = (config, learner)
    let sizes = learner.online.sizes
    let stateSize = config.latents == .none ? 0 : learner.online.stateLayout?.count ?? 0
    let layout = SequenceLayout(
      length: config.sequenceLength, burnIn: config.burnIn, stride: config.sequenceLength - config.sequenceOverlap,
      startsWithEpisodes: config.sequenceStart == .episode, crossesEpisodes: config.crossEpisodes)
    replay = SequenceReplay(
      capacity: config.replayCapacity, layout: layout, observationSize: sizes.observationSize, stateSize: stateSize,
      priorities: config.priorityExponent,
      nStep: NStep(
        steps: config.nStep, discount: Float(config.discount), cutsAtTruncation: config.cutBootstrapAtTruncation),
      clampPriorityError: config.clampPriorityError, streams: config.actors, storage: storage, actionCount: sizes.actionCount)
    batch = Batch(
      sequences: config.batchSize, burnIn: config.burnIn, time: config.sequenceLength + config.nStep,
      observationSize: sizes.observationSize, stateSize: stateSize, actionCount: sizes.actionCount)
  }

  var count: Int { replay.count }
  var isReady: Bool { replay.isReady }

  func beginEpisode(_ actor: Actor, _ stream: Int) { replay.beginEpisode(actor.state.presentInput, stream: stream) }

  func append(_ actor: Actor, _ stream: Int, action: Int, reward: Float, terminated: Bool, truncated: Bool) {
    replay.append(
      action: action, reward: reward, terminated: terminated, truncated: truncated, next: actor.state.presentInput,
      state: actor.stateBefore.map { UnsafePointer($0.pointer) }, allowed: actor.allowed, stream: stream)
  }

  func learn(step: Int, importanceExponent: Double, generator: inout SplitMix64) throws -> LearningReport {
    try draw(importanceExponent, &generator)
    var (report, tdErrors) = try learner.update(batch, step: step)
    replay.updatePriorities(of: batch, tdErrors: tdErrors)
    let measures = learner.gradientSteps % config.stalenessInterval == 0
    if batch.stateSize > 0, measures || config.latents == .refresh { report.staleness = refresh(measures: measures) }
    return report
  }

  /// Draws until there is something to learn from.
  private func draw(_ importanceExponent: Double, _ generator: inout SplitMix64) throws {
    for _ in 0..<Self.mostDraws {
      replay.sample(into: batch, importanceExponent: importanceExponent, generator: &generator)
      if batch.learnedRows > 0 { return }
      replay.markEmpty(batch)
    }
    let cure = config.crossEpisodes ? "a longer sequenceLength" : "crossEpisodes=true"
    throw LearningError(
      description: "there is nothing to learn from: in \(Self.mostDraws) batches no sequence had a step behind its "
        + "\(config.burnIn) rows of burn-in; use a smaller burnIn, or \(cure)")
  }

  /// Recomputes the states at which the next sequences begin from the drawn ones' own, with today's parameters; compares them
  /// with the stored ones, and writes them back where the configuration says so.
  private func refresh(measures: Bool) -> Staleness? {
    let rows = replay.layout.stride, width = batch.observationSize
    let chosen = (0..<batch.count).compactMap { index in
      replay.followingState(of: batch, index).map { (index: index, place: $0) }
    }
    guard !chosen.isEmpty else { return nil }
    tape.reset()
    return tape.withoutGradient {
      let inputs = tape.floats(chosen.count * rows * width), next = tape.floats(chosen.count * width)
      let states = tape.floats(chosen.count * batch.stateSize), stored = tape.floats(chosen.count * batch.stateSize)
      for (row, (index, _)) in chosen.enumerated() {
        for position in 0..<rows {
          (inputs + (row * rows + position) * width).update(from: batch.input(index, position), count: width)
        }
        (next + row * width).update(from: batch.input(index, rows), count: width)
        (states + row * batch.stateSize).update(from: batch.states + index * batch.stateSize, count: batch.stateSize)
      }
      let network = learner.online.members[0]
      let from = Tensor(data: states, rows: chosen.count, columns: batch.stateSize)
      let shape = SequenceShape(batch: chosen.count, time: rows)
      guard
        let now = network(
          Tensor(data: inputs, rows: chosen.count * rows, columns: width), shape, from: from, on: tape
        ).state
      else { return nil }
      var meter = StalenessMeter()
      let items = chosen.enumerated().map { row, item in
        (stored: item.place, recomputed: UnsafePointer(now.values + row * now.stride))
      }
      if measures { meter.compare(items, width: batch.stateSize, copies: stored) }
      if config.latents == .refresh { StalenessMeter.replace(items, width: batch.stateSize) }
      guard measures else { return nil }
      let x = Tensor(data: next, rows: chosen.count, columns: width), one = SequenceShape(batch: chosen.count, time: 1)
      let before = network(x, one, from: Tensor(data: stored, rows: chosen.count, columns: batch.stateSize), on: tape).q
      let after = network(x, one, from: now, on: tape).q
      meter.compareQ(before.values, after.values, count: before.rows * before.columns)
      return meter.result
    }
  }

  func save(to sink: inout some CheckpointSink) throws { try replay.save(to: &sink) }
  func restore(from source: some CheckpointSource) throws {
    try replay.restore(from: source)
    for store in replay.streams { try store.check(actionCount: learner.online.sizes.actionCount) }
    guard let layout = learner.online.stateLayout else { return }
    try replay.forEachState {
      if let flaw = layout.flaw(in: $0) { throw LearningError(description: "in the checkpoint's replay \(flaw)") }
    }
  }
}
