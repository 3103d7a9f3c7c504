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

  init(_ file: Safetensors) throws {
    if let text = file.metadata["settings"] { try read(text, from: "\(file.path)'s metadata", refusing: file.path) }
    let config = URL(fileURLWithPath: file.path).deletingLastPathComponent().appendingPathComponent("config.json").path
    if let data = FileManager.default.contents(atPath: config) {
      try read(String(decoding: data, as: UTF8.self), from: config, refusing: config)
    }
  }

  private mutating func read(_ text: String, from source: String, refusing path: String) throws {
    // Python's json writes infinities, which JSON does not have.
    let parsed = [text, text.replacingOccurrences(of: "Infinity", with: "null")].lazy.compactMap {
      try? JSONSerialization.jsonObject(with: Data($0.utf8)) as? [String: Any]
    }.first
    guard let settings = parsed else { throw FileError(path, "holds settings that are no JSON object") }
    let own = settings["ssm_cfg"] as? [String: Any] ?? [:]
    func value(_ keys: String...) -> Any? { keys.lazy.compactMap { own[$0] ?? settings[$0] }.first { !($0 is NSNull) } }

    if let found = value("n_groups", "ngroups") {
      guard let count = found as? Int, count > 0 else { throw FileError(path, "says \(found) groups; a number from 1 is needed") }
      (groups, groupsSource) = (count, source)
    }
    if let size = settings["vocab_size"] as? Int { vocabularySize = size }
    for key in ["layer_norm_epsilon", "norm_epsilon"] {
      guard let epsilon = (value(key) as? NSNumber)?.doubleValue, abs(epsilon - 1e-5) > 1e-9 else { continue }
      throw FileError(path, "has \(key) \(epsilon); norms here have 1e-5")
    }
    if let activation = value("hidden_act") as? String, !["silu", "swish"].contains(activation) {
      throw FileError(path, "has hidden_act \(activation); blocks here have silu")
    }
    for key in ["time_step_limit", "dt_limit"] {
      guard let limits = value(key) as? [Any], limits.count == 2 else { continue }
      let lower = (limits[0] as? NSNumber)?.doubleValue ?? 0, upper = (limits[1] as? NSNumber)?.doubleValue ?? .infinity
      guard lower <= 0, upper == .infinity else {
        throw FileError(path, "has \(key) [\(lower), \(upper)]; steps here have no limits")
      }
    }
    if let kind = settings["model_type"] as? String, !["mamba", "mamba2"].contains(kind) {
      throw FileError(path, "has model_type \(kind); mamba and mamba2 are read here")
    }
  }
}
