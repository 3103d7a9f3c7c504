/// Prioritized experience replay (Schaul et al. 2016) over windows of observations, with the published rules: stratified
/// sampling, a new transition gets the largest priority, importance weights divided by their maximum.
///
/// Every observation is stored once. Transition t lives in slot t mod capacity; the observation it was taken at in slot
/// t mod (capacity + window), so that the oldest transition's window is still whole. A window ends at its transition and is
/// clamped at the episode's first observation, which is repeated. The true last observation of an episode, after which no
/// transition follows, stands in a pool beside the ring.
import Randomness
import Records

public final class PrioritizedReplay {
  public let capacity, windowLength, observationSize, latentSize: Int
  public let priorityExponent: Double
  public let clampPriorityError: Bool
  private let tree: SumTree
  private let observations, rewards, latents: Ring<Float>
  private let actions: Ring<Int32>
  /// Bit 0 terminated, bit 1 truncated.
  private let flags: Ring<UInt8>
  /// Step within the episode, and the pool's entry of the episode's last observation (−1: none).
  private let stepInEpisode, finalEntry: Ring<Int32>
  private var finals: [Float] = []
  private var freeFinals: [Int32] = []
  /// Transitions ever appended, and the present episode's steps.
  private var appended = 0
  private var episodeStep = 0
  /// The present episode's last observation, at which the next transition is taken.
  private let current: Ring<Float>

  /// Added to |TD error|, so that no transition is forgotten (the published value).
  static let smallestError = 1e-6

  public init(
    capacity: Int, windowLength: Int, observationSize: Int, latentSize: Int, priorityExponent: Double,
    clampPriorityError: Bool
  ) {
    (self.capacity, self.windowLength, self.observationSize) = (capacity, windowLength, observationSize)
    (self.latentSize, self.priorityExponent) = (latentSize, priorityExponent)
    self.clampPriorityError = clampPriorityError
    tree = SumTree(capacity: capacity)
    observations = Ring(count: (capacity + windowLength) * observationSize)
    latents = Ring(count: capacity * latentSize)
    rewards = Ring(count: capacity)
    actions = Ring(count: capacity)
    flags = Ring(count: capacity)
    stepInEpisode = Ring(count: capacity)
    finalEntry = Ring(count: capacity)
    current = Ring(count: observationSize)
  }
  deinit {
    for ring in [observations, rewards, latents, current] { ring.deallocate() }
    actions.deallocate()
    flags.deallocate()
    stepInEpisode.deallocate()
    finalEntry.deallocate()
  }

  /// Transitions that can be drawn.
  public var count: Int { min(appended, capacity) }
  /// Bytes when full, but for the last observations of episodes.
  public var memoryBytes: Int {
    let transition = 4 + 4 + 1 + 4 + 4 + latentSize * 4 + 32
    return capacity * transition + (capacity + windowLength) * observationSize * 4
  }

  public func beginEpisode(_ observation: UnsafeBufferPointer<Float>) {
    precondition(observation.count == observationSize, "an observation of \(observation.count), not \(observationSize)")
    episodeStep = 0
    copy(observation, to: current.pointer)
  }

  /// The transition from the present observation to `next`, which at a terminal or truncated step is the true last one.
  public func append(
    action: Int, reward: Float, terminated: Bool, truncated: Bool, next: UnsafeBufferPointer<Float>,
    latent: UnsafeBufferPointer<Float>
  ) {
    precondition(next.count == observationSize, "an observation of \(next.count), not \(observationSize)")
    precondition(latent.count == latentSize, "a latent of \(latent.count), not \(latentSize)")
    let slot = appended % capacity
    if appended >= capacity, finalEntry.pointer[slot] >= 0 { freeFinals.append(finalEntry.pointer[slot]) }
    observation(appended).update(from: current.pointer, count: observationSize)
    actions.pointer[slot] = Int32(action)
    rewards.pointer[slot] = reward
    flags.pointer[slot] = (terminated ? 1 : 0) | (truncated ? 2 : 0)
    stepInEpisode.pointer[slot] = Int32(episodeStep)
    copy(latent, to: latents.pointer + slot * latentSize)
    finalEntry.pointer[slot] = terminated || truncated ? storeFinal(next) : -1
    tree[slot] = tree.maximum > 0 ? tree.maximum : 1
    appended += 1
    episodeStep += 1
    copy(next, to: current.pointer)
  }

