/// Sequences against a naive model that keeps every step: rows, resets, returns, the rows that are bootstrapped from, stored
/// states and those after them, at several small capacities, strides, burn-ins and n.
import Randomness
import Records
import Replay
import TestSupport
import Testing

/// Every step of one stream, whole.
private struct NaiveStream {
  struct Step: RecordedStep {
    var observation, next: Float
    var reward: Float
    var action: Int32
    var begins, terminated, truncated: Bool
    var state: Float
    var isLast: Bool { terminated || truncated }
  }
  var steps: [Step] = []

  func outcome(of index: Int, _ nStep: NStep) -> (return: Float, discount: Float, steps: Int) {
    var (total, factor, taken) = (Float(0), Float(1), 0)
    while true {
      let step = steps[index + taken]
      total += factor * step.reward
      (factor, taken) = (factor * nStep.discount, taken + 1)
      if step.isLast || taken == nStep.steps || index + taken == steps.count {
        return (total, step.terminated || (step.truncated && nStep.cutsAtTruncation) ? 0 : factor, taken)
      }
    }
  }
}

@Suite struct SequenceReplayTests {
  @Test(arguments: [4, 6, 12, 30], [1, 2, 3]) func sequencesEqualTheModel(_ capacity: Int, _ stride: Int) {
    for (length, burnIn, n) in [(1, 0, 1), (3, 0, 1), (4, 2, 1), (5, 0, 3), (2, 1, 4), (40, 3, 2)] {
      for crossing in [true, false] where burnIn < capacity / 2 / stride * stride {
        let layout = SequenceLayout(length: length, burnIn: burnIn, stride: stride, crossesEpisodes: crossing)
        play(capacity, layout, NStep(steps: n, discount: 0.5, cutsAtTruncation: !crossing))
      }
    }
  }

  @Test(arguments: [3, 8, 30], [1, 3]) func tapesOfEpisodesEqualTheModel(_ capacity: Int, _ n: Int) {
    for length in [1, 4, 17] {
      play(capacity, SequenceLayout(length: length, stride: 1, startsWithEpisodes: true), NStep(steps: n, discount: 0.5))
    }
  }

  /// Draws of one stream of 8 steps in sequences of 4: weights are the inverse of priorities at α = β = 1.
  private func weights(_ replay: SequenceReplay, _ batch: Batch, seed: UInt64) -> [Int: Float] {
    var generator = SplitMix64(seed: seed)
    replay.sample(into: batch, importanceExponent: 1, generator: &generator)
    var weights: [Int: Float] = [:]
    for index in 0..<batch.count { weights[Int(batch.input(index, 0).pointee)] = batch.weights[index * batch.time] }
    return weights
  }

  @Test(arguments: [false, true]) func prioritiesAreR2D2s(_ clamps: Bool) throws {
    let replay = SequenceReplay(
      capacity: 8, layout: SequenceLayout(length: 4, stride: 4), observationSize: 1, stateSize: 0, priorities: 1,
      nStep: NStep(steps: 1, discount: 0.5), clampPriorityError: clamps)
    [Float(0)].withUnsafeBufferPointer { replay.beginEpisode($0) }
    for step in 1...8 {
      [Float(step)].withUnsafeBufferPointer {
        replay.append(action: 0, reward: 0, terminated: false, truncated: false, next: $0, state: nil)
      }
    }
    let batch = Batch(sequences: 64, burnIn: 0, time: 5, observationSize: 1, stateSize: 0)
    #expect(weights(replay, batch, seed: 1) == [0: 1, 4: 1])
    // Rows 1, -2, 3, -4 and what is only looked ahead to; or five halves.
    let errors = (0..<batch.count).flatMap { index in
      batch.input(index, 0).pointee == 0 ? [1, -2, 3, -4, 100] : [Float](repeating: 0.5, count: 5)
    }
    replay.updatePriorities(of: batch, tdErrors: errors)
    let found = weights(replay, batch, seed: 2)
    let priority: Float = clamps ? 1 : 0.9 * 4 + 0.1 * 2.5
    #expect(abs(try #require(found[0]) / (try #require(found[4])) * priority / 0.5 - 1) < 1e-4)
  }

