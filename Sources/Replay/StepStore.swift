/// One stream of steps, each observation stored once: what every sampler reads. Knows no priorities and no windows.
///
/// Transition t lives in slot t mod capacity; the observation it was taken at in slot t mod (capacity + history), so that
/// the oldest transition still has `history` observations before it. The true last observation of an episode, after which
/// no transition follows, stands in a pool beside the ring.
import Records

public final class StepStore {
  public let capacity, history, observationSize, latentSize, actionCount: Int
  private let observations: ObservationRows
  private let rewards, latents: Ring<Float>
  private let actions: Ring<Int32>
  /// Bit 0 terminated, bit 1 truncated.
  private let flags: Ring<UInt8>
  /// What the state after each transition allows, 0 or 1 an action. Made when the first mask comes: until then everything was
  /// allowed, and most environments never mask anything.
  private var masks: Ring<UInt8>?
  /// Step within the episode, and the pool's entry of the episode's last observation (−1: none).
  private let stepInEpisode, finalEntry: Ring<Int32>
  private var finals: [Float] = []
  private var freeFinals: [Int32] = []
  /// Transitions ever appended, and the present episode's steps.
  public private(set) var appended = 0
  private var episodeStep = 0
  /// The present episode's last observation, at which the next transition is taken.
  private let current: Ring<Float>

  /// `latentSize` 0 stores none; masks of actions, where they come, are of `actionCount`.
  public init(
    capacity: Int, history: Int, observationSize: Int, latentSize: Int, storage: ObservationStorage = .floats,
    actionCount: Int = 0
  ) {
    precondition(capacity > 0 && history >= 0, "a store of \(capacity) transitions and \(history) observations before them")
    (self.capacity, self.history, self.observationSize, self.latentSize) = (capacity, history, observationSize, latentSize)
    self.actionCount = actionCount
    observations = ObservationRows(count: capacity + history, width: observationSize, storage)
    latents = Ring(count: capacity * latentSize)
    rewards = Ring(count: capacity)
    actions = Ring(count: capacity)
    flags = Ring(count: capacity)
    stepInEpisode = Ring(count: capacity)
    finalEntry = Ring(count: capacity)
    current = Ring(count: observationSize)
  }
  deinit {
    observations.deallocate()
    for ring in [rewards, latents, current] { ring.deallocate() }
    actions.deallocate()
    flags.deallocate()
    masks?.deallocate()
    stepInEpisode.deallocate()
    finalEntry.deallocate()
  }

  /// Transitions that are there: the newest is `appended − 1`, the oldest `appended − count`.
  public var count: Int { min(appended, capacity) }
  /// Bytes when full, but for the last observations of episodes.
  public static func bytes(
    capacity: Double, history: Int, observationSize: Int, latentSize: Int, storage: ObservationStorage = .floats
  ) -> Double {
    capacity * (4 + 4 + 1 + 4 + 4 + Double(latentSize) * 4)
      + (capacity + Double(history)) * Double(observationSize) * Double(storage.size)
  }

  // MARK: - Writing

  public func beginEpisode(_ observation: UnsafeBufferPointer<Float>) {
    precondition(observation.count == observationSize, "an observation of \(observation.count), not \(observationSize)")
    episodeStep = 0
    copy(observation, to: current.pointer)
  }

  /// The transition from the present observation to `next`, which at a terminal or truncated step is the true last one.
  /// Returns its slot.
  @discardableResult public func append(
    action: Int, reward: Float, terminated: Bool, truncated: Bool, next: UnsafeBufferPointer<Float>,
    latent: UnsafeBufferPointer<Float>, allowed: [Bool]? = nil
  ) -> Int {
    precondition(next.count == observationSize, "an observation of \(next.count), not \(observationSize)")
    precondition(latentSize == 0 || latent.count == latentSize, "a latent of \(latent.count), not \(latentSize)")
    let slot = appended % capacity
    if appended >= capacity, finalEntry.pointer[slot] >= 0 { freeFinals.append(finalEntry.pointer[slot]) }
    observations.write(current.pointer, row: appended % (capacity + history))
    actions.pointer[slot] = Int32(action)
    rewards.pointer[slot] = reward
    flags.pointer[slot] = (terminated ? 1 : 0) | (truncated ? 2 : 0)
    stepInEpisode.pointer[slot] = Int32(episodeStep)
    writeMask(allowed, slot)
    if latentSize > 0 { copy(latent, to: latents.pointer + slot * latentSize) }
    finalEntry.pointer[slot] = terminated || truncated ? storeFinal(next) : -1
    appended += 1
    episodeStep += 1
    copy(next, to: current.pointer)
    return slot
  }

