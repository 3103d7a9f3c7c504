/// What names and shapes do not tell of a model: from the file's metadata, or from a `config.json` beside it, under the keys of
/// transformers or mamba-ssm. A setting that changes the mathematics into one that is not ours is refused.
import Foundation
import Records

struct ModelSettings {
  /// Of Mamba-2's B and C, and of its norm.
  private(set) var groups = 1
  /// Where that was found, in words.
  private(set) var groupsSource = "no config.json beside the file and no metadata says how many"
  /// Ids from here on only fill the embedding up.
  private(set) var vocabularySize: Int?
  /// What the file must hold, as a setting says: its kind of blocks, their number, and whether its head is the embedding.
  private var kind, layers, isTied: Setting?

  /// A setting and where it was found.
  private struct Setting {
    let path, key: String
    let value: JSONValue

    var text: String { "\(key) \(value.text ?? value.written)" }
    func refuse(_ problem: String) -> FileError { FileError(path, "has \(text); \(problem)") }
  }

  /// All that one text says; what it says of the blocks (`ssm_cfg`) comes first.
  private struct Source {
    let path: String
    let settings: JSONValue

    /// The first of the keys that is there.
    func callAsFunction(_ keys: String...) -> Setting? {
      for key in keys {
        for value in [settings["ssm_cfg"]?[key], settings[key]] {
          if let value, value != .null { return Setting(path: path, key: key, value: value) }
        }
      }
      return nil
    }
  }

  init(_ file: Safetensors) throws {
    if let text = file.metadata["settings"] { try read(text, from: "\(file.path)'s metadata", refusing: file.path) }
    let config = URL(fileURLWithPath: file.path).deletingLastPathComponent().appendingPathComponent("config.json").path
    if let data = FileManager.default.contents(atPath: config) {
      try read(String(decoding: data, as: UTF8.self), from: config, refusing: config)
    }
  }

  private mutating func read(_ text: String, from source: String, refusing path: String) throws {
    // Python's json writes infinities, which JSON does not have.
    let parsed = [text, text.replacingOccurrences(of: "Infinity", with: "null")].lazy.compactMap { try? JSONValue($0.utf8) }.first
    guard let settings = parsed, settings.fields != nil else { throw FileError(path, "holds settings that are no JSON object") }
    let setting = Source(path: path, settings: settings)
    if let found = setting("n_groups", "ngroups") {
      guard let count = found.value.count, count > 0 else {
        throw FileError(path, "says \(found.value.written) groups; a number from 1 is needed")
      }
      (groups, groupsSource) = (count, source)
    }
    if let found = setting("vocab_size") {
      guard let size = found.value.count, size > 0 else { throw found.refuse("a whole number from 1 is needed") }
      vocabularySize = size
    }
    try Self.refuseOtherMathematics(setting)
    // transformers names the kind of the model, mamba-ssm that of its blocks.
    kind = setting("layer", "model_type") ?? kind
    layers = setting("num_hidden_layers", "n_layer") ?? layers
    isTied = setting("tie_word_embeddings", "tie_embeddings") ?? isTied
  }

  private static func refuseOtherMathematics(_ setting: Source) throws {
    for key in ["layer_norm_epsilon", "norm_epsilon"] {
      guard let found = setting(key) else { continue }
      guard let epsilon = found.value.real else { throw found.refuse("norms here have 1e-5") }
      guard abs(epsilon - 1e-5) <= 1e-9 else { throw FileError(found.path, "has \(key) \(epsilon); norms here have 1e-5") }
    }
    for key in ["hidden_act", "activation"] {
      guard let found = setting(key), !["silu", "swish"].contains(found.value.text) else { continue }
      throw found.refuse("blocks here have silu")
    }
    if let found = setting("rms_norm"), found.value != .bool(true) { throw found.refuse("blocks here have an RMSNorm") }
    // transformers has the setting and does not use it: it gates first, as here.
    if setting("model_type") == nil, let found = setting("norm_before_gate"), found.value != .bool(false) {
      throw found.refuse("Mamba-2 here is gated before its norm")
    }
    for key in ["time_step_limit", "dt_limit"] {
      guard let found = setting(key), let limits = found.value.elements, limits.count == 2 else { continue }
      let lower = limits[0].real ?? 0, upper = limits[1].real ?? .infinity
      guard lower <= 0, upper == .infinity else {
        throw FileError(found.path, "has \(key) [\(lower), \(upper)]; steps here have no limits")
      }
    }
    if let found = setting("model_type"), !["mamba", "mamba2"].contains(found.value.text) {
      throw found.refuse("mamba and mamba2 are read here")
    }
  }

  // MARK: - What the file must hold

  /// `kind`: Mamba1, Mamba2 or Mamba3, as the tensors under a prefix are.
  func check(kind found: String, _ tensors: TensorShapes) throws {
    guard let kind else { return }
    let expected = kind.value == .string("mamba") ? "Mamba1" : kind.value.text?.capitalized
    guard expected == found else { throw kind.refuse("\(tensors.file.path)'s \(tensors.prefix)* is a \(found) block") }
  }

  /// Blocks of a stack.
  func check(layers found: Int, _ file: Safetensors) throws {
    guard let layers, layers.value.count != found else { return }
    throw layers.refuse("\(file.path) has \(found) blocks")
  }

  /// Whether there is a head beside the embedding.
  func check(hasHead: Bool, _ file: Safetensors) throws {
    guard let isTied, !hasHead, isTied.value != .bool(true) else { return }
    throw isTied.refuse("\(file.path) has no tensor lm_head.weight")
  }
}

extension JSONValue {
  /// Nil where it is no number.
  fileprivate var real: Double? { if case .number(let text) = self { Double(text) } else { nil } }
}
