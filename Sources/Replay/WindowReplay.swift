/// Prioritized experience replay over windows of observations. A window ends at its transition and is clamped at the
/// episode's first observation, which is repeated.
import Randomness
import Records

public final class WindowReplay {
  public let windowLength: Int
  /// One a stream of steps: actors do not share an episode.
  public let streams: [StepStore]
  private let priorities: Priorities
  private let nStep: NStep

  /// `capacity` transitions in all, shared equally between the streams.
  public init(
    capacity: Int, windowLength: Int, observationSize: Int, latentSize: Int, priorities exponent: Double,
    clampPriorityError: Bool = false, nStep: NStep, streams: Int = 1, storage: ObservationStorage = .floats, actionCount: Int = 0
  ) {
    precondition(streams > 0 && capacity >= streams, "\(streams) streams share \(capacity) transitions")
    self.windowLength = windowLength
    self.nStep = nStep
    self.streams = (0..<streams).map { _ in
      StepStore(
        capacity: capacity / streams, history: windowLength, observationSize: observationSize, latentSize: latentSize,
        storage: storage, actionCount: actionCount)
    }
    priorities = Priorities(capacity: capacity / streams * streams, exponent: exponent, clampsError: clampPriorityError)
  }

  /// Transitions that can be drawn.
  public var count: Int { streams.reduce(0) { $0 + $1.count } }
  /// Bytes when full, but for the last observations of episodes.
  public static func bytes(
    capacity: Int, windowLength: Int, observationSize: Int, latentSize: Int, streams: Int, storage: ObservationStorage = .floats
  ) -> Double {
    let each = Double(capacity / max(streams, 1))
    let store = StepStore.bytes(
      capacity: each, history: windowLength, observationSize: observationSize, latentSize: latentSize, storage: storage)
    return Double(streams) * (store + each * 32)
  }

  public func beginEpisode(_ observation: UnsafeBufferPointer<Float>, stream: Int = 0) {
    streams[stream].beginEpisode(observation)
  }

  /// See `StepStore.append`.
  public func append(
    action: Int, reward: Float, terminated: Bool, truncated: Bool, next: UnsafeBufferPointer<Float>,
    latent: UnsafeBufferPointer<Float>, allowed: [Bool]? = nil, stream: Int = 0
  ) {
    let slot = streams[stream].append(
      action: action, reward: reward, terminated: terminated, truncated: truncated, next: next, latent: latent, allowed: allowed)
    priorities.insert(stream * streams[stream].capacity + slot)
  }

  /// Draws `batch.count` transitions with their windows, n-step returns and importance weights.
  public func sample(into batch: Batch, importanceExponent: Double, generator: inout SplitMix64) {
    priorities.draw(
      into: UnsafeMutableBufferPointer(start: batch.items, count: batch.count), weights: batch.weights, count: count,
      importanceExponent: importanceExponent, generator: &generator)
    batch.masks.apply(streams)
    for row in 0..<batch.count { gather(row, of: batch) }
  }

  /// tdErrors [count].
  public func updatePriorities(of batch: Batch, tdErrors: UnsafePointer<Float>) {
    for row in 0..<batch.count { priorities.update(batch.items[row], error: tdErrors[row]) }
  }

  /// Where a drawn transition lies.
  func place(_ item: Int) -> (store: StepStore, transition: Int) {
    let store = streams[item / streams[0].capacity]
    return (store, store.transition(inSlot: item % store.capacity))
  }

  // MARK: - Latents, [latentSize], which may be written to

  /// The latent stored with a drawn transition.
  public func latent(of batch: Batch, _ row: Int) -> UnsafeMutablePointer<Float>? {
    let (store, transition) = place(batch.items[row])
    return store.latent(transition)
  }
  /// The one stored with the last step of its n-step return.
  public func nextLatent(of batch: Batch, _ row: Int) -> UnsafeMutablePointer<Float> {
    let (store, transition) = place(batch.items[row])
    return store.latent(transition + nStep.outcome(of: transition, in: store).steps - 1)
  }
  /// The one stored with the step before it; nil at an episode's first step, or where that is overwritten.
  public func latentBefore(_ batch: Batch, _ row: Int) -> UnsafeMutablePointer<Float>? {
    let (store, transition) = place(batch.items[row])
    guard store.step(transition) > 0, transition > store.appended - store.count else { return nil }
    return store.latent(transition - 1)
  }

  private func gather(_ row: Int, of batch: Batch) {
    let (store, transition) = place(batch.items[row])
    let width = windowLength * store.observationSize
    copyWindow(of: transition, in: store, to: batch.inputs + row * width)
    let outcome = nStep.outcome(of: transition, in: store)
    let last = transition + outcome.steps - 1
    // The next window: the last step's moved on by the observation after it.
    let next = batch.nextInputs + row * width, tail = width - store.observationSize
    if outcome.steps == 1 {
      next.update(from: batch.inputs + row * width + store.observationSize, count: tail)
    } else {
      copyWindow(of: last, in: store, to: next)
      next.update(from: next + store.observationSize, count: tail)
    }
    store.copyFollowing(last, to: next + tail)
    batch.actions[row] = store.action(transition)
    batch.returns[row] = outcome.return
    batch.discounts[row] = outcome.discount
    if let masks = batch.nextMasks { store.copyNextMask(last, to: masks + row * store.actionCount) }
  }

  private func copyWindow(of transition: Int, in store: StepStore, to window: UnsafeMutablePointer<Float>) {
    let step = store.step(transition), size = store.observationSize
    for position in 0..<windowLength {
      let back = min(windowLength - 1 - position, step)
      store.copyObservation(transition - back, to: window + position * size)
    }
  }

  public func save(to sink: inout some CheckpointSink) throws {
    for (index, store) in streams.enumerated() { try store.save(Self.section(index), to: &sink) }
    try priorities.save("replay/priorities", to: &sink)
  }
  public func restore(from source: some CheckpointSource) throws {
    for (index, store) in streams.enumerated() { try store.restore(Self.section(index), from: source) }
    let each = streams[0].capacity
    try priorities.restore("replay/priorities", from: source) { $0 % each < streams[$0 / each].count }
  }
  private static func section(_ index: Int) -> String { index == 0 ? "replay" : "replay/\(index)" }
}
