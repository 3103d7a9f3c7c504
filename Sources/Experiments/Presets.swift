/// Named starting points. Everything in them can be overridden by `--set key=value`.
import GymnasiumBridge
import Records

/// Where settings start from, for one environment or a family of them.
public struct Preset: Sendable {
  /// As `--preset` takes it.
  public let name: String
  /// That it was made for.
  public let environment: String
  /// What it is, in words.
  public let summary: String
  /// What came of it and in what time, in words; docs and README say on which machine.
  public let reaches: String
  /// Every setting.
  public let config: ExperimentConfig
}

/// The built-in presets, and a user's own.
public enum Presets {
  /// For `list presets`.
  public static let all: [Preset] = [
    Preset(
      name: "default", environment: "LunarLander-v3",
      summary:
        "lands: Mamba over two observations, residual, LayerNorm, 5-step returns, scaled rewards, a gradient step every four",
      reaches: "265 in the median of seeds 0 to 19, worst 236, 94 of 100 episodes at least 200, in a minute of one core",
      config: lander),
    Preset(
      name: "fast", environment: "LunarLander-v3",
      summary: "the shortest way to a good agent: an MLP with LayerNorm under the same rule",
      reaches: "259 in the mean of seeds 0 to 19, worst 218, 92 of 100 episodes at least 200, in half a minute of one core",
      config: make(from: lander) {
        $0.encoder = .dqn
        $0.windowLength = 1
        ($0.residual, $0.modelSize) = (false, 128)
      }),
    Preset(
      name: "recurrent", environment: "LunarLander-v3",
      summary: "Mamba with a memory without end: sequences from stored states, last action and reward beside the observation",
      reaches: "without velocities, with differences (study latents): 207 (worst 163), refreshing stored states 254 (248)",
      config: recurrentLander),
    Preset(
      name: "paper", environment: "LunarLander-v3",
      summary: "the published code's every choice, its two faults included (docs/deviations-from-paper.md)",
      reaches: "98 in the mean of seeds 0 to 4 (-14 to 213), in three quarters of an hour",
      config: make {
        $0.cutBootstrapAtTruncation = true
        $0.clampPriorityError = true
      }),
    Preset(
      name: "default", environment: "highway-fast-v0",
      summary: "three Mambas over two observations, each read by a network over vehicles, learn side by side; their mean acts",
      reaches: "26.0 in the mean of seeds 0 to 19, 8.7% of episodes crash, in two minutes of one core", config: road),
    Preset(
      name: "fast", environment: "highway-fast-v0", summary: "one network over vehicles without Mamba",
      reaches: "25.5 in the mean of four tuning seeds, in 15 s of one core",
      config: make(from: road) {
        withoutMamba(&$0)
        $0.members = 1
      }),
    Preset(
      name: "safest", environment: "highway-fast-v0",
      summary: "five networks over vehicles without Mamba, learning from the lower bound of what all believe; their mean acts",
      reaches: "26.5 in the mean of seeds 0 to 19, 4.7% of episodes crash, in three minutes of a shared core",
      config: make(from: road) {
        withoutMamba(&$0)
        ($0.members, $0.pessimism) = (5, 0.6)
      }),
    Preset(
      name: "default", environment: memoryFamily,
      summary: "recurrent Mamba-3 on tapes of whole episodes; RepeatPrevious, CartPole and their like (list environments)",
      reaches: "RepeatPreviousMedium and Hard: 1.00 on seeds 0 to 4, in 10 and 28 s of one core",
      config: memory),
    Preset(
      name: "default", environment: "RepeatPreviousEasy",
      summary: "the same with fewer rows an update and faster steps: enough for what was four observations ago",
      reaches: "1.00 on seeds 0 to 4, in 2 s of one core",
      config: make(from: memory) {
        ($0.sequenceLength, $0.learningRate, $0.polyakRate) = (192, 3e-3, 0.01)
      }),
    Preset(
      name: "default", environment: answerFamily,
      summary: "the same, looking at the next reward alone: what is said there changes nothing that comes",
      reaches: "CountRecallEasy: .99 in the mean of seeds 0 to 4 in 100,000 steps; AutoencodeEasy: 1.00 on each in 300,000",
      config: answers),
    Preset(
      name: "default", environment: firstFamily,
      summary: "one small Mamba-3 that reads, remembers and values every suit alike",
      reaches: "RepeatFirstEasy: 1.00 on seeds 0 to 4 in 5 s of one core; Medium and Hard 1.00 on a tuning seed",
      config: first),
    Preset(
      name: "default", environment: pairsFamily,
      summary: "one small Mamba-3 that reads, remembers and values every card alike, beside what is known of them all",
      reaches: "ConcentrationEasy: 0.84 in the mean of seeds 0 to 4 (who forgets nothing has 0.82), in 85 s of one core",
      config: pairs),
    Preset(
      name: "default", environment: mazeFamily,
      summary: "recurrent Mamba-3 (Mamba-2 from 1,000 cells) on tapes of whole episodes; TMaze-N, TMazeActive-N, MemoryChain-N",
      reaches: "TMaze-50, -100, -250, -500, -1000, -2000: 1.00 on seeds 0 to 4; 20, 20, 37, 79, 160, 309 s of one core",
      config: maze),
    Preset(
      name: "window", environment: memoryFamily, summary: "the same tasks over windows of 16 observations",
      reaches: "not measured: for comparison (study memory)",
      config: make(from: memory, windows)),
    Preset(
      name: "window", environment: answerFamily, summary: "the same over windows of 16 observations",
      reaches: "not measured: for comparison (study memory)",
      config: make(from: nextReward, windows)),
    Preset(
      name: "window", environment: firstFamily, summary: "the same over windows of 16 observations",
      reaches: "not measured: for comparison (study memory)",
      config: make(from: first, windows)),
    Preset(
      name: "window", environment: pairsFamily, summary: "the same over windows of 16 observations",
      reaches: "not measured: for comparison (study memory)",
      config: make(from: pairs) {
        windows(&$0)
        $0.gradientInterval = pairs.gradientInterval
      }),
    Preset(
      name: "window", environment: mazeFamily, summary: "the same mazes over windows of 16 observations",
      reaches: "not measured: for comparison (study memory)",
      config: make(from: maze, windows)),
    Preset(
      name: "paper", environment: "highway-fast-v0",
      summary: "the published code's every choice; the paper sweeps gradientClip over 1, 0.5 (its headline) and 0.1",
      reaches: "22.2 over five seeds (20.5 to 23.3); always driving slowly: 21.2",
      config: make(from: highway) {
        $0.gradientClip = 0.1
        $0.cutBootstrapAtTruncation = true
      }),
  ].map { preset in
    var config = preset.config
    (config.environment, config.preset) = (preset.environment, preset.name)
    return Preset(
      name: preset.name, environment: preset.environment, summary: preset.summary, reaches: preset.reaches, config: config)
  }