  /// Draws `batch.count` transitions, one from each of as many equal parts of the total priority, with importance weights
  /// (N·P)^−β over their maximum.
  public func sample(into batch: ReplayBatch, importanceExponent: Double, generator: inout SplitMix64) {
    precondition(count > 0, "nothing to draw from")
    let part = tree.total / Double(batch.count)
    var largestWeight: Float = 0
    for row in 0..<batch.count {
      let slot = tree.index(at: part * (Double(row) + generator.uniform()))
      let weight = Float(power(Double(count) * tree[slot] / tree.total, -importanceExponent))
      batch.slots[row] = slot
      batch.weights[row] = weight
      largestWeight = max(largestWeight, weight)
      gather(slot, into: batch, row)
    }
    for row in 0..<batch.count { batch.weights[row] /= largestWeight }
  }

  /// Priority (|δ| + 10⁻⁶)^α, |δ| clamped to 1 first where the published LunarLander code does.
  public func updatePriorities(of batch: ReplayBatch, tdErrors: UnsafeBufferPointer<Float>) {
    for row in 0..<batch.count {
      let error = Double(abs(tdErrors[row]))
      tree[batch.slots[row]] = power((clampPriorityError ? min(error, 1) : error) + Self.smallestError, priorityExponent)
    }
  }

  /// The stored latent of the `age`-th newest transition (0: the newest).
  public func latent(age: Int) -> UnsafeBufferPointer<Float> {
    precondition(age >= 0 && age < count, "latent \(age) of \(count)")
    let slot = (appended - 1 - age) % capacity
    return UnsafeBufferPointer(start: latents.pointer + slot * latentSize, count: latentSize)
  }

  // MARK: - Windows

  private func gather(_ slot: Int, into batch: ReplayBatch, _ row: Int) {
    // The newest transition in this slot: appended − 1 or up to capacity − 1 before it.
    let newest = appended - 1
    let transition = newest - (newest - slot) % capacity
    let step = Int(stepInEpisode.pointer[slot])
    let width = windowLength * observationSize
    let state = batch.states + row * width, next = batch.nextStates + row * width
    for position in 0..<windowLength {
      let back = min(windowLength - 1 - position, step)
      (state + position * observationSize).update(from: observation(transition - back), count: observationSize)
    }
    // The next window: this one moved on by the next observation.
    next.update(from: state + observationSize, count: width - observationSize)
    copyFollowing(transition, slot, to: next + width - observationSize)
    batch.actions[row] = actions.pointer[slot]
    batch.rewards[row] = rewards.pointer[slot]
    batch.terminated[row] = flags.pointer[slot] & 1 != 0
    batch.truncated[row] = flags.pointer[slot] & 2 != 0
  }

  /// The observation after a transition: the next one's, the present one, or an episode's last from the pool.
  private func copyFollowing(_ transition: Int, _ slot: Int, to destination: UnsafeMutablePointer<Float>) {
    let entry = Int(finalEntry.pointer[slot])
    if entry >= 0 {
      for i in 0..<observationSize { destination[i] = finals[entry * observationSize + i] }
    } else {
      let source = transition == appended - 1 ? current.pointer : observation(transition + 1)
      destination.update(from: source, count: observationSize)
    }
  }

  private func observation(_ transition: Int) -> UnsafeMutablePointer<Float> {
    observations.pointer + transition % (capacity + windowLength) * observationSize
  }

