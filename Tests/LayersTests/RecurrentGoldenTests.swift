/// LSTM, GRU and attention held against PyTorch (Golden/make_recurrent_goldens.py).
import Layers
import Randomness
import Testing

@Suite struct RecurrentGoldenTests {
  @Test(arguments: ["lstm", "lstm-layers-resets"])
  func lstm(_ name: String) throws {
    let golden = try GoldenLayer(name)
    var generator = SplitMix64(seed: 1)
    try golden.check(
      LSTM(
        Int(try #require(try golden.setting("inputs"))), Int(try #require(try golden.setting("size"))),
        layers: Int(try #require(try golden.setting("layers"))), &generator))
  }

  @Test(arguments: ["gru", "gru-resets"])
  func gru(_ name: String) throws {
    let golden = try GoldenLayer(name)
    var generator = SplitMix64(seed: 1)
    try golden.check(
      GRU(Int(try #require(try golden.setting("inputs"))), Int(try #require(try golden.setting("size"))), &generator))
  }

  @Test(arguments: ["attention", "attention-resets"])
  func attention(_ name: String) throws {
    let golden = try GoldenLayer(name)
    var generator = SplitMix64(seed: 1)
    try golden.check(
      Attention(
        Int(try #require(try golden.setting("size"))), heads: Int(try #require(try golden.setting("heads"))),
        context: Int(try #require(try golden.setting("context"))), &generator))
  }
}