  /// The preset's configuration for an environment. One without presets of its own takes LunarLander's default with
  /// rewards as they are. A preset named by a path that ends in .yaml is the user's own (`Presets+YAML.swift`).
  public static func config(environment: String, preset: String) throws -> ExperimentConfig {
    isFile(preset) ? try config(environment: environment, file: preset) : try config(environment: environment, builtIn: preset)
  }

  static func config(environment: String, builtIn preset: String) throws -> ExperimentConfig {
    let family = family(of: environment), name = nativeName(of: environment)
    // One for this environment alone comes before its family's.
    let own = all.filter { $0.environment == name } + all.filter { $0.environment == family && family != name }
    if let found = own.first(where: { $0.name == preset }) {
      var config = found.config
      config.environment = environment
      if family == mazeFamily, let length = MemoryCatalog.length(name) {
        config.epsilonEnd = min(config.epsilonEnd, 0.5 / Double(length))
        fit(&config, toEpisodesOf: length)
        reach(&config, length)
      }
      if let length = longEpisodes[name] { fit(&config, toEpisodesOf: length) }
      return config
    }
    let names = own.isEmpty ? ["default"] : own.map(\.name).reduce(into: []) { if !$0.contains($1) { $0.append($1) } }
    guard own.isEmpty, preset == "default" else {
      throw UsageError(
        "unknown preset \(preset) for \(environment)\(suggestion(for: preset, in: names)); there are: "
          + "\(names.joined(separator: ", ")), and the path of a .yaml file")
    }
    return make(from: lander) {
      $0.environment = environment
      $0.rewardScale = 1
    }
  }