  private func writeMask(_ allowed: [Bool]?, _ slot: Int) {
    if let allowed {
      precondition(allowed.count == actionCount, "a mask of \(allowed.count) actions, not \(actionCount)")
      if masks == nil {
        let all = Ring<UInt8>(count: capacity * actionCount)
        all.pointer.update(repeating: 1, count: all.count)
        masks = all
      }
    }
    guard let masks else { return }
    for action in 0..<actionCount { masks.pointer[slot * actionCount + action] = allowed?[action] ?? true ? 1 : 0 }
  }

  // MARK: - Reading, by the transition's number

  public func action(_ transition: Int) -> Int32 { actions.pointer[transition % capacity] }
  public func reward(_ transition: Int) -> Float { rewards.pointer[transition % capacity] }
  public func isTerminated(_ transition: Int) -> Bool { flags.pointer[transition % capacity] & 1 != 0 }
  public func isTruncated(_ transition: Int) -> Bool { flags.pointer[transition % capacity] & 2 != 0 }
  public func isLast(_ transition: Int) -> Bool { flags.pointer[transition % capacity] != 0 }
  public func step(_ transition: Int) -> Int { Int(stepInEpisode.pointer[transition % capacity]) }
  /// Whether any state ever masked an action.
  var isMasked: Bool { masks != nil }
  /// Writes what the state after a transition allows, [actionCount].
  func copyNextMask(_ transition: Int, to destination: UnsafeMutablePointer<UInt8>) {
    if let masks {
      destination.update(from: masks.pointer + transition % capacity * actionCount, count: actionCount)
    } else {
      destination.update(repeating: 1, count: actionCount)
    }
  }
  /// [latentSize], which may be written to.
  public func latent(_ transition: Int) -> UnsafeMutablePointer<Float> {
    latents.pointer + transition % capacity * latentSize
  }

  /// The newest transition in a slot.
  public func transition(inSlot slot: Int) -> Int {
    let newest = appended - 1
    return newest - (newest - slot) % capacity
  }

  /// The observation that a transition was taken at, [observationSize].
  public func copyObservation(_ transition: Int, to destination: UnsafeMutablePointer<Float>) {
    observations.read(transition % (capacity + history), to: destination)
  }

