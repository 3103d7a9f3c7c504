/// Runs that may stand in one table: of one environment and preset.
import Foundation
import Records

struct RunGroup {
  /// Runs that differ in their seed only.
  struct Configuration {
    let encoder: EncoderKind
    /// Settings in which the group's configurations differ, such as "gradientClip 0.5"; empty where only the encoder does.
    let variant: String
    let runs: [RunRecord]
    let measures: [Measures]
    var name: String { variant.isEmpty ? encoder.title : "\(encoder.title) (\(variant))" }
  }

  let environment, preset: String
  let runs: [RunRecord]
  let configurations: [Configuration]
  /// In the order of the configurations.
  var variants: [String] { unique(configurations.map(\.variant)) }
  var encoders: [EncoderKind] { EncoderKind.ordered(configurations.map(\.encoder)) }

  /// Its colour in every figure: the published ones' are fixed.
  func colour(of encoder: EncoderKind) -> Int {
    EncoderKind.published.firstIndex(of: encoder)
      ?? EncoderKind.published.count + (encoders.filter { !EncoderKind.published.contains($0) }.firstIndex(of: encoder) ?? 0)
  }

  static func all(_ runs: [RunRecord]) -> [RunGroup] {
    unique(runs.map { [$0.config.environment, $0.config.preset] }).map { key in
      RunGroup(key[0], key[1], runs.filter { $0.config.environment == key[0] && $0.config.preset == key[1] })
    }
  }

  private init(_ environment: String, _ preset: String, _ runs: [RunRecord]) {
    (self.environment, self.preset, self.runs) = (environment, preset, runs)
    let settings = runs.map { Self.settings($0.config) }
    let differing = (settings.first ?? [:]).keys.sorted().filter { key in Set(settings.map { $0[key] }).count > 1 }
    let variants = settings.map { values in differing.map { "\($0) \(values[$0] ?? "")" }.joined(separator: ", ") }
    configurations = unique(variants).sorted { $0.localizedStandardCompare($1) == .orderedDescending }.flatMap { variant in
      EncoderKind.ordered(runs.map(\.config.encoder)).compactMap { kind in
        let own = zip(runs, variants).filter { $0.config.encoder == kind && $1 == variant }.map(\.0)
          .sorted { $0.config.seed < $1.config.seed }
        return own.isEmpty
          ? nil : Configuration(encoder: kind, variant: variant, runs: own, measures: own.compactMap(Measures.init))
      }
    }
  }

  /// What a configuration is made of, without what tells its runs and models apart.
  private static func settings(_ config: ExperimentConfig) -> [String: String] {
    var plain = config
    (plain.seed, plain.encoder, plain.recordInterval) = (0, .mamba, 0)
    let object = (try? JSONSerialization.jsonObject(with: plain.json)) as? [String: Any] ?? [:]
    return object.mapValues { value in (value as? NSNumber).map { "\($0)" } ?? "\(value)" }
  }
}