  private func storeFinal(_ observation: UnsafeBufferPointer<Float>) -> Int32 {
    if let entry = freeFinals.popLast() {
      for i in 0..<observationSize { finals[Int(entry) * observationSize + i] = observation[i] }
      return entry
    }
    finals.append(contentsOf: observation)
    return Int32(finals.count / observationSize - 1)
  }

  private func copy(_ source: UnsafeBufferPointer<Float>, to destination: UnsafeMutablePointer<Float>) {
    if let base = source.baseAddress { destination.update(from: base, count: source.count) }
  }

  // MARK: - Checkpoints

  public func save(to sink: inout some CheckpointSink) throws {
    let header = [
      capacity, windowLength, observationSize, latentSize, appended, episodeStep, finals.count, freeFinals.count,
    ].map(Int64.init)
    try header.withUnsafeBytes { try sink.write("replay/header", $0) }
    try sink.write("replay/priorities", tree.leafBytes)
    try sink.write("replay/observations", observations.bytes(storedObservations * observationSize))
    try sink.write("replay/latents", latents.bytes(count * latentSize))
    try sink.write("replay/rewards", rewards.bytes(count))
    try sink.write("replay/actions", actions.bytes(count))
    try sink.write("replay/flags", flags.bytes(count))
    try sink.write("replay/steps", stepInEpisode.bytes(count))
    try sink.write("replay/final-entries", finalEntry.bytes(count))
    try sink.write("replay/current", current.bytes(observationSize))
    try finals.withUnsafeBytes { try sink.write("replay/finals", $0) }
    try freeFinals.withUnsafeBytes { try sink.write("replay/free-finals", $0) }
  }

  public func restore(from source: some CheckpointSource) throws {
    let bytes = try source.bytes("replay/header")
    let header = stride(from: 0, to: bytes.count, by: 8).map { Int(bytes.loadUnaligned(fromByteOffset: $0, as: Int64.self)) }
    guard header.count == 8, Array(header[0..<4]) == [capacity, windowLength, observationSize, latentSize] else {
      throw ReplayError(
        description: "the checkpoint's replay has capacity, window, observation and latent sizes \(header.prefix(4)); "
          + "this run needs \([capacity, windowLength, observationSize, latentSize])")
    }
    (appended, episodeStep) = (header[4], header[5])
    let priorities = try source.bytes("replay/priorities")
    guard priorities.count == capacity * 8 else {
      throw ReplayError(description: "the checkpoint's priorities have \(priorities.count) bytes, not \(capacity * 8)")
    }
    tree.restore(leaves: priorities)
    try observations.restore("replay/observations", storedObservations * observationSize, from: source)
    try latents.restore("replay/latents", count * latentSize, from: source)
    try rewards.restore("replay/rewards", count, from: source)
    try actions.restore("replay/actions", count, from: source)
    try flags.restore("replay/flags", count, from: source)
    try stepInEpisode.restore("replay/steps", count, from: source)
    try finalEntry.restore("replay/final-entries", count, from: source)
    try current.restore("replay/current", observationSize, from: source)
    finals = try values("replay/finals", header[6], from: source)
    freeFinals = try values("replay/free-finals", header[7], from: source)
  }

  private var storedObservations: Int { min(appended, capacity + windowLength) }

  private func values<Value: BitwiseCopyable>(_ name: String, _ count: Int, from source: some CheckpointSource) throws -> [Value]
  {
    let ring = Ring<Value>(count: count)
    defer { ring.deallocate() }
    try ring.restore(name, count, from: source)
    return Array(UnsafeBufferPointer(start: ring.pointer, count: count))
  }
}

#if canImport(Glibc)
  import func Glibc.pow
#elseif canImport(Darwin)
  import func Darwin.pow
#endif
private func power(_ base: Double, _ exponent: Double) -> Double { pow(base, exponent) }
