/// Named starting points. Everything in them can be overridden by `--set key=value`.
import GymnasiumBridge
import Records

public struct Preset: Sendable {
  public let name: String
  public let environment: String
  public let summary: String
  /// What came of it and in what time, in words; docs and README say on which machine.
  public let reaches: String
  public let config: ExperimentConfig
}

public enum Presets {
  public static let all: [Preset] = [
    Preset(
      name: "default", environment: "LunarLander-v3",
      summary: "lands: Mamba over four observations, residual, 3-step returns, scaled rewards, a gradient step every four",
      reaches: "131 to 259 on seeds 0 to 4 (median 238) in a few minutes",
      config: lander),
    Preset(
      name: "fast", environment: "LunarLander-v3",
      summary: "the shortest way to a good agent: an MLP with LayerNorm under the same rule",
      reaches: "269 on the two seeds that were tried, in less than a minute",
      config: make(from: lander) {
        $0.encoder = .dqn
        $0.windowLength = 1
        ($0.residual, $0.layerNorm, $0.averagedWeights) = (false, true, 0.99)
        ($0.hiddenSize, $0.modelSize) = (256, 128)
      }),
    Preset(
      name: "paper", environment: "LunarLander-v3",
      summary: "the published code's every choice, its two faults included (docs/deviations-from-paper.md)",
      reaches: "6 to 157 on seeds 0 to 2, in three quarters of an hour",
      config: make {
        $0.cutBootstrapAtTruncation = true
        $0.clampPriorityError = true
      }),
    Preset(
      name: "default", environment: "highway-fast-v0",
      summary: "the published schedule with the headline's gradient clip; bootstraps through the time limit",
      reaches: "not measured by itself; as published, with this clip: 17 to 23 on seeds 0 to 4",
      config: highway),
    Preset(
      name: "default", environment: memoryFamily,
      summary: "recurrent Mamba-3 on tapes of whole episodes; RepeatPrevious, CountRecall and their like (list environments)",
      reaches: "RepeatPreviousEasy: 1.00 on every seed; Medium: .88 to 1.00 in 100,000 steps",
      config: memory),
    Preset(
      name: "default", environment: mazeFamily,
      summary: "recurrent Mamba-3 on tapes of whole episodes; TMaze-N, TMazeActive-N, MemoryChain-N",
      reaches: "TMaze-50: 1.00 on every seed in 150,000 steps", config: maze),
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
  /// rewards as they are.
  public static func config(environment: String, preset: String) throws -> ExperimentConfig {
    let families = ["LunarLander-v3": "LunarLander-v3", "LunarLander-v3-wind": "LunarLander-v3", "highway-v0": "highway-fast-v0"]
    let name = (try? GymnasiumName(environment))?.baseID ?? String(environment.prefix { $0 != "?" })
    let family = families[name] ?? memoryFamily(of: name) ?? name
    let own = all.filter { $0.environment == family }
    if let found = own.first(where: { $0.name == preset }) {
      var config = found.config
      config.environment = environment
      return config
    }
    let names = (own.isEmpty ? ["default"] : own.map(\.name))
    guard own.isEmpty, preset == "default" else {
      throw UsageError(
        "unknown preset \(preset) for \(environment)\(suggestion(for: preset, in: names)); there are: \(names.joined(separator: ", "))"
      )
    }
    return make(from: lander) {
      $0.environment = environment
      $0.rewardScale = 1
    }
  }

  /// What mends the published agent on LunarLander: sparse updates, Polyak, double Q and a falling learning rate; 3-step returns
  /// against hovering; rewards scaled so that the landing's 100 lies where Huber's loss is quadratic; uniform replay.
  private static let lander = make {
    $0.windowLength = 4
    ($0.hiddenSize, $0.modelSize, $0.stateSize) = (128, 64, 16)
    $0.residual = true
    ($0.learningRate, $0.learningRateEnd) = (1e-3, 0.05)
    $0.weightDecay = 0
    $0.gradientClip = 10
    $0.gradientInterval = 4
    ($0.targetUpdate, $0.polyakRate) = (.polyak, 0.01)
    $0.doubleQ = true
    $0.nStep = 3
    $0.rewardScale = 0.02
    $0.priorityExponent = 0
    ($0.epsilonEnd, $0.epsilonDecaySteps) = (0.05, 20_000)
    $0.learningStarts = 1_000
  }

  /// Tasks of memory: recurrent, on tapes of whole episodes from the zero state, an update of 512 rows every 32 steps (more
  /// often and it does not learn), the last action and reward beside the observation.
  private static let memory = make {
    ($0.encoder, $0.norm, $0.slowDecay) = (EncoderKind(rawValue: "mamba3"), .rms, true)
    ($0.hiddenSize, $0.modelSize, $0.stateSize, $0.headSize, $0.headHidden) = (0, 32, 16, 8, 64)
    $0.windowLength = 128  // what attention remembers
    $0.outputScale = 0.01
    ($0.replay, $0.latents, $0.sequenceStart) = (.sequence, .none, .episode)
    ($0.batchSize, $0.sequenceLength, $0.sequenceOverlap) = (1, 512, 0)
    $0.inputs = "observation,action,reward"
    $0.rewardScale = 50
    ($0.learningRate, $0.learningRateWarmup) = (2e-3, 50)
    ($0.weightDecay, $0.gradientClip) = (0, 1)
    ($0.gradientInterval, $0.learningStarts) = (32, 1_000)
    ($0.targetUpdate, $0.polyakRate, $0.doubleQ) = (.polyak, 0.005, true)
    $0.priorityExponent = 0
    ($0.epsilonEnd, $0.epsilonDecaySteps) = (0.05, 10_000)
    $0.totalSteps = 100_000
    $0.evaluationEpisodes = 20
  }
  /// A sign at the start and one choice at the end: rewards as they are, and hardly a random step once ε has fallen, or no
  /// episode reaches the end as planned.
  private static let maze = make(from: memory) {
    ($0.rewardScale, $0.outputScale) = (1, 1)
    ($0.epsilonEnd, $0.epsilonDecaySteps, $0.totalSteps) = (0.01, 30_000, 200_000)
  }
  private static let memoryFamily = "memory tasks", mazeFamily = "mazes and chains"

  private static func memoryFamily(of name: String) -> String? {
    guard MemoryCatalog.isMember(name) else { return nil }
    return name.hasPrefix("TMaze") || name.hasPrefix("MemoryChain") ? mazeFamily : memoryFamily
  }

  /// What both highway presets share.
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
