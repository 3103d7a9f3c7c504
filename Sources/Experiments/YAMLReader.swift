/// A YAML mapping, its lists and texts, with the lines where they stand: what a user's own studies and presets are read by.
import Foundation
import Records
import Yams

struct YAMLReader {
  typealias Text = (text: String, line: Int)
  typealias Field = (key: Text, value: Node)

  let path: String

  func error(_ line: Int, _ problem: String) -> FileError { FileError("\(path):\(line)", problem) }

  /// A user's slip in what stands on `line`.
  func at<Result>(_ line: Int, _ body: () throws -> Result) throws -> Result {
    do { return try body() } catch let slip as UsageError { throw error(line, slip.description) }
  }

  /// The file's fields, each one of `names`; `kind` is what the file should be, for errors.
  func root(of kind: String, fields names: [String]) throws -> [Field] {
    let root = try root(of: kind)
    for (key, _) in root where !names.contains(key.text) {
      throw error(key.line, "unknown field \(key.text)\(suggestion(for: key.text, in: names))")
    }
    return root
  }

  private func root(of kind: String) throws -> [Field] {
    guard let data = FileManager.default.contents(atPath: path) else { throw FileError(path, "cannot be read") }
    guard let yaml = String(data: data, encoding: .utf8) else { throw FileError(path, "is not UTF-8 text") }
    do {
      guard let node = try compose(yaml: yaml) else { throw error(1, "the file is empty; \(kind) is a list of `field: value`") }
      return try fields(node, of: kind, line: 1)
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

  func steps(_ field: Field) throws -> Int {
    let steps = try text(field)
    guard let value = Int(written: steps.text), (1...1_000_000_000).contains(value) else {
      throw error(steps.line, "steps must be a whole number from 1 to 1000000000, not \(steps.text)")
    }
    return value
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
