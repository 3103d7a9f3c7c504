/// Experience replay over sequences (R2D2, Kapturowski et al. 2019; the tape of whole episodes after Memoroids, Morad et al.
/// 2024). A sequence is `burnIn` rows that only warm the state up, `length` rows that are learned from, and `nStep` rows to
/// look ahead to. An episode's last observation, at which no action is taken, is a row of its own: it is what a truncated
/// episode bootstraps from.
import Randomness
import Records

public struct SequenceLayout: Equatable, Sendable {
  public var length, burnIn: Int
  /// Steps from one sequence's beginning to the next one's.
  public var stride: Int
  /// Sequences begin with episodes and are filled with further ones, drawn at random.
  public var startsWithEpisodes: Bool
  /// A sequence goes on into the next episode.
  public var crossesEpisodes: Bool

  public init(length: Int, burnIn: Int = 0, stride: Int, startsWithEpisodes: Bool = false, crossesEpisodes: Bool = true) {
    precondition(length > 0 && burnIn >= 0 && stride > 0, "sequences of \(burnIn) + \(length) rows, every \(stride) steps")
    (self.length, self.burnIn, self.stride) = (length, burnIn, stride)
    (self.startsWithEpisodes, self.crossesEpisodes) = (startsWithEpisodes, crossesEpisodes)
  }
}

public final class SequenceReplay {
  public let layout: SequenceLayout
  public let streams: [StepStore]
  public let stateSize: Int
  private let nStep: NStep
  private let priorities: Priorities
  /// For every stream, the state before the first step of each of its sequences.
  private let states: [Ring<Float>]
  /// For every stream, the first transitions of its episodes, oldest first; those before `oldestEpisode` are overwritten.
  private var episodes: [[Int]]
  private var oldestEpisode: [Int]

  /// Share of the largest |TD error| in a sequence's priority; the rest is the mean's (R2D2's η).
  static let largestShare: Float = 0.9

  /// `capacity` steps in all, shared equally between the streams and rounded down to whole strides.
  public init(
    capacity: Int, layout: SequenceLayout, observationSize: Int, stateSize: Int, priorities exponent: Double, nStep: NStep,
    clampPriorityError: Bool = false, streams count: Int = 1, storage: ObservationStorage = .floats, actionCount: Int = 0
  ) {
    let each = capacity / count / layout.stride * layout.stride
    precondition(each > layout.burnIn, "\(capacity) steps in \(count) streams hold no sequence of \(layout)")
    (self.layout, self.stateSize, self.nStep) = (layout, stateSize, nStep)
    streams = (0..<count).map { _ in
      StepStore(
        capacity: each, history: 0, observationSize: observationSize, latentSize: 0, storage: storage, actionCount: actionCount)
    }
    states = (0..<count).map { _ in Ring(count: each / layout.stride * stateSize) }
    priorities = Priorities(
      capacity: each / layout.stride * count, exponent: exponent, clampsError: clampPriorityError)
    episodes = Array(repeating: [], count: count)
    oldestEpisode = Array(repeating: 0, count: count)
  }
  deinit { for ring in states { ring.deallocate() } }

  public var count: Int { streams.reduce(0) { $0 + $1.count } }
  /// Bytes when full, but for the last observations of episodes.
  public static func bytes(
    capacity: Int, stride: Int, observationSize: Int, stateSize: Int, streams: Int, storage: ObservationStorage = .floats
  ) -> Double {
    let each = Double(capacity / max(streams, 1))
    let store = StepStore.bytes(
      capacity: each, history: 0, observationSize: observationSize, latentSize: 0, storage: storage)
    return Double(streams) * (store + each / Double(max(stride, 1)) * (Double(stateSize) * 4 + 32))
  }
  private var sequencesEach: Int { streams[0].capacity / layout.stride }
  private var live = 0
  /// Whether there is a sequence to draw.
  public var isReady: Bool { layout.startsWithEpisodes ? count > 0 : live > 0 }

  public func beginEpisode(_ observation: UnsafeBufferPointer<Float>, stream: Int = 0) {
    streams[stream].beginEpisode(observation)
    if layout.startsWithEpisodes, episodes[stream].last != streams[stream].appended {
      episodes[stream].append(streams[stream].appended)
    }
  }

