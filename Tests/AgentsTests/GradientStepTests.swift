/// Two gradient steps out of a short life, by number: what is drawn and how it is weighed, targets, loss, the optimizer's step,
/// the networks that follow, how stale what is stored has become, and what is written back. Networks are asked for Q-values,
/// latents and states only; everything else is worked out here.
import Agents
import Autograd
import Foundation
import Networks
import Randomness
import Records
import TestSupport
import Testing

/// Settings of the learning rule, in the words of `list settings`.
struct Rule: CustomTestStringConvertible, Sendable {
  let testDescription: String
  let change: @Sendable (inout ExperimentConfig) -> Void

  init(_ name: String, _ change: @escaping @Sendable (inout ExperimentConfig) -> Void) {
    (testDescription, self.change) = (name, change)
  }

  private static let targets = [
    Rule("as published") { _ in },
    Rule("reward scale, discount") { ($0.rewardScale, $0.discount) = (0.25, 0.7) },
    Rule("three steps, double Q") { ($0.nStep, $0.doubleQ) = (3, true) },
    Rule("cut at truncation, squared, clamped priorities") {
      ($0.cutBootstrapAtTruncation, $0.loss, $0.clampPriorityError, $0.nStep) = (true, .squared, true, 2)
    },
    Rule("rescaled values, α") { ($0.valueRescaling, $0.priorityExponent, $0.importanceExponentStart) = (true, 0.5, 0.1) },
  ]
  static let ofWindows =
    targets + [
      Rule("learning rates, clipping, followers") {
        ($0.learningRateWarmup, $0.learningRateEnd, $0.encoderLearningRate, $0.weightDecay) = (4, 0.2, 0.5, 0.3)
        ($0.gradientClip, $0.targetUpdate, $0.polyakRate, $0.averagedWeights) = (0.1, .polyak, 0.25, 0.75)
      },
      Rule("no latents") { $0.latents = .none },
      Rule("latents as targets") { $0.latents = .target },
      Rule("latents as targets of two steps, double Q, measured every other step") {
        ($0.latents, $0.nStep, $0.doubleQ, $0.logInterval) = (.target, 2, true, 2)
      },
      // Rewards so small that members err to different sides.
      Rule("three members") { ($0.latents, $0.members, $0.rewardScale) = (.none, 3, 0.05) },
      Rule("three members, pessimistic") { ($0.latents, $0.members, $0.pessimism) = (.none, 3, 0.5) },
      Rule("three members, pessimistic, double Q") {
        ($0.latents, $0.members, $0.pessimism, $0.doubleQ, $0.rewardScale) = (.none, 3, 5, true, 0.05)
      },
    ]
  static let ofSequences =
    targets + [
      Rule("from zero, burn-in") { ($0.latents, $0.burnIn) = (.none, 1) },
      Rule("burn-in") { $0.burnIn = 1 },
      Rule("refreshed") { $0.latents = .refresh },
      Rule("refreshed, burn-in, two steps, measured every other step") {
        ($0.latents, $0.burnIn, $0.nStep, $0.logInterval) = (.refresh, 1, 2, 2)
      },
      Rule("refreshed, within episodes") { ($0.latents, $0.crossEpisodes) = (.refresh, false) },
    ]
}

/// Three episodes: the first ends, the second is cut off, the third goes on.
private struct Life {
  static let size = 3, actions = 4
  struct Step: RecordedStep {
    var observation, next: [Float]
    var action: Int
    var reward: Double
    var begins, terminated, truncated: Bool
    var isLast: Bool { terminated || truncated }
  }
  private(set) var steps: [Step] = []

  init(_ agent: DQNAgent) throws {
    var numbers = SplitMix64(seed: 7)
    func observation() -> [Float] { (0..<Self.size).map { _ in Float(numbers.uniform(-1, 1)) } }
    for (episode, length) in [5, 4, 2].enumerated() {
      var present = observation()
      try present.withUnsafeBufferPointer { try agent.beginEpisode($0) }
      for number in 1...length {
        _ = agent.act(step: number)  // the latent there, or the state before it, is what is stored
        let step = Step(
          observation: present, next: observation(), action: Int(numbers.next(upperBound: UInt64(Self.actions))),
          reward: numbers.uniform(-3, 3), begins: number == 1, terminated: number == length && episode == 0,
          truncated: number == length && episode == 1)
        try step.next.withUnsafeBufferPointer {
          try agent.remember(
            action: step.action, reward: step.reward, terminated: step.terminated, truncated: step.truncated, next: $0)
        }
        steps.append(step)
        present = step.next
      }
    }
  }

