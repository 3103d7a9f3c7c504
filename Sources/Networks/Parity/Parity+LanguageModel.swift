/// A language model held against a recording: `input_ids` [1, time], `logits`, `hidden.K` after layer K (residual included),
/// `hidden.norm`, and the tokens `greedy` that follow.
import Autograd
import Kernels
import Layers
import Records

extension Parity {
  init(_ file: Safetensors, _ golden: Golden, _ model: LanguageModel) throws {
    self.init(golden)
    try compare(model, file)
  }

  private mutating func compare(_ model: LanguageModel, _ file: Safetensors) throws {
    let ids = try file.integers("input_ids"), tape = Tape()
    guard ids.shape.count == 2, ids.shape[0] == 1, ids.shape[1] > 0 else {
      throw golden.error("input_ids has shape \(ids.shape); [1, time > 0] is needed")
    }
    let shape = SequenceShape(batch: 1, time: ids.values.count)
    let x: Tensor
    do { x = try model.embed(ids.values, on: tape) } catch { throw golden.error("input_ids: \(error)") }
    var hidden = x
    for (index, layer) in model.encoder.stack.layers.enumerated() {
      hidden = layer(hidden, shape, from: nil, reading: .all, on: tape).output
      compareIfThere(hidden, "hidden.\(index)", shape)
    }
    for output in model.outputs(x, shape, from: nil, on: tape).outputs {
      guard output.name == "output" else {
        compare(output.tensor, output.name, shape)
        continue
      }
      compareIfThere(output.tensor, "hidden.norm", shape)
    }
    try compareTokens(model, ids.values, file)
    reportRest(["greedy_margin"])
  }

  private mutating func compareIfThere(_ tensor: Tensor, _ name: String, _ shape: SequenceShape) {
    if isThere(name) { compare(tensor, name, shape) }
  }

  /// Logits step by step, and the greedy tokens: the share of them that differ, of which none may.
  private mutating func compareTokens(_ model: LanguageModel, _ prompt: [Int], _ file: Safetensors) throws {
    let generator = TokenGenerator(model)
    var logits: [Float] = []
    for token in prompt {
      try generator.read(token)
      logits += generator.allLogits
    }
    compare(logits, "logits", called: "logits, step by step")
    guard file.shape(of: "greedy") != nil else {
      missing.append("greedy")
      return
    }
    let expected = try file.integers("greedy").values
    var wrong = 0
    for token in expected {
      // Where logits are no numbers no token follows.
      guard let next = try? generator.next(.greedy) else {
        wrong = expected.count
        break
      }
      if next != token { wrong += 1 }
      try generator.read(next)
    }
    let error = expected.isEmpty ? .infinity : Double(wrong) / Double(expected.count)
    note(Line(name: "greedy (\(expected.count) tokens)", error: error, tolerance: 0))
  }
}
