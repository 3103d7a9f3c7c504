/// Named starting points. Everything in them can be overridden by `--set key=value`.
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
      summary: "the published schedule; bootstraps through the time limit, priorities are not clamped",
      config: .init()),
    Preset(
      name: "paper", environment: "LunarLander-v3",
      summary: "the published code's every choice, its two faults included (docs/deviations-from-paper.md)",
      config: make {
        $0.cutBootstrapAtTruncation = true
        $0.clampPriorityError = true
      }),
  ].map { preset in
    var config = preset.config
    (config.environment, config.preset) = (preset.environment, preset.name)
    return Preset(name: preset.name, environment: preset.environment, summary: preset.summary, config: config)
  }

  /// The preset's configuration for an environment. One without presets of its own takes LunarLander's default schedule.
  public static func config(environment: String, preset: String) throws -> ExperimentConfig {
    let family = environment.hasPrefix("LunarLander-v3") ? "LunarLander-v3" : environment
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
    return make { $0.environment = environment }
  }

  private static func make(_ change: (inout ExperimentConfig) -> Void) -> ExperimentConfig {
    var config = ExperimentConfig()
    change(&config)
    return config
  }
}
