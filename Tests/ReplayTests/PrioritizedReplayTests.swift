/// The ring of observations against a naive model that stores every transition with both its windows.
import Randomness
import Records
import Replay
import Testing

private struct Naive {
  struct Transition {
    var state, next: [Float]
    var action: Int32
    var reward: Float
    var terminated, truncated: Bool
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
}

private final class Memory: CheckpointSink, CheckpointSource {
  var sections: [String: [UInt8]] = [:]
  private var kept: [UnsafeMutableRawBufferPointer] = []
  func write(_ name: String, _ bytes: UnsafeRawBufferPointer) throws { sections[name] = Array(bytes) }
  func bytes(_ name: String) throws -> UnsafeRawBufferPointer {
    let section = try #require(sections[name])
    let copy = UnsafeMutableRawBufferPointer.allocate(byteCount: section.count, alignment: 8)
    copy.copyBytes(from: section)
    kept.append(copy)
    return UnsafeRawBufferPointer(copy)
  }
  deinit { for copy in kept { copy.deallocate() } }
}

@Suite struct PrioritizedReplayTests {
  private func make(_ capacity: Int, window: Int, features: Int = 2, clamp: Bool = false) -> PrioritizedReplay {
    PrioritizedReplay(
      capacity: capacity, windowLength: window, observationSize: features, latentSize: 3, priorityExponent: 0.6,
      clampPriorityError: clamp)
  }

  /// Random episodes of 1 … 9 steps through replays of every small capacity and window: every drawn window is right, at
  /// starts, at ends, at truncations, and while the ring wraps over it.
  @Test(arguments: [1, 2, 3, 5, 8, 17], [1, 2, 4, 10]) func windows(_ capacity: Int, _ window: Int) {
    var generator = SplitMix64(seed: UInt64(capacity * 100 + window))
    let replay = make(capacity, window: window)
    var naive = Naive(window: window)
    let batch = ReplayBatch(count: 4, windowLength: window, observationSize: 2)
    var stamp: Float = 0
    func observation() -> [Float] {
      stamp += 1
      return [stamp, -stamp]
    }
    var remaining = 0
    for step in 0..<400 {
      if remaining == 0 {
        let first = observation()
        first.withUnsafeBufferPointer { replay.beginEpisode($0) }
        naive.begin(first)
        remaining = Int(generator.next() % 9) + 1
      }
      remaining -= 1
      let next = observation()
      let ends = remaining == 0, terminated = ends && generator.next() % 2 == 0
      let action = Int(generator.next() % 5)
      next.withUnsafeBufferPointer { next in
        [stamp, 0, 1].withUnsafeBufferPointer {
          replay.append(
            action: action, reward: stamp, terminated: terminated, truncated: ends && !terminated, next: next, latent: $0)
        }
      }
      naive.append(action, stamp, terminated, ends && !terminated, next)
      #expect(replay.latent(age: 0)[0] == stamp)

      replay.sample(into: batch, importanceExponent: 0.5, generator: &generator)
      let live = naive.transitions.suffix(capacity)
      #expect(replay.count == live.count)
      for row in 0..<4 {
        guard let match = live.first(where: { $0.reward == batch.rewards[row] }) else {
          Issue.record("step \(step): drew a transition that was overwritten")
          continue
        }
        let width = window * 2
        #expect(Array(UnsafeBufferPointer(start: batch.states + row * width, count: width)) == match.state)
        #expect(Array(UnsafeBufferPointer(start: batch.nextStates + row * width, count: width)) == match.next)
        #expect(batch.actions[row] == match.action)
        #expect(batch.terminated[row] == match.terminated && batch.truncated[row] == match.truncated)
      }
    }
  }