  /// Environments for which one preset serves: their native name, without parameters.
  static func family(of environment: String) -> String {
    let families = ["LunarLander-v3": "LunarLander-v3", "LunarLander-v3-wind": "LunarLander-v3", "highway-v0": "highway-fast-v0"]
    let name = nativeName(of: environment)
    return families[name] ?? memoryFamily(of: name) ?? name
  }

  private static func nativeName(of environment: String) -> String {
    (try? GymnasiumName(environment))?.baseID ?? String(environment.prefix { $0 != "?" })
  }

  /// What mends the published agent on LunarLander: sparse updates, Polyak, double Q and a falling learning rate; 5-step returns
  /// against hovering; rewards scaled so that the landing's 100 lies where Huber's loss is quadratic; uniform replay; wide input
  /// layers with LayerNorm; two observations, which is all that a lander needs; averaged weights.
  private static let lander = make {
    $0.windowLength = 2
    ($0.hiddenSize, $0.modelSize, $0.stateSize) = (256, 64, 16)
    ($0.residual, $0.layerNorm, $0.averagedWeights) = (true, true, 0.995)
    ($0.learningRate, $0.learningRateEnd) = (1e-3, 0.05)
    $0.weightDecay = 0
    $0.gradientClip = 10
    $0.gradientInterval = 4
    ($0.targetUpdate, $0.polyakRate) = (.polyak, 0.01)
    $0.doubleQ = true
    $0.nStep = 5
    $0.rewardScale = 0.02
    $0.priorityExponent = 0
    ($0.epsilonEnd, $0.epsilonDecaySteps) = (0.05, 20_000)
    $0.learningStarts = 1_000
  }