  /// Σ γⁱ r, γᵏ or 0, and k: up to n steps, fewer where the episode ends or nothing newer is known.
  func outcome(of first: Int, _ config: ExperimentConfig) -> (return: Double, discount: Double, steps: Int) {
    var (total, factor, taken) = (0.0, 1.0, 0)
    while true {
      let step = steps[first + taken]
      total += factor * step.reward * config.rewardScale
      (factor, taken) = (factor * config.discount, taken + 1)
      guard step.isLast || taken == config.nStep || first + taken == steps.count else { continue }
      let isCut = step.terminated || (step.truncated && config.cutBootstrapAtTruncation)
      return (total, isCut ? 0 : factor, taken)
    }
  }

  /// The observations up to the one at each step, or up to the one after it; the episode's first is repeated.
  func windows(_ length: Int, after: Bool = false) -> [[Float]] {
    steps.indices.map { index in
      let first = steps[...index].lastIndex { $0.begins } ?? 0
      let seen = steps[first...index].map(\.observation) + (after ? [steps[index].next] : [])
      return (Array(repeating: seen[0], count: length) + seen).suffix(length).flatMap { $0 }
    }
  }
}

/// What is drawn next, and what each item weighs: by hand from the saved priorities and generator.
private struct Draw {
  let items: [Int]
  let weights: [Double]
  let priorities: [Double]

  init(_ saved: CheckpointMemory, _ config: ExperimentConfig, step: Int) throws {
    let priorities = try saved.values("replay/priorities", as: Double.self), total = priorities.reduce(0, +)
    var generator = SplitMix64(seed: try saved.values("agent/generators", as: UInt64.self)[1])
    let items = (0..<config.batchSize).map { row in
      var mass = (Double(row) + generator.uniform()) * total / Double(config.batchSize), item = 0
      while mass >= priorities[item] { (mass, item) = (mass - priorities[item], item + 1) }
      return item
    }
    let start = config.importanceExponentStart, exponent = start + (1 - start) * Double(step) / Double(config.totalSteps)
    let count = Double(priorities.count { $0 > 0 })
    let weights = items.map { pow(count * priorities[$0] / total, -exponent) }
    (self.items, self.priorities) = (items, priorities)
    self.weights = weights.map { $0 / (weights.max() ?? 1) }
  }
}

/// What is measured of stored values against recomputed ones.
private struct Gap {
  private var difference = 0.0, magnitude = 0.0, changes: [Double] = []
  mutating func add(_ stored: [Double], _ recomputed: [Double]) {
    for (a, b) in zip(stored, recomputed) { (difference, magnitude) = (difference + (a - b) * (a - b), magnitude + b * b) }
  }
  mutating func addQ(_ stored: [Double], _ recomputed: [Double]) { changes += zip(stored, recomputed).map { abs($0 - $1) } }
  var distance: Double { (difference / magnitude).squareRoot() }
  var qGap: Double { changes.reduce(0, +) / Double(changes.count) }
}

/// Parameters, moments and the networks that follow, moved on by hand.
private struct Followers {
  private var online, target, average, first, second: [Double]

  init(_ learner: Learner) {
    func values(_ buffer: Buffer) -> [Double] { (0..<buffer.count).map { Double(buffer.pointer[$0]) } }
    (online, target) = (values(learner.online.block.values), values(learner.target.block.values))
    average = values(learner.evaluated.block.values)
    (first, second) = (values(learner.optimizer.firstMoment), values(learner.optimizer.secondMoment))
  }