  /// The observation after a transition: the next one's, the present one, or an episode's last from the pool.
  public func copyFollowing(_ transition: Int, to destination: UnsafeMutablePointer<Float>) {
    let entry = Int(finalEntry.pointer[transition % capacity])
    if entry >= 0 {
      for i in 0..<observationSize { destination[i] = finals[entry * observationSize + i] }
    } else if transition == appended - 1 {
      destination.update(from: current.pointer, count: observationSize)
    } else {
      copyObservation(transition + 1, to: destination)
    }
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

  /// `prefix`: under which its sections stand, such as `replay`.
  public func save(_ prefix: String, to sink: inout some CheckpointSink) throws {
    let header = [
      capacity, history, observationSize, latentSize, appended, episodeStep, finals.count, freeFinals.count,
    ].map(Int64.init)
    try header.withUnsafeBytes { try sink.write("\(prefix)/header", $0) }
    try sink.write("\(prefix)/observations", observations.bytes(storedObservations))
    try sink.write("\(prefix)/latents", latents.bytes(count * latentSize))
    try sink.write("\(prefix)/rewards", rewards.bytes(count))
    try sink.write("\(prefix)/actions", actions.bytes(count))
    try sink.write("\(prefix)/flags", flags.bytes(count))
    try sink.write("\(prefix)/steps", stepInEpisode.bytes(count))
    try sink.write("\(prefix)/final-entries", finalEntry.bytes(count))
    if let masks { try sink.write("\(prefix)/masks", masks.bytes(count * actionCount)) }
    try sink.write("\(prefix)/current", current.bytes(observationSize))
    try finals.withUnsafeBytes { try sink.write("\(prefix)/finals", $0) }
    try freeFinals.withUnsafeBytes { try sink.write("\(prefix)/free-finals", $0) }
  }

  public func restore(_ prefix: String, from source: some CheckpointSource) throws {
    let header = try source.values("\(prefix)/header", 8, as: Int64.self).map(Int.init)
    guard Array(header[0..<4]) == [capacity, history, observationSize, latentSize] else {
      throw ReplayError(
        description: "the checkpoint's replay has capacity, window, observation and latent sizes \(header.prefix(4)); "
          + "this run needs \([capacity, history, observationSize, latentSize])")
    }
    guard Self.steps.contains(header[4]), (0...header[4]).contains(header[5]) else {
      throw ReplayError(description: "the checkpoint's \(prefix)/header counts \(header[4]) steps, \(header[5]) in the episode")
    }
    (appended, episodeStep) = (header[4], header[5])
    try observations.restore("\(prefix)/observations", storedObservations, from: source)
    try latents.restore("\(prefix)/latents", count * latentSize, from: source)
    try rewards.restore("\(prefix)/rewards", count, from: source)
    try actions.restore("\(prefix)/actions", count, from: source)
    try flags.restore("\(prefix)/flags", count, from: source)
    try stepInEpisode.restore("\(prefix)/steps", count, from: source)
    try finalEntry.restore("\(prefix)/final-entries", count, from: source)
    if source.contains("\(prefix)/masks") {
      let stored = masks ?? Ring(count: capacity * actionCount)
      masks = stored
      try stored.restore("\(prefix)/masks", count * actionCount, from: source)
    }
    try current.restore("\(prefix)/current", observationSize, from: source)
    finals = try source.values("\(prefix)/finals", header[6])
    freeFinals = try source.values("\(prefix)/free-finals", header[7])
    guard isConsistent else {
      throw ReplayError(description: "the checkpoint's \(prefix)/steps and its episodes' ends do not fit")
    }
  }

  /// No run is longer (`--steps`).
  private static let steps = 0...1_000_000_000

  /// Whether steps count up within episodes, and every entry of the pool belongs to one last step or to none.
  private var isConsistent: Bool {
    guard finals.count == observationSize * entries else { return false }
    var isTaken = [Bool](repeating: false, count: entries)
    func take(_ entry: Int32) -> Bool {
      guard isTaken.indices.contains(Int(entry)), !isTaken[Int(entry)] else { return false }
      isTaken[Int(entry)] = true
      return true
    }
    var last = -1
    for transition in appended - count..<appended {
      let step = step(transition), isFirst = transition == appended - count
      guard step == 0 || isFirst && step <= transition || !isFirst && step == last + 1, step >= 0,
        flags.pointer[transition % capacity] < 4
      else { return false }
      last = step
      let entry = finalEntry.pointer[transition % capacity]
      guard isLast(transition) ? take(entry) : entry == -1 else { return false }
    }
    return freeFinals.allSatisfy(take)
  }
  private var entries: Int { finals.count / max(observationSize, 1) }

  /// Refuses what a checkpoint brought where a stored action is none of so many.
  public func check(actionCount: Int) throws {
    if let action = UnsafeBufferPointer(start: actions.pointer, count: count).first(where: {
      !(0..<actionCount).contains(Int($0))
    }) {
      throw ReplayError(description: "the checkpoint's replay has the action \(action); there are \(actionCount)")
    }
  }

  private var storedObservations: Int { min(appended, capacity + history) }
}