  /// Sequences whose episode ends within the burn-in have no row to learn from, and are hardly drawn again.
  @Test func whatTeachesNothingIsDrawnLeast() {
    let replay = SequenceReplay(
      capacity: 16, layout: SequenceLayout(length: 4, burnIn: 4, stride: 4, crossesEpisodes: false), observationSize: 1,
      stateSize: 0, priorities: 1, nStep: NStep(steps: 1, discount: 0.5))
    for step in 0..<16 {
      if step == 0 || step == 3 { [Float(step)].withUnsafeBufferPointer { replay.beginEpisode($0) } }
      [Float(step + 1)].withUnsafeBufferPointer {
        replay.append(action: 0, reward: 0, terminated: step == 2, truncated: false, next: $0, state: nil)
      }
    }
    let batch = Batch(sequences: 32, burnIn: 4, time: 5, observationSize: 1, stateSize: 0)
    var generator = SplitMix64(seed: 3)
    func share() -> Double {
      replay.sample(into: batch, importanceExponent: 0, generator: &generator)
      return Double((0..<batch.count).count { batch.input($0, 0).pointee == 0 }) / Double(batch.count)
    }
    #expect(share() > 0.15 && batch.learnedRows > 0)
    replay.updatePriorities(of: batch, tdErrors: Array(repeating: 1, count: batch.count * batch.time))
    #expect(share() == 0)
  }

