/// `predict` and `generate` where what they are given is not what it seems.
import Foundation
import Records
import TestSupport
import Testing

@Suite struct PredictCommandTests {
  private static let golden = packageRoot + "/Tests/NetworksTests/Golden/sequence/lm-mamba"

  private func q(_ arguments: String) throws -> [Double] {
    let result = try mamba("predict " + arguments)
    let object = try JSONSerialization.jsonObject(with: Data(result.output.utf8)) as? [String: [[Double]]]
    return try #require(object?["q"]?.first, "\(result.error)")
  }

  /// A trained stack of attention sees its four positions back, whichever way it is asked.
  @Test func attentionSeesItsOwnContext() throws {
    let space = try Workspace(), model = space.file("run/model.safetensors")
    let trained = try mamba(
      "train RepeatPreviousEasy --steps 200 --set encoder=transformer --set windowLength=4 --set modelSize=16 --set headSize=8 "
        + "--set evaluationEpisodes=0 --out \(space.file("run"))")
    #expect(trained.status == 0, "\(trained.error)")
    let file = try Safetensors(path: model)
    let width = try #require((file.shape(of: "input.weight") ?? file.shape(of: "input_mlp.0.weight"))?.last)
    let x = (0..<30 * width).map { Float($0 * 7 % 11) / 11 }, none = [Float](repeating: 0, count: 30)
    try Safetensors.write([("input", .init(shape: [1, 30, width], values: x))], to: space.file("x"))
    try Safetensors.write(
      [("input", .init(shape: [1, 30, width], values: x)), ("reset", .init(shape: [1, 30], values: none))],
      to: space.file("r"))
    let windows = try q("\(model) --input \(space.file("x"))"), sequence = try q("\(model) --input \(space.file("r"))")
    let written = try mamba("predict \(model) --input \(space.file("x")) --out \(space.file("out"))")
    #expect(written.status == 0, "\(written.error)")
    let out = try Safetensors(path: space.file("out"))
    let last = try out.tensor("q").values.suffix(windows.count).map(Double.init)
    for other in [sequence, last] {
      #expect(zip(windows, other).allSatisfy { abs($0 - $1) < 1e-4 }, "\(windows) \(other)")
    }
    #expect(out.shape(of: "state.layers.0.k")?[1] == 4)
  }

  /// What is read stays what it is.
  @Test func theInputIsNotReplaced() throws {
    let space = try Workspace(), block = try self.block(space)
    let before = FileManager.default.contents(atPath: space.file("x"))
    try FileManager.default.createSymbolicLink(atPath: space.file("link"), withDestinationPath: "x")
    for out in ["x", "link", "net"] {
      let result = try mamba("predict \(block) --input \(space.file("x")) --out \(space.file(out))")
      #expect(result.status == 64 && result.error.contains("another file is needed"), "\(result.error)")
    }
    #expect(mkfifo(space.file("pipe"), 0o600) == 0)
    let pipe = try mamba("predict \(block) --input \(space.file("x")) --out \(space.file("pipe"))")
    #expect(pipe.status == 1 && pipe.error.contains("no regular file"), "\(pipe.error)")
    #expect(FileManager.default.contents(atPath: space.file("x")) == before)
  }

  /// Numbers that are none are said, in a warning or an error.
  @Test func notFinite() throws {
    let space = try Workspace(), block = try self.block(space, value: 3e38)
    let printed = try mamba("predict \(block) --input \(space.file("x"))")
    #expect(printed.status == 0 && printed.output.contains("null"))
    #expect(printed.error.hasPrefix("warning: \(block): ") && printed.error.hasSuffix(" values of output are not finite\n"))
    let written = try mamba("predict \(block) --input \(space.file("x")) --out \(space.file("out"))")
    #expect(written.status == 0 && written.error.contains("values of output are not finite"), "\(written.error)")
    #expect(try mamba("predict \(self.block(space)) --input \(space.file("x"))").error.isEmpty)

    let file = try Safetensors(path: Self.golden + "/hf/model.safetensors")
    let tensors = try file.names.map { name in
      let tensor = try file.tensor(name), factor: Float = name.contains("mixer") ? 1e20 : 1
      return (name, Safetensors.Tensor(shape: tensor.shape, values: tensor.values.map { $0 * factor }))
    }
    try Safetensors.write(tensors, to: space.file("language"))
    let generated = try mamba("generate \(space.file("language")) --ids 1,2 --count 4")
    #expect(generated.status == 1 && generated.output.isEmpty)
    #expect(generated.error.hasPrefix("error: \(space.file("language")): after 2 tokens the logits contain "))
  }

  /// What was not held against anything stands in what is printed.
  @Test func parityOfLess() throws {
    let space = try Workspace(), file = try Safetensors(path: packageRoot + "/Tests/LayersTests/Golden/mamba1-state.safetensors")
    let names = file.names.filter { !$0.hasPrefix("final.") && $0 != "grad.D" }
    try Safetensors.write(try names.map { ($0, try file.tensor($0)) }, to: space.file("less"))
    let result = try mamba("parity \(space.file("less"))")
    #expect(result.status == 1 && result.output.contains("\n  not in the file: final.conv_state, final.ssm_state\n"))
    #expect(result.output.contains("inf  grad.D (not in the file)  above 1e-05"), "\(result.output)")
  }

  /// A block of Mamba-1 and an input of one position, `value` everywhere.
  private func block(_ space: Workspace, value: Float = 0.5) throws -> String {
    let file = try Safetensors(path: packageRoot + "/Tests/LayersTests/Golden/mamba1-state.safetensors")
    let weights = file.names.filter { $0.hasPrefix("weight.") }
    try Safetensors.write(try weights.map { (String($0.dropFirst(7)), try file.tensor($0)) }, to: space.file("net"))
    try Safetensors.write(
      [("input", .init(shape: [1, 1, 24], values: Array(repeating: value, count: 24)))], to: space.file("x"))
    return space.file("net")
  }
}
