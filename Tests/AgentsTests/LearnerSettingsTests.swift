/// Every setting of the learning rule through a real gradient step, by number.
import Agents
import Autograd
import Layers
import Networks
import Optimizers
import Randomness
import Records
import Replay
import Testing

@Suite struct LearnerSettingsTests {
  private static let sizes = NetworkSizes(
    encoder: .mamba, observationSize: 3, actionCount: 4, windowLength: 5, hiddenSize: 12, modelSize: 8, stateSize: 4)

  private func config(_ change: (inout ExperimentConfig) -> Void = { _ in }) -> ExperimentConfig {
    var config = ExperimentConfig()
    (config.batchSize, config.learningRate, config.gradientClip, config.totalSteps) = (6, 1e-3, 1e9, 100)
    change(&config)
    return config
  }

  private func learner(_ config: ExperimentConfig, _ sizes: NetworkSizes = sizes) -> Learner {
    var generator = SplitMix64(seed: 4)
    return Learner(sizes: sizes, config: config, generator: &generator)
  }

  /// A gradient step on six random windows, the same in every call.
  @discardableResult private func update(_ learner: Learner, step: Int = 0, returns: Float = 3) throws -> LearningReport {
    var values = SplitMix64(seed: 5)
    let batch = Batch(windows: 6, length: 5, observationSize: 3)
    for i in 0..<90 { (batch.inputs[i], batch.nextInputs[i]) = (Float(values.uniform(-1, 1)), Float(values.uniform(-1, 1))) }
    for i in 0..<6 { (batch.returns[i], batch.discounts[i], batch.weights[i]) = (returns, i % 3 == 0 ? 0 : 0.9, 1) }
    batch.actions.update(from: [0, 3, 1, 2, 2, 0], count: 6)
    return try learner.update(batch, step: step).0
  }

  private func values(_ network: QNetwork) -> [Float] {
    (0..<network.block.values.count).map { network.block.values.pointer[$0] }
  }

  @Test func learningRateRisesAndFalls() {
    let learner = learner(config { ($0.learningRateWarmup, $0.learningRateEnd) = (4, 0.2) })
    #expect(learner.learningRateShare(at: 0) == 0.25)
    #expect(abs(learner.learningRateShare(at: 50) - 0.25 * 0.6) < 1e-12)
    #expect(abs(learner.learningRateShare(at: 100) - 0.25 * 0.2) < 1e-12)
  }

  @Test func warmupScalesTheFirstStep() throws {
    let plain = learner(config()), warm = learner(config { $0.learningRateWarmup = 4 })
    let before = values(plain.online)
    try update(plain)
    try update(warm)
    // AdamW's first step does not depend on the gradient's size: a quarter of the rate is a quarter of the way.
    for (start, (a, b)) in zip(before, zip(values(plain.online), values(warm.online))) where abs(a - start) > 5e-4 {
      #expect(abs((b - start) / (a - start) - 0.25) < 1e-3)
    }
  }

  @Test func encoderMovesAtItsOwnRate() throws {
    let plain = learner(config()), slow = learner(config { $0.encoderLearningRate = 0.5 })
    let before = values(plain.online), range = try #require(plain.online.encoderRanges.first)
    try update(plain)
    try update(slow)
    let (a, b) = (values(plain.online), values(slow.online))
    for i in before.indices where abs(a[i] - before[i]) > 5e-4 {
      #expect(abs((b[i] - before[i]) / (a[i] - before[i]) - (range.contains(i) ? 0.5 : 1)) < 1e-3)
    }
    #expect(before.indices.contains { range.contains($0) && abs(a[$0] - before[$0]) > 5e-4 })
  }

  @Test func membersLearnAsIfAlone() throws {
    var several = Self.sizes
    several.members = 3
    let settings = config { ($0.latents, $0.doubleQ, $0.encoderLearningRate, $0.targetUpdate) = (.none, true, 0.5, .polyak) }
    let one = learner(settings), three = learner(settings, several)
    for _ in 0..<3 {
      try update(one)
      try update(three)
    }
    // The first member begins with the same weights; the others go their own way.
    let alone = values(one.online), count = alone.count
    #expect(values(three.online).count == 3 * count)
    #expect(Array(values(three.online)[..<count]) == alone && Array(values(three.target)[..<count]) == values(one.target))
    #expect(Array(values(three.online)[count..<2 * count]) != alone)
  }

