/// A Mamba language model: embedding → residual stack → norm → head, as mamba-ssm's `MambaLMHeadModel` and transformers'
/// `MambaForCausalLM` and `Mamba2ForCausalLM` have it; the layers may be Mamba-1, -2 or -3.
import Autograd
import Kernels
import Layers
import Records

/// Embedding, Mamba blocks, norm and head, as mamba-ssm and transformers have them.
public final class LanguageModel: SequenceModel, Layer {
  /// [rows, modelSize]: a row a token, and perhaps rows that only fill it up.
  public let embedding: Parameter
  /// [rows, modelSize]; nil: tied, the embedding is the head.
  public let head: Parameter?
  let encoder: StackEncoder
  /// All parameters, in one piece.
  public private(set) lazy var block = ParameterBlock(self)
  /// Tokens that there are.
  public let vocabularySize: Int

  public var inputSize: Int { encoder.inputSize }
  public var stateLayout: StateLayout? { encoder.stateLayout }

  static func isRecognised(_ file: Safetensors) -> Bool {
    file.names.contains { ["backbone.embeddings.weight", "backbone.embedding.weight"].contains(modelName($0)) }
  }

  /// `file`: under mamba-ssm's or transformers' names, with or without `backbone.`.
  ///
  /// Throws `FileError` where a tensor is missing, of another shape, or one too many; or where a setting in a `config.json` beside
  /// the file asks for mathematics that is not ours.
  public init(_ file: Safetensors) throws {
    let file = try ModelFile.unwrapped(file).renamed { name in
      let own = Self.modelName(name)
      return own == "backbone.embeddings.weight" ? "backbone.embedding.weight" : own
    }
    let settings = try ModelSettings(file), tensors = TensorShapes(file: file, prefix: "")
    let shape = try tensors.shape("backbone.embedding.weight", 2)
    let stack = try ResidualStack.make(file, prefix: "backbone.", settings)
    guard stack.inputSize == shape[1] else {
      throw tensors.error("backbone.embedding.weight", "has shape \(shape); the first block reads \(stack.inputSize) features")
    }
    embedding = Parameter(shape: shape)
    encoder = StackEncoder(stack, width: stack.outputSize)
    try settings.check(hasHead: tensors["lm_head.weight"] != nil, file)
    head = tensors["lm_head.weight"] != nil ? Parameter(shape: shape) : nil
    vocabularySize = settings.vocabularySize.map { min($0, shape[0]) } ?? shape[0]
    try block.read(file, as: "such a language model")
  }

  private static func modelName(_ name: String) -> String {
    name.hasPrefix("backbone.") || name.hasPrefix("lm_head.") ? name : "backbone." + name
  }

  /// tokens [rows] → [rows, modelSize]. Throws `TokenError` for one that the model does not have.
  public func embed(_ tokens: [Int], on tape: Tape) throws -> Tensor {
    let width = inputSize
    let x = tape.constant(rows: tokens.count, columns: width)
    for (row, token) in tokens.enumerated() {
      try check(token)
      (x.values + row * width).update(from: embedding.pointer + token * width, count: width)
    }
    return x
  }

  func check(_ token: Int) throws {
    guard (0..<vocabularySize).contains(token) else { throw TokenError(token: token, vocabularySize: vocabularySize) }
  }

  /// A token that the model does not know.
  public struct TokenError: Error, CustomStringConvertible {
    /// What was given, and what it must be below.
    public let token, vocabularySize: Int
    public var description: String { "the token \(token) is none of the model's, 0 to \(vocabularySize - 1)" }
  }

  /// Its results are `logits` [batch × time, rows] and `output`, the normed features before the head.
  public func outputs(
    _ x: Tensor, _ shape: SequenceShape, from state: Tensor?, on tape: Tape
  ) -> (outputs: [NamedTensor], state: Tensor?) {
    let (output, final) = encoder(x, shape, from: state, reading: .all, on: tape)
    let logits = tape.linear(output, weight: (head ?? embedding).tensor(on: tape))
    return ([NamedTensor("logits", logits), NamedTensor("output", output)], final)
  }

  public func makeStepper() -> (any SequenceStepper)? { LanguageModelStepper(self) }

  public func forEachParameter(_ body: (String, Parameter) -> Void) {
    body("backbone.embedding.weight", embedding)
    forward("backbone", encoder, body)
    if let head { body("lm_head.weight", head) }
  }
}

private final class LanguageModelStepper: SequenceStepper {
  private let encoder: any SequenceStepper
  private let head: Parameter
  private let logits: Buffer

  init(_ model: LanguageModel) {
    encoder = model.encoder.makeStepper()
    head = model.head ?? model.embedding
    logits = Buffer(count: head.shape[0])
  }

  func parametersChanged() { encoder.parametersChanged() }

  func step(_ x: UnsafePointer<Float>, state: UnsafeMutablePointer<Float>) -> UnsafeMutablePointer<Float> {
    MatrixVector.apply(
      rows: head.shape[0], columns: head.shape[1], weight: head.pointer, stride: head.shape[1], bias: nil,
      x: encoder.step(x, state: state), y: logits.pointer)
    return logits.pointer
  }
}
