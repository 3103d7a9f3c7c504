/// A recording of a reference: weights, input, upstream gradient, and what came of them. Keys: `weight.P` of every parameter P,
/// `input` [batch, time, width], `upstream` (the gradient of the result), `output` (or `q` and `latent`), `final.S_state`,
/// `grad.input`, `grad.P`; where there are any `initial.S_state` and `grad.initial.S_state`, `reset` [batch, time], the
/// one-position form's `step.output` (`q.step`) and `step.S_state.T` after position T. Metadata `f32_error`: how far the
/// reference's own float32 is from each tensor.
import Foundation
import Records

/// A recording of a reference: its inputs, outputs, parameters and gradients.
public struct Golden {
  /// The file's.
  public let path: String
  /// By name.
  public let tensors: [String: Safetensors.Tensor]
  /// What the file says of itself.
  public let metadata: [String: String]

  /// Already read.
  public init(path: String, tensors: [String: Safetensors.Tensor], metadata: [String: String]) {
    (self.path, self.tensors, self.metadata) = (path, tensors, metadata)
  }

  /// Every tensor of floats but the weights.
  public init(_ file: Safetensors) throws {
    let floats = file.names.filter { !$0.hasPrefix(Self.weightPrefix) && !Self.tokenNames.contains($0) }
    self.init(
      path: file.path, tensors: try Dictionary(uniqueKeysWithValues: floats.map { ($0, try file.tensor($0)) }),
      metadata: file.metadata)
  }

  static let weightPrefix = "weight."
  /// A language model's tensors of whole numbers.
  static let tokenNames: Set = ["input_ids", "greedy"]

  /// 1e-5; ten times that where the reference's own float32 strays further than 1e-5.
  public var tolerance: Double {
    guard let text = metadata["f32_error"], let object = try? JSONSerialization.jsonObject(with: Data(text.utf8)),
      let errors = object as? [String: Any]
    else { return 1e-5 }
    return errors.values.contains { (($0 as? NSNumber)?.doubleValue ?? 0) > 1e-5 } ? 1e-4 : 1e-5
  }

  func error(_ problem: String) -> FileError { FileError(path, problem) }

  func tensor(_ name: String) throws -> Safetensors.Tensor {
    guard let tensor = tensors[name] else { throw error("has no tensor \(name)") }
    return tensor
  }
}
