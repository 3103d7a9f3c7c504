/// The ring of observations against a naive model that stores every transition with both its windows.
import Randomness
import Records
import Replay
import TestSupport
import Testing

/// Every transition kept with its window and the window after it, and n-step returns from their definition.
private struct Naive {
  struct Transition {
    var state, next: [Float]
    var action: Int32
    var reward: Float
    var terminated, truncated: Bool
    var isLast: Bool { terminated || truncated }
  }
  let window: Int
  var transitions: [Transition] = []
  var present: [[Float]] = []
  mutating func begin(_ o: [Float]) { present = Array(repeating: o, count: window) }
  mutating func append(_ action: Int, _ reward: Float, _ terminated: Bool, _ truncated: Bool, _ o: [Float]) {
    let next = Array(present.dropFirst()) + [o]
    transitions.append(
      .init(
        state: present.flatMap { $0 }, next: next.flatMap { $0 }, action: Int32(action), reward: reward,
        terminated: terminated, truncated: truncated))
    present = next
  }

  /// Σ γⁱ r, the discount of the bootstrap, and the window it is made at.
  func outcome(of index: Int, steps: Int, discount: Float, cut: Bool) -> (return: Double, discount: Double, next: [Float]) {
    var last = index
    while !transitions[last].isLast && last - index + 1 < steps && last + 1 < transitions.count { last += 1 }
    let gamma = Double(discount)
    let total = (index...last).reduce(0.0) { sum, i in
      sum + (0..<(i - index)).reduce(Double(transitions[i].reward)) { value, _ in value * gamma }
    }
    let end = transitions[last]
    let ends = end.terminated || (end.truncated && cut)
    return (total, ends ? 0 : (index...last).reduce(1) { value, _ in value * gamma }, end.next)
  }
}

@Suite struct WindowReplayTests {
  private func make(
    _ capacity: Int, window: Int, features: Int = 2, clamp: Bool = false, nStep: NStep = NStep(discount: 0.9),
    streams: Int = 1
  ) -> WindowReplay {
    WindowReplay(
      capacity: capacity * streams, windowLength: window, observationSize: features, latentSize: 3, priorities: 0.6,
      clampPriorityError: clamp, nStep: nStep, streams: streams)
  }

  /// Random episodes of 1 … 9 steps, in one stream or two, through small replays of several capacities, windows and n: every
  /// drawn window, return and discount is right, at starts, at ends, at truncations, at the newest step, and while the ring wraps.
  @Test(arguments: [1, 2, 3, 5, 8, 17], [1, 2, 4, 10]) func windows(_ capacity: Int, _ window: Int) {
    for (steps, streams) in [(1, 1), (2, 1), (3, 2), (5, 1), (20, 2)] {
      for cut in [false, true] { windows(capacity, window, NStep(steps: steps, discount: 0.75, cutsAtTruncation: cut), streams) }
    }
  }

  private func windows(_ capacity: Int, _ window: Int, _ nStep: NStep, _ streams: Int) {
    var generator = SplitMix64(seed: UInt64(capacity * 100 + window))
    let replay = make(capacity, window: window, nStep: nStep, streams: streams)
    var naive = Array(repeating: Naive(window: window), count: streams)
    var remaining = Array(repeating: 0, count: streams)
    let batch = Batch(windows: 4, length: window, observationSize: 2), width = window * 2
    var stamp: Float = 0
    func observation() -> [Float] {
      stamp += 1
      return [stamp, -stamp]
    }
    for step in 0..<200 {
      let stream = Int(generator.next() % UInt64(streams))
      if remaining[stream] == 0 {
        let first = observation()
        first.withUnsafeBufferPointer { replay.beginEpisode($0, stream: stream) }
        naive[stream].begin(first)
        remaining[stream] = Int(generator.next() % 9) + 1
      }
      remaining[stream] -= 1
      let next = observation()
      let ends = remaining[stream] == 0, terminated = ends && generator.next() % 2 == 0
      let action = Int(generator.next() % 5)
      next.withUnsafeBufferPointer { next in
        [stamp, 0, 1].withUnsafeBufferPointer {
          replay.append(
            action: action, reward: stamp, terminated: terminated, truncated: ends && !terminated, next: next, latent: $0,
            stream: stream)
        }
      }
      naive[stream].append(action, stamp, terminated, ends && !terminated, next)
      #expect(replay.streams[stream].latent(replay.streams[stream].appended - 1)[0] == stamp)

      replay.sample(into: batch, importanceExponent: 0.5, generator: &generator)
      #expect(replay.count == naive.reduce(0) { $0 + min($1.transitions.count, capacity) })
      for row in 0..<4 {
        let state = Array(UnsafeBufferPointer(start: batch.inputs + row * width, count: width))
        let next = Array(UnsafeBufferPointer(start: batch.nextInputs + row * width, count: width))
        let matches = naive.flatMap { model in
          model.transitions.indices.suffix(capacity).filter { model.transitions[$0].state == state }.map { (model, $0) }
        }
        guard let (model, index) = matches.first, matches.count == 1 else {
          Issue.record("step \(step): drew a window that is not stored")
          continue
        }
        let expected = model.outcome(of: index, steps: nStep.steps, discount: nStep.discount, cut: nStep.cutsAtTruncation)
        #expect(abs(Double(batch.returns[row]) - expected.return) <= 1e-5 * max(1, abs(expected.return)))
        #expect(abs(Double(batch.discounts[row]) - expected.discount) < 1e-6)
        #expect(next == expected.next)
        #expect(batch.actions[row] == model.transitions[index].action)
      }
    }
  }