  /// After a step of AdamW, whose gradient the first moment tells.
  mutating func check(_ learner: Learner, _ config: ExperimentConfig, step: Int, norm: Float) {
    let now = Followers(learner), t = Double(learner.gradientSteps), clip = config.gradientClip
    let warmth = config.learningRateWarmup > 0 ? min(1, t / Double(config.learningRateWarmup)) : 1
    let share = warmth * (1 + Double(step) / Double(config.totalSteps) * (config.learningRateEnd - 1))
    var squares = 0.0
    for i in online.indices {
      let gradient = (now.first[i] - 0.9 * first[i]) / 0.1
      squares += gradient * gradient
      second[i] = 0.999 * second[i] + 0.001 * gradient * gradient
      let isEncoder = learner.online.encoderRanges.contains { $0.contains(i) }
      let rate = config.learningRate * share * (isEncoder ? config.encoderLearningRate : 1)
      let away = now.first[i] / (1 - pow(0.9, t)) / ((second[i] / (1 - pow(0.999, t))).squareRoot() + 1e-8)
      let moved = online[i] * (1 - rate * config.weightDecay) - rate * away
      #expect(abs(now.online[i] - moved) < 1e-5, "parameter \(i)")
      if config.targetUpdate == .polyak { target[i] += config.polyakRate * (now.online[i] - target[i]) }
      let keeps = config.averagedWeights
      average[i] = keeps > 0 ? keeps * average[i] + (1 - keeps) * now.online[i] : now.online[i]
      #expect(abs(now.target[i] - target[i]) < 1e-6 && abs(now.average[i] - average[i]) < 1e-6, "parameter \(i)")
    }
    #expect(abs(squares.squareRoot() - min(clip, Double(norm))) < 1e-4 * min(clip, Double(norm)))
    (online, first) = (now.online, now.first)
  }
}

@Suite struct GradientStepTests {
  private func config(_ rule: Rule) -> ExperimentConfig {
    var config = ExperimentConfig()
    (config.windowLength, config.hiddenSize, config.modelSize, config.stateSize) = (3, 7, 4, 2)
    (config.batchSize, config.replayCapacity, config.priorityExponent, config.totalSteps) = (11, 11, 1, 100)
    (config.discount, config.learningRate, config.gradientClip, config.logInterval) = (0.9, 0.01, 1e9, 1)
    rule.change(&config)
    return config
  }

  private func agent(_ config: ExperimentConfig) throws -> DQNAgent {
    try DQNAgent(
      config: config, encoder: ObservationEncoder(config, observationSize: Life.size, actionCount: Life.actions))
  }

  private func saved(_ agent: DQNAgent) throws -> CheckpointMemory {
    var memory = CheckpointMemory()
    try agent.save(to: &memory)
    return memory
  }
  /// A section of `saved` in rows.
  private func rows(_ name: String, _ memory: CheckpointMemory, width: Int) throws -> [[Float]] {
    let values = try memory.values(name, as: Float.self)
    return stride(from: 0, to: values.count, by: width).map { Array(values[$0..<$0 + width]) }
  }

  /// The networks move away from what has been stored, and from one another.
  private func move(_ learner: Learner) {
    var numbers = SplitMix64(seed: 9)
    for network in [learner.online, learner.target] {
      for parameter in network.block.parameters {
        for i in 0..<parameter.count { parameter.values[i] += Float(numbers.uniform(-0.3, 0.3)) }
      }
    }
  }

  private func isClose(_ found: [[Float]], _ expected: [[Double]]) -> Bool {
    found.count == expected.count
      && zip(found, expected).allSatisfy { $0.count == $1.count && zip($0, $1).allSatisfy { abs(Double($0) - $1) < 1e-5 } }
  }

  /// Of a TD error.
  private func loss(_ error: Double, _ config: ExperimentConfig) -> Double {
    config.loss == .huber && abs(error) > 1 ? abs(error) - 0.5 : error * error / 2
  }

  /// What Q(s, a) is moved towards: the value of `next` at the action that `chooser` prefers.
  private func target(
    _ outcome: (return: Double, discount: Double, steps: Int), next: [Double], chooser: [Double], _ config: ExperimentConfig
  ) -> Double {
    let value = next[chooser.firstIndex(of: chooser.max() ?? 0) ?? 0]
    guard config.valueRescaling else { return outcome.return + outcome.discount * value }
    return Double(
      ValueRescaling.apply(Float(outcome.return + outcome.discount * Double(ValueRescaling.invert(Float(value))))))
  }

