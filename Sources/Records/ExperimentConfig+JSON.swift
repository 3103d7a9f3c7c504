/// `config.json`: written readably, read strictly.
import Foundation

extension ExperimentConfig: ReadableJSON {
  /// Reads `config.json`. An unknown or missing key, or a value of another type, is an error that names it.
  public init(path: String) throws {
    guard let data = FileManager.default.contents(atPath: path) else { throw FileError(path, "cannot be read") }
    guard var found = try? JSONSerialization.jsonObject(with: data) as? [String: Any],
      let known = try JSONSerialization.jsonObject(with: ExperimentConfig().json) as? [String: Any]
    else { throw FileError(path, "is not a JSON object") }
    for key in found.keys.sorted() where known[key] == nil {
      throw FileError(path, "has the unknown key \(key)\(suggestion(for: key, in: known.keys.sorted()))")
    }
    found.merge(Self.beforeThereWere.mapValues { $0 as Any }) { given, _ in given }
    for key in known.keys.sorted() where found[key] == nil { throw FileError(path, "lacks the key \(key)") }
    do {
      self = try JSONDecoder().decode(ExperimentConfig.self, from: JSONSerialization.data(withJSONObject: found))
    } catch DecodingError.typeMismatch(_, let context), DecodingError.dataCorrupted(let context) {
      throw FileError(
        path, "has a wrong value for \(context.codingPath.map(\.stringValue).joined(separator: ".")): \(context.debugDescription)"
      )
    }
  }

  /// Keys that came after the first runs were recorded, and what those runs did. (Time-outs change no result.)
  private static let beforeThereWere: [String: Int] = ["threads": 1, "startTimeout": 120, "resetTimeout": 120, "stepTimeout": 30]
}
