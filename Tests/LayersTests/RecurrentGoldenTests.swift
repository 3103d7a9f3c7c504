/// LSTM, GRU and attention held against PyTorch (Golden/make_recurrent_goldens.py).
import Foundation
import Layers
import Networks
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

  /// As `parity` reads such a file: the layer is known by names and shapes alone.
  @Test(arguments: ["lstm", "lstm-layers-resets", "gru", "gru-resets"])
  func filesOfBareLayers(_ name: String) throws {
    let path = try #require(Bundle.module.url(forResource: "Golden/\(name)", withExtension: "safetensors")).path
    let report = try #require(try Parity.reports(path: path).first)
    #expect(report.lines.count > 6 && report.lines.allSatisfy(\.isWithin), "\(report.lines)")
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
