/// A user's own study: a YAML file, read strictly. Every error names the file and the line.
import Foundation
import Networks
import Records
import Yams

extension Study {
  private static let fields = ["name", "environment", "preset", "models", "settings", "seeds", "steps"]
  private static let largestTaskCount = 10_000

  public init(yaml path: String) throws {
    let reader = YAMLReader(path: path)
    let root = try reader.root()
    for (key, _) in root where !Self.fields.contains(key.text) {
      throw reader.error(key.line, "unknown field \(key.text)\(suggestion(for: key.text, in: Self.fields))")
    }
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
    let steps = try optional("steps").map { field in
      let steps = try reader.text(field)
      guard let value = Int(written: steps.text), (1...1_000_000_000).contains(value) else {
        throw reader.error(steps.line, "steps must be a whole number from 1 to 1000000000, not \(steps.text)")
      }
      return value
    }
    if let steps { base.totalSteps = steps }

    let settings = optional("settings")
    var axes: [Axis] = []
    for axis in try settings.map(reader.mapping) ?? [] {
      guard axis.key.text != "encoder" else { throw reader.error(axis.key.line, "encoder is chosen by models") }
      guard Settings.all.contains(where: { $0.key == axis.key.text }) else {
        let all = Settings.all.map(\.key)
        throw reader.error(
          axis.key.line,
          "unknown setting \(axis.key.text)\(suggestion(for: axis.key.text, in: all)); `mamba-dqn list settings` shows all")
      }
      // Two spellings of one value would be two names for one run: what is compared is the configuration that comes of it.
      var values: [String] = []
      _ = try reader.list(axis) { value in
        var config = base
        try Settings.apply("\(axis.key.text)=\(value)", to: &config)
        values.append(value)
        return Settings.all.first { $0.key == axis.key.text }?.value(in: config) ?? value
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

/// A YAML mapping, its lists and texts, with the lines where they stand.
private struct YAMLReader {
  typealias Text = (text: String, line: Int)
  typealias Field = (key: Text, value: Node)

  let path: String

  func error(_ line: Int, _ problem: String) -> FileError { FileError("\(path):\(line)", problem) }

  /// A user's slip in what stands on `line`.
  func at<Result>(_ line: Int, _ body: () throws -> Result) throws -> Result {
    do { return try body() } catch let slip as UsageError { throw error(line, slip.description) }
  }

  func root() throws -> [Field] {
    guard let data = FileManager.default.contents(atPath: path) else { throw FileError(path, "cannot be read") }
    guard let yaml = String(data: data, encoding: .utf8) else { throw FileError(path, "is not UTF-8 text") }
    do {
      guard let node = try compose(yaml: yaml) else { throw error(1, "the file is empty; a study is a list of `field: value`") }
      return try fields(node, of: "a study", line: 1)
    } catch YamlError.scanner(_, let problem, let mark, _), YamlError.parser(_, let problem, let mark, _),
      YamlError.composer(_, let problem, let mark, _)
    {
      throw error(mark.line, "malformed YAML: \(problem)")
    } catch YamlError.duplicatedKeysInMapping(let keys, let context) {
      throw error(context.mark.line, "\(keys.joined(separator: ", ")) is given twice")
    } catch YamlError.reader(let problem, let offset, _, _) {
      let line = offset.map { yaml.prefix($0).count { $0.isNewline } + 1 } ?? 1
      throw error(line, "malformed YAML: \(problem)")
    }
  }

  func mapping(_ field: Field) throws -> [Field] { try fields(field.value, of: field.key.text, line: field.key.line) }

  func text(_ field: Field) throws -> Text {
    guard let scalar = field.value.scalar, !scalar.string.isEmpty else {
      throw error(field.key.line, "\(field.key.text) must be one value")
    }
    return (scalar.string, scalar.mark?.line ?? field.key.line)
  }

  /// One value, or a list of different ones, each through `body`.
  func list<Element: Hashable>(_ field: Field, _ body: (String) throws -> Element) throws -> [Element] {
    let nodes = field.value.sequence.map(Array.init) ?? [field.value]
    guard !nodes.isEmpty else { throw error(field.key.line, "\(field.key.text) must not be empty") }
    var found: [Element] = []
    for node in nodes {
      let (value, line) = try text((field.key, node))
      let element = try at(line) { try body(value) }
      guard !found.contains(element) else { throw error(line, "\(field.key.text) has \(value) twice") }
      found.append(element)
    }
    return found
  }

  private func fields(_ node: Node, of name: String, line: Int) throws -> [Field] {
    guard let mapping = node.mapping else { throw error(node.mark?.line ?? line, "\(name) must be a list of `key: value`") }
    return try mapping.map { key, value in
      guard let scalar = key.scalar else { throw error(key.mark?.line ?? line, "a key of \(name) must be a word") }
      return ((scalar.string, scalar.mark?.line ?? line), value)
    }
  }
}