  private func filled(_ capacity: Int, transitions: Int, clamp: Bool = false) -> WindowReplay {
    let replay = make(capacity, window: 2, clamp: clamp)
    [0, 0].withUnsafeBufferPointer { replay.beginEpisode($0) }
    for i in 1...transitions {
      let ends = i % 7 == 0
      [Float(i), 0].withUnsafeBufferPointer { next in
        [Float(i), 0, 0].withUnsafeBufferPointer {
          replay.append(action: 0, reward: Float(i), terminated: ends, truncated: false, next: next, latent: $0)
        }
      }
      if ends { [Float(i), 1].withUnsafeBufferPointer { replay.beginEpisode($0) } }
    }
    return replay
  }

  @Test func drawsInProportionToPriorityAndWeighsByItsInverse() {
    let replay = filled(8, transitions: 8)
    let batch = Batch(windows: 8, length: 2, observationSize: 2)
    var generator = SplitMix64(seed: 3)
    // Equal priorities: stratified sampling draws each exactly once, and every weight is 1.
    replay.sample(into: batch, importanceExponent: 0.4, generator: &generator)
    #expect((0..<8).map { batch.returns[$0] } == (1...8).map(Float.init))
    #expect((0..<8).allSatisfy { batch.weights[$0] == 1 })
    // |δ| = reward: P ∝ (reward + 1e-6)^0.6.
    let errors = (0..<8).map { batch.returns[$0] }
    replay.updatePriorities(of: batch, tdErrors: errors)
    let priorities = (1...8).map { power(Double($0) + 1e-6, 0.6) }, total = priorities.reduce(0, +)
    var counts = [Double](repeating: 0, count: 9)
    for _ in 0..<20_000 {
      replay.sample(into: batch, importanceExponent: 0.4, generator: &generator)
      let raw = (0..<8).map { power(8 * priorities[Int(batch.returns[$0]) - 1] / total, -0.4) }
      for row in 0..<8 {
        counts[Int(batch.returns[row])] += 1
        #expect(abs(Double(batch.weights[row]) - raw[row] / (raw.max() ?? 1)) < 1e-6)
      }
    }
    for reward in 1...8 { #expect(abs(counts[reward] / 160_000 - priorities[reward - 1] / total) < 0.003) }
  }

  @Test func clampsTheErrorWhereThePublishedCodeDoes() {
    for clamp in [false, true] {
      let replay = filled(2, transitions: 2, clamp: clamp)
      let batch = Batch(windows: 2, length: 2, observationSize: 2)
      var generator = SplitMix64(seed: 1)
      replay.sample(into: batch, importanceExponent: 1, generator: &generator)
      replay.updatePriorities(of: batch, tdErrors: [1, 100])
      var second = 0
      for _ in 0..<1000 {
        replay.sample(into: batch, importanceExponent: 1, generator: &generator)
        second += (0..<2).filter { batch.returns[$0] == 2 }.count
      }
      #expect(clamp ? abs(second - 1000) < 20 : second > 1800)
    }
  }

  @Test(arguments: [5, 40]) func aRestoredReplayGoesOnIdentically(_ transitions: Int) throws {
    let replay = filled(16, transitions: transitions), copy = make(16, window: 2)
    var memory = CheckpointMemory()
    try replay.save(to: &memory)
    try copy.restore(from: memory)
    var first = SplitMix64(seed: 9), second = SplitMix64(seed: 9)
    let a = Batch(windows: 4, length: 2, observationSize: 2)
    let b = Batch(windows: 4, length: 2, observationSize: 2)
    for i in 0..<200 {
      for (replay, batch, isFirst) in [(replay, a, true), (copy, b, false)] {
        if isFirst {
          replay.sample(into: batch, importanceExponent: 0.5, generator: &first)
        } else {
          replay.sample(into: batch, importanceExponent: 0.5, generator: &second)
        }
        let errors = (0..<4).map { batch.returns[$0] * Float(i % 3) }
        replay.updatePriorities(of: batch, tdErrors: errors)
        [Float(i), 5].withUnsafeBufferPointer { next in
          [Float(i), 0, 0].withUnsafeBufferPointer {
            replay.append(action: 1, reward: Float(i), terminated: false, truncated: i % 5 == 0, next: next, latent: $0)
          }
          if i % 5 == 0 { replay.beginEpisode(next) }
        }
      }
      for k in 0..<16 { #expect(a.inputs[k] == b.inputs[k] && a.nextInputs[k] == b.nextInputs[k]) }
      for k in 0..<4 { #expect(a.weights[k] == b.weights[k] && a.returns[k] == b.returns[k]) }
    }
    let wrong = make(17, window: 2)
    #expect(throws: ReplayError.self) { try wrong.restore(from: memory) }
  }

  @Test(arguments: [1, 2, 3, 7, 8, 20]) func sumTreeInvariant(_ capacity: Int) {
    let tree = SumTree(capacity: capacity)
    var generator = SplitMix64(seed: 4)
    var plain = [Double](repeating: 0, count: capacity)
    for _ in 0..<300 {
      let index = Int(generator.next() % UInt64(capacity))
      plain[index] = generator.next() % 4 == 0 ? 0 : generator.uniform()
      tree[index] = plain[index]
      #expect(tree.isConsistent)
      #expect(tree.maximum == plain.max())
      #expect(abs(tree.total - plain.reduce(0, +)) < 1e-12)
      guard tree.total > 0 else { continue }
      let drawn = tree.index(at: generator.uniform() * tree.total)
      #expect(drawn < capacity && plain[drawn] > 0)
      let last = tree.index(at: tree.total)  // one rounding too far still lands on a live leaf
      #expect(last < capacity && plain[last] > 0)
    }
  }
}

#if canImport(Glibc)
  import Glibc
#else
  import Darwin
#endif
private func power(_ base: Double, _ exponent: Double) -> Double { pow(base, exponent) }