  private func filled(_ capacity: Int, transitions: Int, clamp: Bool = false) -> PrioritizedReplay {
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
    let batch = ReplayBatch(count: 8, windowLength: 2, observationSize: 2)
    var generator = SplitMix64(seed: 3)
    // Equal priorities: stratified sampling draws each exactly once, and every weight is 1.
    replay.sample(into: batch, importanceExponent: 0.4, generator: &generator)
    #expect((0..<8).map { batch.rewards[$0] } == (1...8).map(Float.init))
    #expect((0..<8).allSatisfy { batch.weights[$0] == 1 })
    // |δ| = reward: P ∝ (reward + 1e-6)^0.6.
    let errors = (0..<8).map { batch.rewards[$0] }
    errors.withUnsafeBufferPointer { replay.updatePriorities(of: batch, tdErrors: $0) }
    let priorities = (1...8).map { power(Double($0) + 1e-6, 0.6) }, total = priorities.reduce(0, +)
    var counts = [Double](repeating: 0, count: 9)
    for _ in 0..<20_000 {
      replay.sample(into: batch, importanceExponent: 0.4, generator: &generator)
      let raw = (0..<8).map { power(8 * priorities[Int(batch.rewards[$0]) - 1] / total, -0.4) }
      for row in 0..<8 {
        counts[Int(batch.rewards[row])] += 1
        #expect(abs(Double(batch.weights[row]) - raw[row] / (raw.max() ?? 1)) < 1e-6)
      }
    }
    for reward in 1...8 { #expect(abs(counts[reward] / 160_000 - priorities[reward - 1] / total) < 0.003) }
  }

  @Test func clampsTheErrorWhereThePublishedCodeDoes() {
    for clamp in [false, true] {
      let replay = filled(2, transitions: 2, clamp: clamp)
      let batch = ReplayBatch(count: 2, windowLength: 2, observationSize: 2)
      var generator = SplitMix64(seed: 1)
      replay.sample(into: batch, importanceExponent: 1, generator: &generator)
      [Float(1), 100].withUnsafeBufferPointer { replay.updatePriorities(of: batch, tdErrors: $0) }
      var second = 0
      for _ in 0..<1000 {
        replay.sample(into: batch, importanceExponent: 1, generator: &generator)
        second += (0..<2).filter { batch.rewards[$0] == 2 }.count
      }
      #expect(clamp ? abs(second - 1000) < 20 : second > 1800)
    }
  }

  @Test(arguments: [5, 40]) func aRestoredReplayGoesOnIdentically(_ transitions: Int) throws {
    let replay = filled(16, transitions: transitions), copy = make(16, window: 2)
    var memory = Memory()
    try replay.save(to: &memory)
    try copy.restore(from: memory)
    var first = SplitMix64(seed: 9), second = SplitMix64(seed: 9)
    let a = ReplayBatch(count: 4, windowLength: 2, observationSize: 2)
    let b = ReplayBatch(count: 4, windowLength: 2, observationSize: 2)
    for i in 0..<200 {
      for (replay, batch, isFirst) in [(replay, a, true), (copy, b, false)] {
        if isFirst {
          replay.sample(into: batch, importanceExponent: 0.5, generator: &first)
        } else {
          replay.sample(into: batch, importanceExponent: 0.5, generator: &second)
        }
        let errors = (0..<4).map { batch.rewards[$0] * Float(i % 3) }
        errors.withUnsafeBufferPointer { replay.updatePriorities(of: batch, tdErrors: $0) }
        [Float(i), 5].withUnsafeBufferPointer { next in
          [Float(i), 0, 0].withUnsafeBufferPointer {
            replay.append(action: 1, reward: Float(i), terminated: false, truncated: i % 5 == 0, next: next, latent: $0)
          }
          if i % 5 == 0 { replay.beginEpisode(next) }
        }
      }
      for k in 0..<16 { #expect(a.states[k] == b.states[k] && a.nextStates[k] == b.nextStates[k]) }
      for k in 0..<4 { #expect(a.weights[k] == b.weights[k] && a.rewards[k] == b.rewards[k]) }
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
