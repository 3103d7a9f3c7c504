/// A golden as a file: of a layer or a Q-network with its weights in it, or of a language model.
import Foundation
import Records

extension Parity {
  /// What a file's tensors are compared under, and the comparison.
  public struct Report {
    /// The file, and of a language model in a file of its own that too.
    public let title: String
    /// One a quantity.
    public let lines: [Line]
    /// What a whole recording has and this one does not: nothing was held against it.
    public let missing: [String]

    init(_ title: String, _ parity: Parity) { (self.title, lines, missing) = (title, parity.lines, parity.missing) }
  }

  /// Reads a golden and holds our model against it. Weights stand in the file as `weight.P`; a language model's may also be the
  /// checkpoints beside it: `model.safetensors` in the golden's folder and in the folders there.
  public static func reports(path: String) throws -> [Report] {
    let file = try Safetensors(path: path), golden = try Golden(file)
    let hasWeights = file.names.contains { $0.hasPrefix(Golden.weightPrefix) }
    let weights = try file.renamed { $0.hasPrefix(Golden.weightPrefix) ? String($0.dropFirst(Golden.weightPrefix.count)) : nil }
    guard file.shape(of: "input_ids") != nil else {
      guard hasWeights else { throw FileError(path, "has neither tensors weight.… nor input_ids: it is no golden") }
      let model = try ModelFile.read(weights)
      return [Report(path, try Parity(golden, model))]
    }
    if hasWeights { return [Report(path, try Parity(file, golden, LanguageModel(weights)))] }
    let checkpoints = checkpoints(beside: path)
    guard !checkpoints.isEmpty else {
      throw FileError(path, "has no weights, and there is no model.safetensors beside it or in a folder there")
    }
    return try checkpoints.map { checkpoint in
      let model = try LanguageModel(Safetensors(path: checkpoint))
      return Report("\(path) with \(checkpoint)", try Parity(file, golden, model))
    }
  }

  private static func checkpoints(beside path: String) -> [String] {
    let folder = URL(fileURLWithPath: path).deletingLastPathComponent().path
    let inside = (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []
    return ([folder] + inside.sorted().map { "\(folder)/\($0)" }).map { $0 + "/model.safetensors" }
      .filter { FileManager.default.fileExists(atPath: $0) }
  }
}
