/// A language model held against a recording: `input_ids` [1, time], `logits`, `hidden.K` after layer K (residual included),
/// `hidden.norm`, and the tokens `greedy` that follow.
import Autograd
import Kernels
import Layers
import Records

extension Parity {
  static func lines(_ file: Safetensors, _ golden: Golden, _ model: LanguageModel) throws -> [Line] {
    var parity = Parity(golden)
    try parity.compare(model, file)
    return parity.lines
  }

  private mutating func compare(_ model: LanguageModel, _ file: Safetensors) throws {
    let ids = try file.integers("input_ids"), tape = Tape()
    guard ids.shape.count == 2, ids.shape[0] == 1, ids.shape[1] > 0 else {
      throw golden.error("input_ids has shape \(ids.shape); [1, time > 0] is needed")
    }
    let shape = SequenceShape(batch: 1, time: ids.values.count)
    let x = try model.embed(ids.values, on: tape)
    var hidden = x
    for (index, layer) in model.encoder.stack.layers.enumerated() {
      hidden = layer(hidden, shape, from: nil, reading: .all, on: tape).output
      if golden.tensors["hidden.\(index)"] != nil { compare(hidden, "hidden.\(index)") }
    }
    for output in model.outputs(x, shape, from: nil, on: tape).outputs {
      let name = output.name == "output" ? "hidden.norm" : output.name
      if golden.tensors[name] != nil || name == "logits" { compare(output.tensor, name) }
    }
    try compareTokens(model, ids.values, file)
    reportRest(["greedy_margin"])
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
    guard file.shape(of: "greedy") != nil else { return }
    let expected = try file.integers("greedy").values
    var wrong = 0
    for token in expected {
      let next = generator.next(.greedy)
      if next != token { wrong += 1 }
      try generator.read(next)
    }
    note(Line(name: "greedy (\(expected.count) tokens)", error: Double(wrong) / Double(max(expected.count, 1)), tolerance: 0))
  }
}