  /// A drawn item's priority is its error's, and no other has changed.
  private func checkPriorities(_ errors: [Int: Double], since draw: Draw, _ agent: DQNAgent) throws {
    let now = try saved(agent).values("replay/priorities", as: Double.self), config = agent.config
    for item in now.indices {
      guard let error = errors[item] else {
        #expect(now[item] == draw.priorities[item])
        continue
      }
      let priority = pow((config.clampPriorityError ? min(error, 1) : error) + 1e-6, config.priorityExponent)
      #expect(abs(now[item] - priority) < 2e-5, "item \(item): \(now[item]), not \(priority)")
    }
  }

  private func check(_ staleness: Staleness?, _ gap: Gap?) {
    #expect((staleness == nil) == (gap == nil))
    guard let staleness, let gap else { return }
    #expect(gap.distance > 0.02 && abs(Double(staleness.distance) - gap.distance) < 1e-4 * gap.distance)
    #expect(gap.qGap > 0.002 && abs(Double(staleness.qGap) - gap.qGap) < 1e-3 * gap.qGap)
  }

  // MARK: - Windows

  /// Q-values [windows, actions] and latents of one member.
  private func values(_ member: QFunction, _ windows: [[Float]]) -> (q: [[Double]], latent: [[Double]]) {
    let tape = Tape(), time = member.sizes.windowLength, flat = windows.flatMap { $0 }
    func rows(_ tensor: Tensor) -> [[Double]] {
      (0..<tensor.rows).map { row in (0..<tensor.columns).map { Double(tensor[row, $0]) } }
    }
    return flat.withUnsafeBufferPointer { buffer in
      let x = Tensor(data: buffer.baseAddress!, rows: windows.count * time, columns: Life.size)  // never empty
      let (q, latent) = tape.withoutGradient { member(x, time: time, on: tape) }
      return (rows(q), rows(latent))
    }
  }

  /// The linear head by hand.
  private func head(_ member: QFunction, _ latent: [Double]) -> [Double] {
    let weight = member.head.output.weight.values, bias = member.head.output.bias?.values
    return (0..<Life.actions).map { action in
      latent.indices.reduce(Double(bias?[action] ?? 0)) { $0 + Double(weight[action * latent.count + $1]) * latent[$1] }
    }
  }

  /// Mean less so many standard deviations of several members' values [member][action].
  private func bound(_ values: [[Double]], _ pessimism: Double) -> [Double] {
    (0..<Life.actions).map { action in
      let mean = values.reduce(0) { $0 + $1[action] } / Double(values.count)
      let variance = values.reduce(0) { $0 + ($1[action] - mean) * ($1[action] - mean) } / Double(values.count)
      return mean - pessimism * variance.squareRoot()
    }
  }

