/// A recording of a reference: weights, input, upstream gradient, and what came of them. Keys: `weight.P` of every parameter P,
/// `input` [batch, time, width], `upstream` (the gradient of the result), `output` (or `q` and `latent`), `final.S_state`,
/// `grad.input`, `grad.P`; where there are any `initial.S_state` and `grad.initial.S_state`, `reset` [batch, time], the
/// one-position form's `step.output` (`q.step`) and `step.S_state.T` after position T. Metadata `f32_error`: how far the
/// reference's own float32 is from each tensor, by its name.
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
  /// Tensors from which the reference's own float32 is further than 1e-5.
  private let straying: Set<String>

  /// Already read.
  public init(path: String, tensors: [String: Safetensors.Tensor], metadata: [String: String]) {
    (self.path, self.tensors, self.metadata) = (path, tensors, metadata)
    let errors = metadata["f32_error"].flatMap { try? JSONSerialization.jsonObject(with: Data($0.utf8)) as? [String: Any] }
    straying = Set((errors ?? [:]).filter { (($0.value as? NSNumber)?.doubleValue ?? 0) > 1e-5 }.keys)
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

  /// 1e-5; 1e-4 of a tensor from which the reference's own float32 is further than 1e-5. The parts of a recurrent state are one:
  /// each goes into the next position's others, so where one of them strays all of them may.
  public func tolerance(of name: String) -> Double {
    func isState(_ name: String) -> Bool { name.contains("_state") && !name.hasPrefix("grad.") }
    return straying.contains { $0 == name || isState($0) && isState(name) } ? 1e-4 : 1e-5
  }

  func error(_ problem: String) -> FileError { FileError(path, problem) }

  func tensor(_ name: String) throws -> Safetensors.Tensor {
    guard let tensor = tensors[name] else { throw error("has no tensor \(name)") }
    return tensor
  }
}
