/// A language model goes on from a prompt, a token at a time at constant cost: its recurrent state is all that it keeps.
import Autograd
import Foundation
import Layers
import Randomness

/// Goes on with a text, at constant cost a token.
public final class TokenGenerator {
  /// How a token is chosen from the logits.
  public enum Choice: Sendable {
    /// The largest, the first of equal ones.
    case greedy
    /// By softmax(logits / temperature) of the `topK` largest (nil: of all).
    case sample(temperature: Double, topK: Int?)
  }

  private let model: LanguageModel
  private let stepper: any SequenceStepper
  private let state: Buffer
  private var generator: SplitMix64
  private var count = 0
  /// After the last token read; nil before the first.
  private var logits: UnsafeMutablePointer<Float>?

  /// `seed` decides what is drawn.
  public init(_ model: LanguageModel, seed: UInt64 = 0) {
    self.model = model
    guard let stepper = model.makeStepper(), let layout = model.stateLayout else {
      preconditionFailure("a language model without a stepper")
    }
    (self.stepper, state) = (stepper, Buffer(count: layout.count))
    generator = SplitMix64(seed: seed)
  }

  /// Moves on by one token. Throws `LanguageModel.TokenError` for one that the model does not have.
  public func read(_ token: Int) throws {
    try model.check(token)
    logits = stepper.step(model.embedding.pointer + token * model.inputSize, state: state.pointer)
    count += 1
  }

  /// Logits that are not all finite.
  public struct LogitsError: Error, CustomStringConvertible {
    /// How many tokens had been read, and what stands among their logits.
    public let count: Int, value: Float
    public var description: String { "after \(count) tokens the logits contain \(value); none follows" }
  }

  /// The token that follows, not yet read. At least one must have been read before. Throws `LogitsError` where none does.
  public func next(_ choice: Choice) throws -> Int {
    guard let logits else { preconditionFailure("a token was asked for before any was read") }
    let values = UnsafeBufferPointer(start: logits, count: model.vocabularySize)
    if let bad = values.first(where: { !$0.isFinite }) { throw LogitsError(count: count, value: bad) }
    switch choice {
    case .greedy: return Self.largest(values)
    case .sample(let temperature, let topK): return sample(values, temperature, topK ?? values.count)
    }
  }

  /// After the last token read, padding rows included.
  var allLogits: UnsafeBufferPointer<Float> { UnsafeBufferPointer(start: logits, count: model.embedding.shape[0]) }

  private static func largest(_ values: UnsafeBufferPointer<Float>) -> Int {
    var best = 0
    for i in values.indices where values[i] > values[best] { best = i }
    return best
  }

  private func sample(_ values: UnsafeBufferPointer<Float>, _ temperature: Double, _ topK: Int) -> Int {
    precondition(temperature > 0 && topK > 0, "temperature \(temperature), the \(topK) largest")
    let order = topK < values.count ? values.indices.sorted { (values[$0], $1) > (values[$1], $0) } : Array(values.indices)
    let candidates = order.prefix(topK)
    let most = candidates.map { Double(values[$0]) }.max() ?? 0
    let weights = candidates.map { exp((Double(values[$0]) - most) / temperature) }
    var rest = generator.uniform(0, weights.reduce(0, +))
    for (token, weight) in zip(candidates, weights) {
      rest -= weight
      if rest < 0 { return token }
    }
    return candidates.last ?? 0
  }
}