  @Test(arguments: Rule.ofWindows) func windows(_ rule: Rule) throws {
    let rule = Rule(rule.testDescription) { config in
      config.residual = true  // latents that are large enough to be told apart
      rule.change(&config)
    }
    let config = config(rule), agent = try agent(config), learner = agent.learner, isTarget = config.latents == .target
    let life = try Life(agent), states = life.windows(3), nexts = life.windows(3, after: true), width = config.modelSize
    if config.latents != .none {
      // What acting knew then: the latent of every state, or, as a target, of every next state.
      let known = values(learner.online.members[0], isTarget ? nexts : states).latent
      #expect(isClose(try rows("replay/latents", saved(agent), width: width), known))
    }
    move(learner)
    var followers = Followers(learner)
    for step in [30, 60] {
      let before = try saved(agent), draw = try Draw(before, config, step: step)
      var stored = try rows("replay/latents", before, width: width)
      let members = learner.online.members.indices
      let online = learner.online.members.map { values($0, states) }
      let (ahead, behind) = (
        learner.online.members.map { values($0, nexts).q }, learner.target.members.map { values($0, nexts).q }
      )
      /// TD errors of every member.
      func errors(_ t: Int) -> [Double] {
        let outcome = life.outcome(of: t, config), last = t + outcome.steps - 1
        let next = members.map { isTarget ? head(learner.target.members[$0], stored[last].map(Double.init)) : behind[$0][last] }
        return members.map { k in
          let isShared = config.pessimism > 0, own = isShared ? bound(next, config.pessimism) : next[k]
          let choosing = isShared ? bound(members.map { ahead[$0][last] }, 0) : ahead[k][last]
          return target(outcome, next: own, chooser: config.doubleQ ? choosing : own, config)
            - online[k].q[t][life.steps[t].action]
        }
      }
      let share = 1 / Double(members.count), all = draw.items.map(errors), rowShare = 1 / Double(draw.items.count)
      let absolute = all.map { $0.reduce(0) { $0 + abs($1) } * share }
      if config.members > 1, config.rewardScale < 1 {
        #expect(zip(all, absolute).contains { abs($0.reduce(0, +)) * share < $1 - 1e-3 })
      }
      if config.pessimism > 0, config.doubleQ {
        // The mean chooses, and what it chooses is not always what the lower bound would.
        #expect(
          draw.items.contains { t in
            let mean = bound(members.map { ahead[$0][t] }, 0), lower = bound(members.map { ahead[$0][t] }, config.pessimism)
            return mean.firstIndex(of: mean.max() ?? 0) != lower.firstIndex(of: lower.max() ?? 0)
          })
      }
      let losses = zip(all, draw.weights).map { errors, weight in
        errors.reduce(0) { $0 + loss($1, config) } * share * weight
      }
      let q = draw.items.map { t in online.reduce(0) { $0 + $1.q[t][life.steps[t].action] } * share }

      let report = try agent.learn(step: step)
      #expect(abs(Double(report.loss) - losses.reduce(0, +) * rowShare) < 1e-5)
      #expect(abs(Double(report.meanAbsoluteTDError) - absolute.reduce(0, +) * rowShare) < 1e-5)
      #expect(abs(Double(report.meanQ) - q.reduce(0, +) * rowShare) < 1e-5)
      followers.check(learner, config, step: step, norm: report.gradientNorm)
      try checkPriorities(Dictionary(zip(draw.items, absolute)) { $1 }, since: draw, agent)

      // What the forward pass made of the drawn states against what was stored of them; as targets it is written back.
      let drawn = stored
      var gap = Gap(), written: Set<Int> = []
      for t in draw.items {
        // As a target it is stored with the step before, if there is one.
        let place = isTarget ? t - 1 : t
        guard config.latents != .none, !isTarget || !life.steps[t].begins else { continue }
        let recomputed = online[0].latent[t], old = drawn[place].map(Double.init), moved = learner.online.members[0]
        gap.add(old, recomputed)
        gap.addQ(head(moved, old), head(moved, recomputed))
        guard isTarget else { continue }
        stored[place] = recomputed.map { Float($0) }
        written.insert(place)
      }
      check(report.staleness, config.latents == .none || learner.gradientSteps % config.logInterval != 0 ? nil : gap)
      let (kept, after) = (
        try rows("replay/latents", before, width: width), try rows("replay/latents", saved(agent), width: width)
      )
      #expect(isClose(after, stored.map { $0.map(Double.init) }))
      #expect(after.indices.allSatisfy { (kept[$0] != after[$0]) == written.contains($0) } && written.isEmpty != isTarget)
    }
  }

  // MARK: - Sequences

  /// One position after the other: Q-values at each, and the state after it.
  private func unroll(
    _ network: QNetwork, _ rows: [RecordedRow<[Float]>], from state: [Float]
  ) throws -> [(q: [Double], state: [Float])] {
    let stepper = try #require(RecurrentStepper(network))
    var state = state
    return rows.map { row in
      if row.begins { state = state.map { _ in 0 } }
      let q = row.observation.withUnsafeBufferPointer { x in
        state.withUnsafeMutableBufferPointer { stepper.step(x.baseAddress!, state: $0.baseAddress!).q }  // neither is empty
      }
      return ((0..<Life.actions).map { Double(q[$0]) }, state)
    }
  }

  @Test(arguments: ["lstm", "mamba2"], Rule.ofSequences) func sequences(_ encoder: String, _ rule: Rule) throws {
    let rule = Rule(rule.testDescription) { config in
      (config.encoder, config.norm, config.headSize) = (EncoderKind(rawValue: encoder), .rms, 4)
      (config.replay, config.latents, config.sequenceLength, config.sequenceOverlap) = (.sequence, .state, 4, 2)
      config.replayCapacity = 12
      rule.change(&config)
      config.batchSize = config.burnIn == 0 ? 6 : 5  // as many as there are, so that most are drawn
    }
    let config = config(rule), agent = try agent(config), learner = agent.learner, stride = 2
    let width = try #require(learner.online.stateLayout).count, zero = [Float](repeating: 0, count: width)
    func states(_ memory: CheckpointMemory) throws -> [[Float]] { try rows("replay/0/states", memory, width: width) }
    // What acting knew: the state before every other step.
    let life = try Life(agent)
    var known: [[Double]] = [], state = zero
    for (t, step) in life.steps.enumerated() {
      if step.begins { state = zero }
      if t % stride == 0, config.latents != .none { known.append(state.map(Double.init)) }
      state = try unroll(learner.online, [.init(observation: step.observation, begins: step.begins)], from: state)[0].state
    }
    #expect(isClose(try states(saved(agent)), known))
    move(learner)
    var followers = Followers(learner)
    for step in [30, 60] {
      let before = try saved(agent), draw = try Draw(before, config, step: step), kept = try states(before)
      func start(_ item: Int) -> [Float] { config.latents == .none ? zero : kept[item] }
      var (losses, absolute, q, priorities, learned) = (0.0, 0.0, 0.0, [Int: Double](), 0.0)
      for (item, weight) in zip(draw.items, draw.weights) {
        let rows = Array(
          life.steps.rows(from: item * stride, crossing: config.crossEpisodes).prefix(
            config.burnIn + config.sequenceLength + config.nStep))
        let online = try unroll(learner.online, rows, from: start(item)).map(\.q)
        let behind = try unroll(learner.target, rows, from: start(item)).map(\.q)
        var errors: [Double] = []
        for (position, row) in rows.enumerated().prefix(config.burnIn + config.sequenceLength).dropFirst(config.burnIn) {
          guard let t = row.step else { continue }
          let outcome = life.outcome(of: t, config), next = outcome.discount == 0 ? position : position + outcome.steps
          let value = online[position][life.steps[t].action]
          errors.append(
            target(outcome, next: behind[next], chooser: config.doubleQ ? online[next] : behind[next], config) - value)
          q += value
        }
        losses += errors.reduce(0) { $0 + loss($1, config) } * weight
        let sum = errors.reduce(0) { $0 + abs($1) }
        (absolute, learned) = (absolute + sum, learned + Double(errors.count))
        priorities[item] = errors.isEmpty ? 0 : 0.9 * (errors.map(abs).max() ?? 0) + 0.1 * sum / Double(errors.count)
      }

      let report = try agent.learn(step: step)
      #expect(abs(Double(report.loss) - losses / learned) < 1e-5)
      #expect(abs(Double(report.meanAbsoluteTDError) - absolute / learned) < 1e-5)
      #expect(abs(Double(report.meanQ) - q / learned) < 1e-5)
      followers.check(learner, config, step: step, norm: report.gradientNorm)
      try checkPriorities(priorities, since: draw, agent)

      guard config.latents != .none else {
        #expect(report.staleness == nil)
        continue
      }
      // The state that the network, moved by now, reaches at the next sequence's beginning.
      var expected = kept, gap = Gap(), written: Set<Int> = []
      for item in draw.items {
        guard let next = life.steps.following(item * stride, stride: stride) else { continue }
        let rows = life.steps.rows(from: item * stride, crossing: true), stored = kept[next / stride]
        let recomputed = try unroll(learner.online, Array(rows.prefix(stride)), from: kept[item])[stride - 1].state
        gap.add(stored.map(Double.init), recomputed.map(Double.init))
        gap.addQ(
          try unroll(learner.online, [rows[stride]], from: stored)[0].q,
          try unroll(learner.online, [rows[stride]], from: recomputed)[0].q)
        guard config.latents == .refresh else { continue }
        expected[next / stride] = recomputed
        written.insert(next / stride)
      }
      check(report.staleness, learner.gradientSteps % config.logInterval != 0 ? nil : gap)
      let after = try states(saved(agent))
      #expect(isClose(after, expected.map { $0.map(Double.init) }))
      #expect(after.indices.allSatisfy { (kept[$0] != after[$0]) == written.contains($0) })
      #expect(written.isEmpty == (config.latents == .state))
    }
  }
}
