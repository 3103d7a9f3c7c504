/// `mamba-dqn parity`: recordings of the references as files, models recognised by names and shapes alone.
import Foundation
import Networks
import Records
import TestSupport
import Testing

@Suite struct ParityTests {
  /// Blocks of Mamba-1, -2, -3 (state, resets, groups, ranks, odd sizes), residual Q-networks, language models in two formats.
  static let recordings: [String] = {
    let blocks = packageRoot + "/Tests/LayersTests/Golden", own = packageRoot + "/Tests/NetworksTests/Golden/sequence"
    func files(_ folder: String, _ isWanted: (String) -> Bool) -> [String] {
      ((try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []).sorted()
        .filter { $0.hasSuffix(".safetensors") && isWanted($0) }.map { "\(folder)/\($0)" }
    }
    return files(blocks) { $0.hasPrefix("mamba") } + files(own) { _ in true }
      + ["lm-mamba", "lm-mamba2"].map { "\(own)/\($0)/golden.safetensors" }
  }()

  @Test(arguments: recordings) func recording(_ path: String) throws {
    let reports = try Parity.reports(path: path)
    #expect(reports.count == (path.contains("/lm-") ? 2 : 1))
    for report in reports {
      #expect(report.lines.count >= (path.contains("/lm-") ? 6 : 12))
      for line in report.lines { #expect(line.isWithin, "\(report.title), \(line.name): \(line.error)") }
    }
  }

  @Test func thereAreAllOfThem() { #expect(Self.recordings.count == 24 + 2 + 2) }

  private static let small = packageRoot + "/Tests/LayersTests/Golden/mamba1-state.safetensors"

  /// A copy of a recording in which some tensors are others; nil leaves one out.
  private func changed(_ space: Workspace, _ change: (String, Safetensors.Tensor) -> Safetensors.Tensor?) throws -> String {
    let file = try Safetensors(path: Self.small), path = space.file("changed.safetensors")
    let tensors = try file.names.compactMap { name in try change(name, file.tensor(name)).map { (name, $0) } }
    try Safetensors.write(tensors, metadata: file.metadata, to: path)
    return path
  }

  /// One number a thousandth off, or no number, fails its own line and no other; a tensor nobody compares fails too.
  @Test(arguments: [
    "output", "grad.input", "grad.A_log", "grad.initial.ssm_state", "final.conv_state", "step.output", "step.ssm_state.4",
  ])
  func oneWrongNumber(_ wrong: String) throws {
    let space = try Workspace()
    for number in [Float.nan, 1e-3] {
      let path = try changed(space) { name, tensor in
        guard name == wrong else { return tensor }
        var other = tensor
        let scale = tensor.values.map(abs).max() ?? 0
        other.values[1] = number.isNaN ? number : other.values[1] + number * scale
        return other
      }
      let failed = try Parity.reports(path: path)[0].lines.filter { !$0.isWithin }.map(\.name)
      #expect(failed == (wrong == "output" ? ["output", "output, step by step"] : [wrong]))
    }
    let renamed = try Safetensors(path: Self.small)
    let tensors = try renamed.names.map { ($0 == wrong ? $0 + ".other" : $0, try renamed.tensor($0)) }
    try Safetensors.write(tensors, to: space.file("renamed"))
    if wrong == "output" {
      #expect(throws: FileError.self) { try Parity.reports(path: space.file("renamed")) }
    } else {
      #expect(try Parity.reports(path: space.file("renamed"))[0].lines.contains { !$0.isWithin })
    }
  }

  /// What a recording lacks is said: where it may be lacking it is no failure, where it must be there it is one.
  @Test func whatIsNotThere() throws {
    let space = try Workspace()
    #expect(try Parity.reports(path: Self.small)[0].missing.isEmpty)
    let less = try Parity.reports(
      path: changed(space) { name, tensor in
        ["final.", "step.", "grad.initial."].contains { name.hasPrefix($0) } ? nil : tensor
      })[0]
    #expect(less.lines.allSatisfy { $0.isWithin })
    #expect(
      less.missing == [
        "final.conv_state", "final.ssm_state", "grad.initial.conv_state", "grad.initial.ssm_state", "step.output",
        "step.conv_state.T", "step.ssm_state.T",
      ])
    let bare = try Parity.reports(path: changed(space) { $0 == "grad.D" ? nil : $1 })[0]
    #expect(bare.lines.filter { !$0.isWithin }.map(\.name) == ["grad.D (not in the file)"])
  }

  /// A reference that strays from one tensor says nothing of another; only a state's parts are one.
  @Test func everyTensorHasItsTolerance() {
    func golden(_ errors: String) -> Networks.Golden { Networks.Golden(path: "g", tensors: [:], metadata: ["f32_error": errors]) }
    let one = golden(#"{"grad.D": 2e-5, "output": 9e-6}"#), state = golden(#"{"step.ssm_state.4": 2e-5}"#)
    for (golden, loose) in [(one, ["grad.D"]), (state, ["step.ssm_state.4", "step.conv_state.0", "final.angle_state"])] {
      for name in ["output", "grad.D", "grad.initial.ssm_state", "step.ssm_state.4", "step.conv_state.0", "final.angle_state"] {
        #expect(golden.tolerance(of: name) == (loose.contains(name) ? 1e-4 : 1e-5), "\(name)")
      }
    }
    #expect(golden("oops").tolerance(of: "output") == 1e-5)
  }

  /// As many numbers in another shape are other numbers.
  @Test func shapesCount() throws {
    let space = try Workspace()
    let lines = try Parity.reports(
      path: changed(space) { $0 == "output" ? .init(shape: [$1.values.count, 1], values: $1.values) : $1 })[0].lines
    #expect(
      lines.filter { !$0.isWithin }.map(\.name)
        == ["output", "output, step by step"].map { "\($0) (of shape [432, 1] in the file; [2, 9, 24] is needed)" })
    let flat = try changed(space) { $0 == "upstream" ? .init(shape: [$1.values.count], values: $1.values) : $1 }
    let error = #expect(throws: FileError.self) { try Parity.reports(path: flat) }
    #expect(error?.description.contains("upstream has shape [432]; that of output, [2, 9, 24], is needed") == true)
  }

  /// A language model's recording: an empty continuation fails, one that is not there is said, and a strange token's line names
  /// the file.
  @Test func badTokens() throws {
    let space = try Workspace(), folder = packageRoot + "/Tests/NetworksTests/Golden/sequence/lm-mamba"
    try FileManager.default.copyItem(atPath: folder + "/hf/model.safetensors", toPath: space.file("model.safetensors"))
    let golden = try Safetensors(path: folder + "/golden.safetensors"), logits = try golden.tensor("logits")
    let ids = try golden.integers("input_ids")
    func report(_ ids: [Int], greedy: [Int]?) throws -> Parity.Report {
      func bytes<Value>(_ values: [Value]) -> [UInt8] { values.withUnsafeBytes { Array($0) } }
      var tensors = [
        (name: "logits", type: "F32", shape: logits.shape, bytes: bytes(logits.values)),
        (name: "input_ids", type: "I64", shape: [1, ids.count], bytes: bytes(ids.map { Int64($0) })),
      ]
      if let greedy { tensors.append(("greedy", "I64", [greedy.count], bytes(greedy.map { Int64($0) }))) }
      return try Parity.reports(path: space.write("golden.safetensors", safetensorsFile(tensors)))[0]
    }
    let empty = try report(ids.values, greedy: [])
    #expect(empty.lines.filter { !$0.isWithin }.map(\.name) == ["greedy (0 tokens)"])
    let none = try report(ids.values, greedy: nil)
    #expect(none.lines.allSatisfy { $0.isWithin } && none.missing == ["hidden.0", "hidden.1", "hidden.norm", "greedy"])
    let error = #expect(throws: FileError.self) { try report([1, 64], greedy: nil) }
    #expect(
      error?.description == "\(space.file("golden.safetensors")): input_ids: the token 64 is none of the model's, 0 to 63")
  }

  @Test func badRecordings() throws {
    let space = try Workspace()
    func refusal(_ change: (String, Safetensors.Tensor) -> Safetensors.Tensor?) throws -> String {
      let path = try changed(space, change)
      return (#expect(throws: FileError.self) { try Parity.reports(path: path) })?.description ?? ""
    }
    #expect(try refusal { $0 == "input" ? .init(shape: [2, 0, 24], values: []) : $1 }.contains("input has shape [2, 0, 24]"))
    #expect(try refusal { $0 == "input" ? nil : $1 }.contains("has no tensor input"))
    #expect(try refusal { $0 == "upstream" ? .init(shape: [1], values: [0]) : $1 }.contains("upstream has shape [1]"))
    #expect(try refusal { $0 == "weight.A_log" ? nil : $1 }.contains("holds no model known here"))
    #expect(try refusal { $0 == "weight.D" ? nil : $1 }.contains("has no tensor D"))
    #expect(try refusal { $0.hasPrefix("weight.") ? nil : $1 }.contains("it is no golden"))
    #expect(
      try refusal { name, tensor in
        name == "initial.ssm_state" ? .init(shape: [2, 8, 48], values: tensor.values) : tensor
      }.contains("has the state ssm of shape [2, 8, 48]; [2, 48, 8] is needed"))
    #expect(try refusal { $0 == "initial.conv_state" ? nil : $1 }.contains("has the state conv not; [2, 48, 4] is needed"))
    let reset = try changed(space) { $0 == "final.ssm_state" ? nil : $1 }
    let file = try Safetensors(path: reset)
    for (values, problem) in [([Float](repeating: 0.5, count: 18), "reset contains 0.5"), ([1, 0], "reset has shape [1, 2]")] {
      let shape = values.count == 18 ? [2, 9] : [1, 2]
      try Safetensors.write(
        try file.names.map { ($0, try file.tensor($0)) } + [("reset", .init(shape: shape, values: values))], to: space.file("r"))
      let error = #expect(throws: FileError.self) { try Parity.reports(path: space.file("r")) }
      #expect(error?.description.contains(problem) == true)
    }
  }
}
