/// `config.json`: written readably, read strictly.
import Foundation

extension ExperimentConfig: ReadableJSON {
  /// Reads `config.json`. An unknown or missing key, or a value of another type, is an error that names it.
  public init(path: String) throws {
    let file = try MappedFile(path: path)
    try self.init(json: file.bytes, from: path)
  }

  /// The same of bytes that stand in the file `path`. Whether values are in their ranges is not looked at here.
  public init(json data: some Collection<UInt8>, from path: String) throws {
    let found: JSONValue
    do { found = try JSONValue(data) } catch { throw FileError(path, "is not a JSON object: \(error)") }
    guard let fields = found.fields, let known = try JSONValue(ExperimentConfig().json).fields else {
      throw FileError(path, "is not a JSON object")
    }
    let names = known.map(\.key)
    for field in fields where !names.contains(field.key) && Self.formerKeys[field.key] == nil {
      throw FileError(path, "has the unknown key \(field.key)\(suggestion(for: field.key, in: names))")
    }
    let values = try known.map { field in
      guard let value = found[field.key] ?? (Self.laterKeys.contains(field.key) ? field.value : nil) else {
        throw FileError(path, "lacks the key \(field.key)")
      }
      guard let text = value.scalar else { throw FileError(path, "has a wrong value for \(field.key): one value is needed") }
      return text
    }
    func decoded(_ values: [String]) -> ExperimentConfig? {
      let lines = zip(known, values).map { "\"\($0.key)\":\($1)" }
      return try? JSONDecoder().decode(ExperimentConfig.self, from: Data("{\(lines.joined(separator: ","))}".utf8))
    }
    guard let config = decoded(values) else {
      // Foundation does not name the key of a number that does not fit: the one that the defaults cannot take.
      let defaults = known.compactMap(\.value.scalar)
      let wrong = values.indices.first { index in
        var single = defaults
        single[index] = values[index]
        return decoded(single) == nil
      }
      throw FileError(path, "has a wrong value\(wrong.map { " for \(known[$0].key): \(values[$0].prefix(80))" } ?? "")")
    }
    self = config
  }

  /// Keys of settings that are gone, with the value that describes what is done now. With another one a run is still read and
  /// evaluated, for what it learned is in its weights; it is not gone on with.
  private static let formerKeys = ["leastTries": "0"]

  /// What a run of an earlier version was told and nobody can do any more: the key and its value.
  public static func former(in json: some Collection<UInt8>) -> (key: String, value: String)? {
    for field in (try? JSONValue(json))?.fields ?? [] {
      if let now = formerKeys[field.key], let value = field.value.scalar, value != now { return (field.key, value) }
    }
    return nil
  }

  /// Keys that came after the first runs were recorded. Their defaults describe what those runs did.
  package static let laterKeys: Set<String> = [
    "actors", "averagedWeights", "burnIn", "crossEpisodes", "decaySteps", "doubleQ", "dueling", "encoderLearningRate",
    "entities", "epsilonSpread", "gradientInterval", "gradientSteps", "headHidden", "headSize", "inputs", "latents", "layerNorm",
    "layers", "learningRateEnd", "learningRateWarmup", "loss", "members", "nStep", "norm", "observationScale",
    "outputScale", "perAction", "pessimism", "polyakRate", "rareEpsilon", "recordInterval", "replay", "resetTimeout", "residual",
    "rewardScale", "sequenceLength", "sequenceOverlap", "sequenceStart", "slowDecay", "startTimeout", "stepTimeout",
    "targetUpdate", "threads", "valueRescaling",
  ]
}