  /// See `StepStore.append`. `state` [stateSize] is the recurrent state before the observation that the step was taken at.
  public func append(
    action: Int, reward: Float, terminated: Bool, truncated: Bool, next: UnsafeBufferPointer<Float>,
    state: UnsafePointer<Float>?, allowed: [Bool]? = nil, stream: Int = 0
  ) {
    let store = streams[stream], step = store.appended
    store.append(
      action: action, reward: reward, terminated: terminated, truncated: truncated, next: next,
      latent: .init(start: nil, count: 0), allowed: allowed)
    if layout.startsWithEpisodes { return forgetEpisodes(of: stream) }
    if step % layout.stride == 0 {
      let item = item(stream, step)
      if step >= store.capacity {
        priorities.remove(item)
        live -= 1
      }
      if stateSize > 0, let state {
        (states[stream].pointer + item % sequencesEach * stateSize).update(from: state, count: stateSize)
      }
    }
    // A sequence can be drawn as soon as it has one row to learn from; it grows while newer steps come.
    if step >= layout.burnIn, (step - layout.burnIn) % layout.stride == 0 {
      priorities.insert(item(stream, step - layout.burnIn))
      live += 1
    }
  }

  private func item(_ stream: Int, _ step: Int) -> Int {
    stream * sequencesEach + step % streams[stream].capacity / layout.stride
  }

  /// Drops episodes whose first step is overwritten.
  private func forgetEpisodes(of stream: Int) {
    let oldest = streams[stream].appended - streams[stream].count
    while oldestEpisode[stream] < episodes[stream].count, episodes[stream][oldestEpisode[stream]] < oldest {
      oldestEpisode[stream] += 1
    }
    if oldestEpisode[stream] > 1024, oldestEpisode[stream] * 2 > episodes[stream].count {
      episodes[stream].removeFirst(oldestEpisode[stream])
      oldestEpisode[stream] = 0
    }
  }

  /// Draws `batch.count` sequences. Where episodes are short, all of them may end within their burn-in: `batch.learnedRows` is 0
  /// then, and `markEmpty` sees to it that others are drawn.
  public func sample(into batch: Batch, importanceExponent: Double, generator: inout SplitMix64) {
    batch.learnedRows = 0
    batch.masks.apply(streams)
    if layout.startsWithEpisodes {
      for index in 0..<batch.count {
        batch.itemWeights[index] = 1
        (batch.states + index * stateSize).update(repeating: 0, count: stateSize)
        fillWithEpisodes(index, of: batch, &generator)
      }
      return
    }
    priorities.draw(
      into: UnsafeMutableBufferPointer(start: batch.items, count: batch.count), weights: batch.itemWeights, count: live,
      importanceExponent: importanceExponent, generator: &generator)
    for index in 0..<batch.count {
      let (stream, slot) = batch.items[index].quotientAndRemainder(dividingBy: sequencesEach)
      let store = streams[stream], first = store.transition(inSlot: slot * layout.stride)
      (batch.states + index * stateSize).update(from: states[stream].pointer + slot * stateSize, count: stateSize)
      var writer = RowWriter(batch, index, layout, nStep)
      writer.write(store, from: first, crossing: layout.crossesEpisodes)
      writer.pad()
    }
  }

  private func fillWithEpisodes(_ index: Int, of batch: Batch, _ generator: inout SplitMix64) {
    var writer = RowWriter(batch, index, layout, nStep)
    let counts = streams.indices.map { stream in
      // The present episode counts once it has a step.
      episodes[stream].count - oldestEpisode[stream]
        - (episodes[stream].last.map { $0 >= streams[stream].appended } ?? false ? 1 : 0)
    }
    let total = counts.reduce(0, +)
    // Where no episode's beginning is stored any more, an episode is longer than the replay: from its oldest step then.
    let streamsWithSteps = streams.filter { $0.count > 0 }
    while total == 0, !writer.isFull {
      let store = streamsWithSteps[Int(generator.next(upperBound: UInt64(streamsWithSteps.count)))]
      writer.write(store, from: store.appended - store.count, crossing: false)
    }
    while !writer.isFull {
      var number = Int(generator.next(upperBound: UInt64(total))), stream = 0
      while number >= counts[stream] {
        number -= counts[stream]
        stream += 1
      }
      writer.write(streams[stream], from: episodes[stream][oldestEpisode[stream] + number], crossing: false)
    }
  }

