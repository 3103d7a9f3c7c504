/// Named starting points. Everything in them can be overridden by `--set key=value`.
import GymnasiumBridge
import Records

public struct Preset: Sendable {
  public let name: String
  public let environment: String
  public let summary: String
  public let config: ExperimentConfig
}

public enum Presets {
  public static let all: [Preset] = [
    Preset(
      name: "default", environment: "LunarLander-v3",
      summary: "lands: Mamba over four observations, residual, 3-step returns, scaled rewards, a gradient step every four",
      config: lander),
    Preset(
      name: "fast", environment: "LunarLander-v3",
      summary: "the shortest way to a good agent: an MLP with LayerNorm under the same rule",
      config: make(from: lander) {
        $0.encoder = .dqn
        $0.windowLength = 1
        $0.residual = false
        $0.layerNorm = true
        ($0.hiddenSize, $0.modelSize) = (256, 128)
      }),
    Preset(
      name: "paper", environment: "LunarLander-v3",
      summary: "the published code's every choice, its two faults included (docs/deviations-from-paper.md)",
      config: make {
        $0.cutBootstrapAtTruncation = true
        $0.clampPriorityError = true
      }),
    Preset(
      name: "default", environment: "highway-fast-v0",
      summary: "the published schedule with the headline's gradient clip; bootstraps through the time limit",
      config: highway),
    Preset(
      name: "paper", environment: "highway-fast-v0",
      summary: "the published code's every choice; the paper sweeps gradientClip over 1, 0.5 (its headline) and 0.1",
      config: make(from: highway) {
        $0.gradientClip = 0.1
        $0.cutBootstrapAtTruncation = true
      }),
  ].map { preset in
    var config = preset.config
    (config.environment, config.preset) = (preset.environment, preset.name)
    return Preset(name: preset.name, environment: preset.environment, summary: preset.summary, config: config)
  }

  /// The preset's configuration for an environment. One without presets of its own takes LunarLander's default with
  /// rewards as they are.
  public static func config(environment: String, preset: String) throws -> ExperimentConfig {
    let families = ["LunarLander-v3": "LunarLander-v3", "LunarLander-v3-wind": "LunarLander-v3", "highway-v0": "highway-fast-v0"]
    let name = (try? GymnasiumName(environment))?.baseID ?? environment
    let family = families[name] ?? name
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
