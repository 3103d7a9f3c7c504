/// A user's own study: a YAML file, read strictly. Every error names the file and the line.
import Networks
import Records

extension Study {
  private static let fields = ["name", "environment", "preset", "models", "settings", "seeds", "steps"]
  private static let largestTaskCount = 10_000

  /// A user's study.
  ///
  /// - Throws: `FileError`, which names the file, the line and the field.
  public init(yaml path: String) throws {
    let reader = YAMLReader(path: path)
    let root = try reader.root(of: "a study", fields: Self.fields)
    func optional(_ field: String) -> YAMLReader.Field? { root.first { $0.key.text == field } }
    func field(_ field: String) throws -> YAMLReader.Field {
      guard let found = optional(field) else {
        throw reader.error(1, "the field \(field) is missing; a study has \(Self.fields.joined(separator: ", "))")
      }
      return found
    }

    let name = try reader.text(field("name"))
    let allowed = name.text.unicodeScalars.allSatisfy {
      $0.isASCII && ($0.properties.isAlphabetic || "0123456789._-".contains(Character($0)))
    }
    guard allowed, !name.text.isEmpty, !name.text.hasPrefix(".") else {
      throw reader.error(name.line, "name becomes a folder: use letters, digits, - and _, not \(name.text)")
    }
    guard !Studies.builtIn.contains(where: { $0.name == name.text }) else {
      throw reader.error(name.line, "\(name.text) is built in; choose another name")
    }
    let environment = try reader.text(field("environment")), preset = try reader.text(field("preset"))
    _ = try reader.at(environment.line) { try EnvironmentCatalog.entry(environment.text) }
    var base = try reader.at(preset.line) { try Presets.config(environment: environment.text, preset: preset.text) }

    let models = try reader.list(field("models")) { model in
      guard let kind = Architecture.named(model)?.kind else {
        let names = Architecture.all.map(\.kind.rawValue)
        throw UsageError(
          "unknown model \(model)\(suggestion(for: model, in: names)); there are: \(names.joined(separator: ", "))")
      }
      return kind
    }
    let seeds = try reader.list(field("seeds")) { seed in
      guard let value = UInt64(seed) ?? Int(written: seed).flatMap(UInt64.init(exactly:)) else {
        throw UsageError("the seed \(seed) is not a whole number from 0")
      }
      return value
    }
    let steps = try optional("steps").map(reader.steps)
    if let steps { base.totalSteps = steps }

    let settings = optional("settings")
    var axes: [Axis] = []
    for axis in try settings.map(reader.mapping) ?? [] {
      guard axis.key.text != "encoder" else { throw reader.error(axis.key.line, "encoder is chosen by models") }
      let setting = try reader.at(axis.key.line) { try Settings.setting(axis.key.text) }
      // Two spellings of one value would be two names for one run: what is compared is the configuration that comes of it.
      var values: [String] = []
      _ = try reader.list(axis) { value in
        var config = base
        try Settings.apply("\(axis.key.text)=\(value)", to: &config)
        values.append(value)
        return setting.value(in: config)
      }
      axes.append(Axis(key: axis.key.text, values: values))
    }
    self.init(
      name: name.text, environment: environment.text, preset: preset.text, models: models, settings: axes, seeds: seeds,
      steps: steps)

    var count = models.count * seeds.count
    for axis in axes where count <= Self.largestTaskCount { count *= axis.values.count }
    guard count <= Self.largestTaskCount else {
      throw reader.error(1, "the study has more than \(Self.largestTaskCount) tasks")
    }
    // What single values cannot show, such as epsilonEnd above epsilonStart.
    _ = try reader.at(settings?.key.line ?? 1) { try tasks }
  }
}