  /// Where a whole batch has no such row, all of it gets the least priority, (10⁻⁶)^α; what is new gets the largest there is.
  @Test func anEmptyBatchIsHardlyDrawnAgain() throws {
    let replay = SequenceReplay(
      capacity: 8, layout: SequenceLayout(length: 2, burnIn: 2, stride: 2, crossesEpisodes: false), observationSize: 1,
      stateSize: 0, priorities: 0.5, nStep: NStep(steps: 1, discount: 0.5))
    let batch = Batch(sequences: 4, burnIn: 2, time: 3, observationSize: 1, stateSize: 0)
    var generator = SplitMix64(seed: 3)
    func append(_ episodes: Range<Int>) throws -> [Double] {
      for step in episodes {
        [Float(step)].withUnsafeBufferPointer {
          replay.beginEpisode($0)
          replay.append(action: 0, reward: 0, terminated: true, truncated: false, next: $0, state: nil)
        }
      }
      var memory = CheckpointMemory()
      try replay.save(to: &memory)
      return try memory.values("replay/priorities", 4, as: Double.self)
    }
    #expect(try append(0..<5) == [1, 1, 0, 0])
    replay.sample(into: batch, importanceExponent: 0, generator: &generator)
    #expect(batch.learnedRows == 0)
    replay.markEmpty(batch)
    for (found, expected) in zip(try append(5..<7), [1e-3, 1e-3, 1e-3, 0]) { #expect(abs(found - expected) < 1e-12) }
  }

  /// Random episodes of 1 … 9 steps in two streams; after each step a batch is drawn, every row of it compared, and the states
  /// after its sequences written anew.
  private func play(_ capacity: Int, _ layout: SequenceLayout, _ nStep: NStep) {
    let n = nStep.steps
    var generator = SplitMix64(seed: UInt64(capacity * 100 + layout.length * 10 + n))
    let replay = SequenceReplay(
      capacity: capacity, layout: layout, observationSize: 1, stateSize: layout.startsWithEpisodes ? 0 : 1, priorities: 0.5,
      nStep: nStep, streams: 2)
    let each = replay.streams[0].capacity
    let batch = Batch(
      sequences: 3, burnIn: layout.burnIn, time: layout.length + n, observationSize: 1, stateSize: replay.stateSize)
    var models = [NaiveStream(), NaiveStream()], remaining = [0, 0], present: [Float] = [0, 0], stamp: Float = 0
    for _ in 0..<120 {
      let stream = Int(generator.next() % 2), begins = remaining[stream] == 0
      if begins {
        stamp += 1
        present[stream] = stamp
        [stamp].withUnsafeBufferPointer { replay.beginEpisode($0, stream: stream) }
        remaining[stream] = Int(generator.next() % 9) + 1
      }
      remaining[stream] -= 1
      stamp += 1
      let ends = remaining[stream] == 0, terminated = ends && generator.next() % 2 == 0
      let state = begins ? 0 : -stamp, action = Int32(generator.next() % 5), reward = Float(generator.next() % 7)
      [stamp].withUnsafeBufferPointer { next in
        [state].withUnsafeBufferPointer {
          replay.append(
            action: Int(action), reward: reward, terminated: terminated, truncated: ends && !terminated, next: next,
            state: $0.baseAddress, stream: stream)
        }
      }
      models[stream].steps.append(
        .init(
          observation: present[stream], next: stamp, reward: reward, action: action, begins: begins, terminated: terminated,
          truncated: ends && !terminated, state: state))
      present[stream] = stamp
      guard replay.isReady else { continue }
      replay.sample(into: batch, importanceExponent: 0.4, generator: &generator)
      var learned = 0
      for index in 0..<3 { learned += check(index, of: batch, layout, nStep, models, each) }
      #expect(batch.learnedRows == learned)
      for index in 0..<3 { moveOn(replay, batch, index, &models, 1000 * stamp + Float(index)) }
      let errors = (0..<batch.count * batch.time).map { Float($0 % 3) }
      replay.updatePriorities(of: batch, tdErrors: errors)
    }
  }

  /// The state stored for the sequence after a drawn one is the model's, and what is written there is drawn from then on.
  private func moveOn(
    _ replay: SequenceReplay, _ batch: Batch, _ index: Int, _ models: inout [NaiveStream], _ state: Float
  ) {
    let place = replay.followingState(of: batch, index), layout = replay.layout
    guard !layout.startsWithEpisodes else { return #expect(place == nil) }
    // Every observation is unique.
    let first = batch.input(index, 0).pointee
    for stream in models.indices {
      guard let start = models[stream].steps.firstIndex(where: { $0.observation == first }) else { continue }
      let next = models[stream].steps.following(start, stride: layout.stride)
      #expect((next == nil) == (place == nil))
      guard let next, let place else { return }
      #expect(place.pointee == models[stream].steps[next].state)
      place.pointee = state
      models[stream].steps[next].state = state
    }
  }

  /// Compares one sequence with the model's rows; returns how many are learned from.
  private func check(
    _ index: Int, of batch: Batch, _ layout: SequenceLayout, _ nStep: NStep, _ models: [NaiveStream], _ capacity: Int
  ) -> Int {
    let total = layout.burnIn + batch.time
    func row(_ position: Int) -> (observation: Float, begins: Bool) {
      position < layout.burnIn
        ? (batch.burnInInputs[index * layout.burnIn + position], batch.burnInBegins[index * layout.burnIn + position] != 0)
        : (
          batch.inputs[index * batch.time + position - layout.burnIn],
          batch.begins[index * batch.time + position - layout.burnIn] != 0
        )
    }
    var position = 0, learned = 0
    while position < total {
      // Every observation is unique: it says which step of which stream the row must be.
      let first = row(position).observation
      guard let model = models.first(where: { $0.steps.contains { $0.observation == first } }),
        let start = model.steps.firstIndex(where: { $0.observation == first })
      else {
        // Padding: nothing is learned from what is left.
        for place in position..<total {
          #expect(row(place) == (0, true))
          if place >= layout.burnIn { #expect(batch.weights[index * batch.time + place - layout.burnIn] == 0) }
        }
        #expect(position > 0 && !layout.startsWithEpisodes)
        return learned
      }
      #expect(start >= model.steps.count - capacity, "a step that is overwritten")
      if position == 0, !layout.startsWithEpisodes {
        #expect(start % layout.stride == 0)
        #expect(batch.states[index] == model.steps[start].state)
      }
      if layout.startsWithEpisodes { #expect(model.steps[start].begins || start == model.steps.count - capacity) }
      let rows = model.steps.rows(from: start, crossing: !layout.startsWithEpisodes && layout.crossesEpisodes)
      for (offset, expected) in rows.prefix(total - position).enumerated() {
        let place = position + offset, actual = row(place)
        #expect(actual.observation == expected.observation)
        #expect(actual.begins == (expected.begins || (place > 0 && offset == 0)))
        guard place >= layout.burnIn else { continue }
        let at = index * batch.time + place - layout.burnIn
        guard let step = expected.step, place < layout.burnIn + layout.length else {
          #expect(batch.weights[at] == 0)
          continue
        }
        learned += 1
        #expect(batch.weights[at] > 0)
        let outcome = model.outcome(of: step, nStep)
        #expect(batch.returns[at] == outcome.return && batch.discounts[at] == outcome.discount)
        #expect(batch.actions[at] == model.steps[step].action)
        if outcome.discount > 0 {
          // The row that is bootstrapped from holds the observation after those steps.
          let next = Int(batch.nextRows[at])
          #expect(next / batch.time == index && batch.inputs[next] == model.steps[step + outcome.steps - 1].next)
        }
      }
      position += rows.count
    }
    return learned
  }

  @Test func aRestoredReplayGoesOnIdentically() throws {
    for layout in [
      SequenceLayout(length: 5, burnIn: 2, stride: 3), SequenceLayout(length: 6, stride: 1, startsWithEpisodes: true),
    ] {
      func make() -> SequenceReplay {
        SequenceReplay(
          capacity: 24, layout: layout, observationSize: 1, stateSize: layout.startsWithEpisodes ? 0 : 2,
          priorities: layout.startsWithEpisodes ? 0 : 0.6, nStep: NStep(steps: 2, discount: 0.9), streams: 2)
      }
      func step(_ replay: SequenceReplay, _ number: Int) {
        let stream = number % 2, state: [Float] = [Float(number), 1]
        if number % 10 < 2 { [Float(number)].withUnsafeBufferPointer { replay.beginEpisode($0, stream: stream) } }
        [Float(number) + 0.5].withUnsafeBufferPointer { next in
          state.withUnsafeBufferPointer {
            replay.append(
              action: number % 3, reward: Float(number % 5), terminated: number % 10 >= 8, truncated: false, next: next,
              state: $0.baseAddress, stream: stream)
          }
        }
      }
      let replay = make(), copy = make()
      for number in 0..<57 { step(replay, number) }
      var memory = CheckpointMemory()
      try replay.save(to: &memory)
      try copy.restore(from: memory)
      var first = SplitMix64(seed: 3), second = first
      let a = Batch(
        sequences: 2, burnIn: layout.burnIn, time: layout.length + 2, observationSize: 1, stateSize: replay.stateSize)
      let b = Batch(
        sequences: 2, burnIn: layout.burnIn, time: layout.length + 2, observationSize: 1, stateSize: replay.stateSize)
      for number in 57..<140 {
        replay.sample(into: a, importanceExponent: 0.5, generator: &first)
        copy.sample(into: b, importanceExponent: 0.5, generator: &second)
        let rows = 2 * a.time
        #expect(
          (0..<rows).allSatisfy { a.inputs[$0] == b.inputs[$0] && a.weights[$0] == b.weights[$0] && a.begins[$0] == b.begins[$0] }
        )
        #expect((0..<2 * replay.stateSize).allSatisfy { a.states[$0] == b.states[$0] })
        let errors = (0..<rows).map { Float(($0 + number) % 4) }
        replay.updatePriorities(of: a, tdErrors: errors)
        copy.updatePriorities(of: b, tdErrors: errors)
        step(replay, number)
        step(copy, number)
      }
    }
  }
}