  /// Tasks of memory: recurrent, on tapes of whole episodes from the zero state, an update of 512 rows every 32 steps (more
  /// often and it does not learn), the last action and reward beside the observation. Small heads: every head has a step size
  /// of its own, so that many of them turn at many frequencies and tell k steps ago from k ± 1 (16 heads recall 64 steps on
  /// every seed, 8 on half of them). A falling learning rate and averaged weights keep what was found.
  private static let memory = make {
    ($0.encoder, $0.norm, $0.slowDecay) = (EncoderKind(rawValue: "mamba3"), .rms, true)
    ($0.hiddenSize, $0.modelSize, $0.stateSize, $0.headSize, $0.headHidden) = (0, 32, 32, 4, 64)
    $0.windowLength = 128  // what attention remembers
    $0.outputScale = 0.01
    ($0.replay, $0.latents, $0.sequenceStart) = (.sequence, .none, .episode)
    ($0.batchSize, $0.sequenceLength, $0.sequenceOverlap) = (1, 512, 0)
    $0.inputs = "observation,action,reward"
    $0.rewardScale = 50
    ($0.learningRate, $0.learningRateEnd, $0.learningRateWarmup, $0.averagedWeights) = (2e-3, 0.05, 50, 0.99)
    ($0.weightDecay, $0.gradientClip) = (0, 1)
    ($0.gradientInterval, $0.learningStarts) = (32, 1_000)
    ($0.targetUpdate, $0.polyakRate, $0.doubleQ) = (.polyak, 0.005, true)
    $0.priorityExponent = 0
    ($0.epsilonEnd, $0.epsilonDecaySteps) = (0.05, 10_000)
    $0.totalSteps = 100_000
    $0.evaluationEpisodes = 20
  }
  /// What is answered changes nothing that comes, and neither does it say anything: with γ .99 a target is mostly the noise of
  /// other answers' values, and Autoencode stays at chance; last actions only write over the cards that are to be remembered.
  private static let nextReward = make(from: memory) {
    ($0.discount, $0.inputs, $0.totalSteps) = (0, "observation", 300_000)
  }
  /// Rewards of 50 make Huber's loss linear and clipped gradients all alike, as in mazes: with squared errors CountRecall is learned in
  /// half the steps, and no seed of Autoencode is left behind.
  private static let answers = make(from: nextReward) { ($0.loss, $0.gradientClip) = (.squared, 100) }
  /// An action for each suit that is shown: whatever holds of one holds of each, so one network of sixteen units sees every suit
  /// beside the others' maximum and mean. (A network over all of them at once forgot the first on one seed in five.)
  private static let first = make(from: memory) {
    $0.perAction = true
    ($0.hiddenSize, $0.modelSize, $0.stateSize, $0.headSize, $0.headHidden) = (16, 16, 16, 16, 32)
    $0.totalSteps = 50_000
  }
  /// The same for fifty cards. (A network over all of them at once hardly learns that cards lie face up.) Which card was turned
  /// and what came of it must be read; a short sight is enough to value the first card of a pair.
  private static let pairs = make(from: first) {
    ($0.discount, $0.learningRate, $0.gradientInterval) = (0.7, 3e-3, 64)
    ($0.epsilonEnd, $0.epsilonDecaySteps, $0.totalSteps) = (0.03, 40_000, 100_000)
  }
  /// A sign at the start and one choice at the end. Whoever once stands still comes too late: so hardly a random step once ε has
  /// fallen (1 / 2N lets two thirds of N cells' episodes arrive in time); and as that costs a hundredth a step, 10-step returns and
  /// larger rewards, without which walking straight alone takes 100,000 steps. The sign is remembered soon; what is left is to
  /// learn that there is another way to turn, which ε would try in one of thousands of episodes, and to go on trying it: so chance
  /// acts more often where it is rarely asked. And what comes of it must count: under Huber's loss, linear beyond 1, and clipped
  /// gradients a seed that failed told both signs apart and valued the other turn, right once in thirty times, by its median.
  private static let maze = make(from: memory) {
    ($0.stateSize, $0.rewardScale, $0.outputScale, $0.nStep) = (16, 10, 1, 10)
    ($0.loss, $0.gradientClip) = (.squared, 100)
    ($0.epsilonEnd, $0.epsilonDecaySteps, $0.rareEpsilon, $0.totalSteps) = (0.01, 10_000, 0.25, 300_000)
  }
  /// What a long corridor asks for: states that last as long (the sign moves an untrained network's latent at cell 500 by 9% where
  /// they decay in 100 steps, by 23% where in 500); as many episodes; returns over a tenth of it, a hundred steps at most (as many
  /// rows then tell what the turn brought); and rewards that make a lost step, which costs 1/N, worth the same as in a short one.
  /// From 1,000 cells on Mamba-3 finds the way and sometimes loses it again; Mamba-2 keeps it, and needs fewer steps.
  private static func reach(_ config: inout ExperimentConfig, _ length: Int) {
    guard config.replay == .sequence else { return }
    config.decaySteps = max(config.decaySteps, length)
    config.nStep = max(config.nStep, min(100, length / 10))
    config.rewardScale = max(config.rewardScale, Double(length) / 50)
    let isLong = length >= 1_000
    if isLong { config.encoder = EncoderKind(rawValue: "mamba2") }
    config.totalSteps = max(config.totalSteps, isLong ? max(1_000_000, 500 * length) : 2_000 * length)
  }
  /// A sequence holds an episode, whose last step may be what is learned from. Whatever is longer than a sequence is cut.
  private static func fit(_ config: inout ExperimentConfig, toEpisodesOf length: Int) {
    if config.replay == .sequence { config.sequenceLength = min(65_536, max(config.sequenceLength, length + 16)) }
  }
  /// Memory tasks whose episodes are longer than the preset's sequences.
  private static let longEpisodes = ["RepeatFirstHard": 832, "PositionOnlyCartPoleHard": 600, "VelocityOnlyCartPoleHard": 600]
  private static func windows(_ config: inout ExperimentConfig) {
    (config.replay, config.sequenceStart, config.windowLength) = (.window, .anywhere, 16)
    // Every 4 steps it learns no better (RepeatPreviousEasy, seed 1000) and takes four times as long.
    (config.batchSize, config.gradientInterval) = (64, 16)
  }
  private static let memoryFamily = "memory tasks", mazeFamily = "mazes and chains", answerFamily = "CountRecall, Autoencode"
  private static let firstFamily = "RepeatFirst", pairsFamily = "Concentration"

