/// A user's own preset: a YAML file, read strictly. `scripts/tune.py` writes one. Every error names the file, the line and the key.
import Foundation
import Records

extension Presets {
  private static let fields = ["environment", "preset", "steps", "settings"]

  static func isFile(_ preset: String) -> Bool { preset.hasSuffix(".yaml") || preset.hasSuffix(".yml") }

  /// The preset in a file, for `environment`, which must be the file's own or one that shares its presets. Runs record the
  /// file's name, without its ending, as their preset.
  static func config(environment: String, file path: String) throws -> ExperimentConfig {
    let reader = YAMLReader(path: path), root = try reader.root(of: "a preset", fields: fields)
    func field(_ name: String) -> YAMLReader.Field? { root.first { $0.key.text == name } }
    guard let made = try field("environment").map(reader.text) else {
      throw reader.error(1, "the field environment is missing; a preset has \(fields.joined(separator: ", "))")
    }
    _ = try reader.at(made.line) { try EnvironmentCatalog.entry(made.text) }
    guard family(of: made.text) == family(of: environment) else {
      throw reader.error(made.line, "environment: the preset is one for \(made.text), not for \(environment)")
    }
    let base: YAMLReader.Text = try field("preset").map(reader.text) ?? ("default", 1)
    guard !isFile(base.text) else {
      throw reader.error(base.line, "preset: must be a built-in one (`mamba-dqn list presets`), not \(base.text)")
    }
    var config = try reader.at(base.line) { try Self.config(environment: environment, builtIn: base.text) }
    if let steps = try field("steps").map(reader.steps) { config.totalSteps = steps }
    let settings = field("settings")
    for setting in try settings.map(reader.mapping) ?? [] {
      try reader.at(setting.key.line) { _ = try Settings.setting(setting.key.text) }
      let value = try reader.text(setting)
      try reader.at(value.line) { try Settings.apply("\(setting.key.text)=\(value.text)", to: &config) }
    }
    try reader.at(settings?.key.line ?? 1) { try Settings.check(config) }
    config.preset = URL(fileURLWithPath: path).deletingPathExtension().lastPathComponent
    return config
  }
}
