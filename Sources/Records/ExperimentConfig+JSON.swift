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
    for key in Self.laterKeys where found[key] == nil { found[key] = known[key] }
    for key in known.keys.sorted() where found[key] == nil { throw FileError(path, "lacks the key \(key)") }
    do {
      self = try JSONDecoder().decode(ExperimentConfig.self, from: JSONSerialization.data(withJSONObject: found))
    } catch DecodingError.typeMismatch(_, let context), DecodingError.dataCorrupted(let context) {
      throw FileError(
        path, "has a wrong value for \(context.codingPath.map(\.stringValue).joined(separator: ".")): \(context.debugDescription)"
      )
    }
  }

  /// Keys that came after the first runs were recorded. Their defaults describe what those runs did.
  static let laterKeys: Set<String> = [
    "actors", "averagedWeights", "burnIn", "crossEpisodes", "doubleQ", "dueling", "encoderLearningRate", "entities",
    "epsilonSpread",
    "gradientInterval", "gradientSteps", "headHidden", "headSize", "inputs", "latents", "layerNorm", "layers", "learningRateEnd",
    "learningRateWarmup", "loss", "members", "nStep", "norm", "observationScale", "outputScale", "polyakRate", "replay",
    "residual",
    "resetTimeout", "rewardScale", "sequenceLength", "sequenceOverlap", "sequenceStart", "slowDecay", "startTimeout",
    "stepTimeout", "targetUpdate", "threads", "valueRescaling",
  ]
}