  private static func memoryFamily(of name: String) -> String? {
    guard MemoryCatalog.isMember(name) else { return nil }
    if name.hasPrefix("CountRecall") || name.hasPrefix("Autoencode") { return answerFamily }
    if name.hasPrefix("RepeatFirst") { return firstFamily }
    if name.hasPrefix("Concentration") { return pairsFamily }
    return name.hasPrefix("TMaze") || name.hasPrefix("MemoryChain") ? mazeFamily : memoryFamily
  }

  /// The lander's rule on sequences of 16 from stored states. Memory brings nothing to a lander that sees its velocities.
  private static let recurrentLander = make(from: lander) {
    ($0.norm, $0.residual, $0.headHidden, $0.outputScale) = (.rms, false, 128, 0.01)
    ($0.hiddenSize, $0.modelSize) = (128, 32)
    ($0.replay, $0.latents, $0.batchSize, $0.sequenceLength, $0.sequenceOverlap) = (.sequence, .state, 4, 16, 0)
    $0.gradientInterval = 2
    $0.inputs = "observation,action,reward"
  }

  /// A learned encoder of vehicles is worth 2 to 3 points, three members another; γ .9 and two gradient steps the rest. At the
  /// others' learning rate the Mambas lose 5 points.
  private static let road = make {
    ($0.windowLength, $0.members, $0.encoderLearningRate) = (2, 3, 0.1)
    ($0.hiddenSize, $0.modelSize, $0.stateSize) = (64, 64, 16)
    ($0.entities, $0.observationScale, $0.residual) = (5, "1,15,3,15,15", true)
    $0.discount = 0.9
    ($0.learningRate, $0.learningRateEnd, $0.weightDecay, $0.gradientClip) = (1e-3, 0.05, 0, 10)
    ($0.targetUpdate, $0.polyakRate, $0.doubleQ) = (.polyak, 0.01, true)
    ($0.gradientSteps, $0.learningStarts, $0.replayCapacity, $0.latents) = (2, 500, 20_000, .none)
    ($0.epsilonEnd, $0.epsilonDecaySteps) = (0.05, 6_000)
    ($0.totalSteps, $0.checkpointInterval, $0.evaluationInterval, $0.logInterval) = (20_000, 2_000, 2_000, 100)
  }
  private static func withoutMamba(_ config: inout ExperimentConfig) {
    (config.encoder, config.windowLength, config.residual, config.modelSize) = (.dqn, 1, false, 128)
  }

  /// What the published highway schedule is.
  private static let highway = make {
    $0.windowLength = 8
    $0.stateSize = 32
    $0.discount = 0.8
    $0.learningRate = 5e-4
    $0.gradientClip = 0.5
    $0.replayCapacity = 10_000
    $0.targetSyncInterval = 50
    $0.learningStarts = 200
    $0.epsilonDecaySteps = 14_000
    $0.totalSteps = 20_000
    $0.checkpointInterval = 2_000
    $0.evaluationInterval = 2_000
    $0.logInterval = 100
  }

  private static func make(from base: ExperimentConfig = .init(), _ change: (inout ExperimentConfig) -> Void) -> ExperimentConfig
  {
    var config = base
    change(&config)
    return config
  }
}

extension ExperimentConfig {
  /// The preset and every setting that is not the preset's own: `default with encoder=lstm`.
  var recipe: String {
    guard let own = try? Presets.config(environment: environment, preset: preset) else { return preset }
    let changed = Settings.all.filter { $0.key != "seed" && $0.get(self) != $0.get(own) }.map { "\($0.key)=\($0.get(self))" }
    return changed.isEmpty ? preset : "\(preset) with \(changed.joined(separator: ", "))"
  }
}