  /// Gives a drawn batch without a row to learn from the least priority there is.
  public func markEmpty(_ batch: Batch) {
    precondition(batch.learnedRows == 0, "\(batch.learnedRows) rows can be learned from")
    guard !layout.startsWithEpisodes else { return }
    for index in 0..<batch.count { priorities.update(batch.items[index], error: 0) }
  }

  /// R2D2's priority of a sequence: η · largest + (1 − η) · mean of |TD error| over its learned rows; of none it is least.
  /// tdErrors [count, time].
  public func updatePriorities(of batch: Batch, tdErrors: UnsafePointer<Float>) {
    guard !layout.startsWithEpisodes else { return }
    for index in 0..<batch.count {
      var largest: Float = 0, total: Float = 0, rows: Float = 0
      for row in index * batch.time..<(index + 1) * batch.time where batch.weights[row] > 0 {
        largest = max(largest, abs(tdErrors[row]))
        total += abs(tdErrors[row])
        rows += 1
      }
      let mean = rows > 0 ? total / rows : 0
      priorities.update(batch.items[index], error: Self.largestShare * largest + (1 - Self.largestShare) * mean)
    }
  }

  /// The state stored for the sequence after the one drawn, which begins `stride` rows into it, or nil where it is not there
  /// or an episode begins in between (rows and steps then differ).
  public func followingState(of batch: Batch, _ index: Int) -> UnsafeMutablePointer<Float>? {
    guard !layout.startsWithEpisodes, stateSize > 0 else { return nil }
    let (stream, slot) = batch.items[index].quotientAndRemainder(dividingBy: sequencesEach)
    let store = streams[stream], first = store.transition(inSlot: slot * layout.stride), next = first + layout.stride
    guard next < store.appended, !(first..<next).contains(where: { store.isLast($0) }) else { return nil }
    return states[stream].pointer + item(stream, next) % sequencesEach * stateSize
  }

  // MARK: - Checkpoints

  public func save(to sink: inout some CheckpointSink) throws {
    for (index, store) in streams.enumerated() {
      try store.save("replay/\(index)", to: &sink)
      try sink.write("replay/\(index)/states", states[index].bytes(storedStates(store) * stateSize))
      let starts = episodes[index][oldestEpisode[index]...].map(Int64.init)
      try starts.withUnsafeBytes { try sink.write("replay/\(index)/episodes", $0) }
    }
    try priorities.save("replay/priorities", to: &sink)
  }

  public func restore(from source: some CheckpointSource) throws {
    for (index, store) in streams.enumerated() {
      try store.restore("replay/\(index)", from: source)
      try states[index].restore("replay/\(index)/states", storedStates(store) * stateSize, from: source)
      let starts = try source.values("replay/\(index)/episodes", as: Int64.self).map(Int.init)
      (episodes[index], oldestEpisode[index]) = (starts, 0)
      let known = store.appended - store.count...store.appended
      guard starts.allSatisfy(known.contains), zip(starts, starts.dropFirst()).allSatisfy(<) else {
        throw ReplayError(description: "the checkpoint's replay/\(index)/episodes do not fit its steps")
      }
    }
    try priorities.restore("replay/priorities", from: source, where: isThere)
    live = priorities.count
  }

  /// The states [stateSize] that sequences begin from.
  public func forEachState(_ body: (UnsafePointer<Float>) throws -> Void) rethrows {
    for (store, states) in zip(streams, states) {
      for index in 0..<(stateSize > 0 ? storedStates(store) : 0) { try body(states.pointer + index * stateSize) }
    }
  }

  /// Whether a sequence has a row to learn from, and its first step is still there.
  private func isThere(_ item: Int) -> Bool {
    guard !layout.startsWithEpisodes else { return false }
    let (stream, slot) = item.quotientAndRemainder(dividingBy: sequencesEach), store = streams[stream]
    guard store.appended > layout.burnIn else { return false }
    // The newest beginning in this slot at which a sequence was inserted.
    let newest = (store.appended - 1 - layout.burnIn) / layout.stride * layout.stride
    let place = slot * layout.stride
    guard newest >= place else { return false }
    let first = newest - (newest - place) % store.capacity
    // The slot is emptied as soon as its next sequence's first step is written.
    return first + store.capacity >= store.appended
  }

  private func storedStates(_ store: StepStore) -> Int { (store.count + layout.stride - 1) / layout.stride }
}
