import ArgumentParser
import Experiments
import Foundation
import Networks
import Records

struct Generate: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Let a Mamba language model go on from given tokens, each at constant cost.",
    discussion: """
      FILE is a checkpoint of mamba-ssm (`MambaLMHeadModel`) or transformers (`MambaForCausalLM`, `Mamba2ForCausalLM`) as
      safetensors; its config.json, where it stands beside, says what shapes do not. Tokens are numbers: there is no tokenizer.
      Greedy, unless --temperature or --top-k is given.
      """)

  @Argument(help: "The model, a .safetensors file.")
  var file: String
  @Option(parsing: .unconditional, help: "The prompt's tokens, separated by commas.")
  var ids: String
  @Option(parsing: .unconditional, help: "How many tokens to add.")
  var count = 20
  @Option(parsing: .unconditional, help: "Sample from softmax(logits / temperature).")
  var temperature: Double?
  @Option(parsing: .unconditional, help: "Sample among the K largest logits only (temperature 1 unless given).")
  var topK: Int?
  @Option(parsing: .unconditional, help: "Seed of the sampling.")
  var seed: UInt64 = 0
  @Flag(help: "Print one JSON object: the new tokens, and tokens a second.")
  var json = false

  func run() throws {
    let prompt = try ids.split(separator: ",", omittingEmptySubsequences: false).map { text in
      guard let id = Int(text.trimmingCharacters(in: .whitespaces)) else {
        throw UsageError("--ids \(ids): '\(text)' is no token; whole numbers separated by commas are needed")
      }
      return id
    }
    guard count >= 0 else { throw UsageError("--count \(count): must be 0 or more") }
    let generator = try TokenGenerator(LanguageModel(Safetensors(path: file)), seed: seed)
    let choice = try choice(), clock = ContinuousClock()
    do {
      for token in prompt { try generator.read(token) }
    } catch let error as LanguageModel.TokenError {
      throw UsageError("--ids \(ids): \(error)")
    }
    var tokens: [Int] = []
    let duration = try clock.measure {
      for _ in 0..<count {
        let token: Int
        do { token = try generator.next(choice) } catch { throw FileError(file, "\(error)") }
        tokens.append(token)
        try generator.read(token)
      }
    }
    let rate = count > 0 ? Double(count) / max(duration / .seconds(1), 1e-9) : 0
    let text = tokens.map(String.init).joined(separator: ",")
    try output(json ? "{\"ids\":[\(text)],\"tokensPerSecond\":\(rate)}" : "\(text)\n\(String(format: "%.0f", rate)) tokens/s")
  }

  private func choice() throws -> TokenGenerator.Choice {
    if let temperature, !(temperature > 0 && temperature.isFinite) {
      throw UsageError("--temperature \(temperature): must be more than 0; without it the choice is greedy")
    }
    if let topK, topK < 1 { throw UsageError("--top-k \(topK): must be 1 or more") }
    return temperature == nil && topK == nil ? .greedy : .sample(temperature: temperature ?? 1, topK: topK)
  }
}