  @Test(arguments: [false, true]) func pessimismLowersTheCommonTarget(doubleQ: Bool) throws {
    var several = Self.sizes
    several.members = 3
    let losses = try [1.0, 2, 3].map { pessimism in
      try update(learner(config { ($0.latents, $0.doubleQ, $0.pessimism) = (.none, doubleQ, pessimism) }, several)).loss
    }
    // Returns of 3 and Q-values near 0: every error is above 1, where Huber's loss is linear in it, and so in the deviations.
    #expect(losses[0] - losses[1] > 0.01)
    if doubleQ { #expect(abs((losses[0] - losses[1]) - (losses[1] - losses[2])) < 1e-4) }
  }

  @Test func targetFollowsALittle() throws {
    let learner = learner(
      config {
        $0.targetUpdate = .polyak
        $0.polyakRate = 0.25
      })
    let start = values(learner.target)
    try update(learner)
    for (target, (start, online)) in zip(values(learner.target), zip(start, values(learner.online))) {
      #expect(abs(target - (start + 0.25 * (online - start))) < 1e-6)
    }
  }

  @Test func averageIsWhatEvaluationsActWith() throws {
    let learner = learner(config { $0.averagedWeights = 0.75 })
    let start = values(learner.online)
    try update(learner)
    #expect(learner.evaluated !== learner.online)
    for (average, (start, online)) in zip(values(learner.evaluated), zip(start, values(learner.online))) {
      #expect(abs(average - (0.75 * start + 0.25 * online)) < 1e-6)
    }
  }

  @Test func squaredLossIsNotLinearFarOut() throws {
    let huber = try update(learner(config())), squared = try update(learner(config { $0.loss = .squared }))
    // Returns of 3 and Q-values near 0: δ ≈ 3, Huber's |δ| − ½ against ½δ².
    #expect(huber.loss > 2 && huber.loss < 3.2 && squared.loss > 3.5 && squared.loss < 7)
    #expect(squared.gradientNorm > 2 * huber.gradientNorm)
  }

  /// The loss known before the scan, and gradients prepared in its pass, must equal the two passes that a nonlinear head takes:
  /// compared through `Tape.backward` from a random upstream gradient of q.
  @Test(arguments: [false, true], [false, true]) func residualAndDuelingGradients(residual: Bool, dueling: Bool) throws {
    var sizes = Self.sizes
    (sizes.residual, sizes.dueling, sizes.layerNorm) = (residual, dueling, residual != dueling)
    var generator = SplitMix64(seed: 6)
    let network = QNetwork(sizes, &generator)
    let windows = Buffer(count: 90), targets = Buffer(count: 6), weights = Buffer(count: 6)
    for i in 0..<90 { windows.pointer[i] = Float(generator.uniform(-1, 1)) }
    for i in 0..<6 {
      (targets.pointer[i], weights.pointer[i]) = (Float(generator.uniform(-3, 3)), Float(generator.uniform(0.2, 1)))
    }
    let actions: [Int32] = [0, 3, 1, 2, 2, 0], x = Tensor(data: windows.pointer, rows: 30, columns: 3)
    func gradients(_ forward: (Tape) -> Void) -> [Float] {
      let gradient = Buffer(count: network.block.values.count)
      let tape = Tape(differentiating: network.block.values, into: gradient)
      forward(tape)
      tape.backward()
      return (0..<gradient.count).map { gradient.pointer[$0] }
    }
    let prepared = actions.withUnsafeBufferPointer { actions in
      gradients {
        _ = network.members[0](
          x, time: 5, actions: actions.baseAddress!, targets: targets.pointer, weights: weights.pointer, limit: 1, on: $0)  // six
      }
    }
    let plain = actions.withUnsafeBufferPointer { actions in
      gradients {
        let q = network(x, time: 5, on: $0).q
        _ = $0.tdLoss(q: q, actions: actions.baseAddress!, targets: targets.pointer, weights: weights.pointer, limit: 1)  // six
      }
    }
    let largest = plain.map(abs).max() ?? 0
    #expect(largest > 0.01)
    #expect(zip(prepared, plain).allSatisfy { abs($0 - $1) <= 1e-5 * largest })
  }

  /// AdamW by number: two steps of torch.optim.AdamW (lr 0.1, weight decay 0.01, amsgrad) on one parameter with gradients 1
  /// and −0.5. m̂ and v̂ written out.
  @Test func amsgrad() {
    struct One: Layer {
      let parameter = Parameter(shape: [1]) { _ in 1 }
      func forEachParameter(_ body: (String, Parameter) -> Void) { body("p", parameter) }
    }
    let layer = One(), block = ParameterBlock(layer), gradient = Buffer(count: block.values.count)
    let optimizer = AdamW(block, .init(learningRate: 0.1, weightDecay: 0.01, amsgrad: true))
    var (p, m, v, largest) = (1.0, 0.0, 0.0, 0.0)
    for (t, g) in [(1.0, 1.0), (2.0, -0.01)] {
      gradient.pointer[0] = Float(g)
      _ = optimizer.step(gradient: gradient, maximumNorm: 1e9)
      p *= 1 - 0.1 * 0.01
      m = 0.9 * m + 0.1 * g
      v = 0.999 * v + 0.001 * g * g
      largest = max(largest, v)
      let (first, second) = (1 - power(0.9, t), 1 - power(0.999, t))
      p -= 0.1 / first * m / ((largest / second).squareRoot() + 1e-8)
      #expect(abs(Double(block.values.pointer[0]) - p) < 1e-6)
    }
  }
  private func power(_ base: Double, _ times: Double) -> Double { (0..<Int(times)).reduce(1) { value, _ in value * base } }

  /// A state before every step, of two blocks that remember 1,024 keys and values each.
  @Test func storedStatesOfAttentionAreCounted() {
    let config = config {
      ($0.replay, $0.latents, $0.encoder, $0.norm, $0.layers) = (.sequence, .state, .transformer, .rms, 2)
      ($0.windowLength, $0.modelSize, $0.sequenceLength, $0.sequenceOverlap, $0.replayCapacity) = (1024, 64, 8, 7, 1000)
    }
    #expect(MemoryNeed(config, observationSize: 3, actionCount: 4).replay >= 1000 * 2 * 1024 * 64 * 2 * 4)
  }
}
