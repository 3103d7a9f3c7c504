/// Every encoder, reading windows and with a recurrent state, exported and held against our own acting: the same Q-values,
/// latents and actions over two episodes.
import Agents
import Export
import Foundation
import Networks
import Randomness
import Records
import TestSupport
import Testing

struct ExportCase: CustomStringConvertible, Sendable {
  var kind: EncoderKind
  var isStack = false, isRecurrent = false, isRich = false
  var window = 4
  var description: String {
    kind.rawValue + (isStack ? "-stack" : "") + (isRecurrent ? "-recurrent" : "") + (isRich ? "-rich" : "") + "-\(window)"
  }

  /// Windows alone and of stacks, and the recurrent forms; windows shorter and longer than Mamba's filter, and of a single
  /// observation; one with everything else: several members over a list of entities, norms, a dueling head with a hidden layer.
  static let all: [ExportCase] =
    Architecture.all.map(\.kind).flatMap { kind in
      [
        ExportCase(kind: kind), ExportCase(kind: kind, isStack: true), ExportCase(kind: kind, isStack: true, isRecurrent: true),
      ] + (kind == .transformer ? [] : [ExportCase(kind: kind, isRecurrent: true)])
    } + [ExportCase(kind: .mamba, isRich: true)] + [1, 2, 5, 7].map { ExportCase(kind: .mamba, window: $0) }
    + [EncoderKind.lstm, .transformer].map { ExportCase(kind: $0, window: 1) }

  static let actions = 3
  var observationSize: Int { isRich ? 3 * 4 + 2 : 5 }

  /// The weights file of a random network, in `folder`.
  func write(to folder: String) throws -> Safetensors {
    let inputs = isRecurrent ? "observation,action,reward,differences" : isRich ? "observation,action" : "observation"
    let size = InputDescription(inputs)?.size(observation: observationSize, actions: Self.actions) ?? 0
    var sizes = NetworkSizes(
      encoder: kind, observationSize: size, actionCount: Self.actions, windowLength: window, hiddenSize: isStack ? 0 : 12,
      modelSize: 16, stateSize: 6, residual: !isStack, layerNorm: isRich, dueling: isRich)
    (sizes.norm, sizes.layers, sizes.headSize) = (isStack ? .rms : .none, isStack ? 2 : 1, 4)
    (sizes.headHidden, sizes.members) = (isStack || isRich ? 10 : 0, isRich ? 3 : 1)
    if isRich { (sizes.entities, sizes.entityFeatures) = (3, 4) }
    var generator = SplitMix64(seed: 11)
    let network = QNetwork(sizes, &generator)
    // Away from the start, where norms are 1 and states hardly move.
    for (name, parameter) in zip(network.block.names, network.block.parameters) {
      let shift = name.contains("dt_") && name.hasSuffix("bias") ? 3.0 : 0
      for i in 0..<parameter.count { parameter.values[i] += Float(shift + generator.uniform(-0.2, 0.2)) }
    }
    var tensors = zip(network.block.names, network.block.parameters).map {
      (name: $0, tensor: Safetensors.Tensor(shape: $1.shape, values: Array($1.values)))
    }
    var metadata = [
      "headSize": "4", "windowLength": "\(window)", "inputs": inputs, "rewardScale": "0.3", "environment": "LunarLander-v3",
    ]
    if !isStack { metadata["residual"] = "true" }
    if isRich { metadata["entities"] = "3" }
    if isRecurrent {
      metadata["replay"] = "sequence"
      for name in ["scale", "difference_scale"] {
        let values = (0..<observationSize).map { _ in Float(generator.uniform(0.5, 2)) }
        tensors.append((QNetwork.inputPrefix + name, .init(shape: [observationSize], values: values)))
      }
    }
    let path = "\(folder)/model.safetensors"
    try Safetensors.write(tensors, metadata: metadata, to: path)
    return try Safetensors(path: path)
  }

  /// Two episodes of steps into FOLDER/steps, and what our own agent answers at each: action, Q-values, latent.
  func act(_ file: Safetensors, in folder: String) throws -> [[Float]] {
    let network = try QNetwork(file, windowLength: window)
    let encoder = try ObservationEncoder(file, inputSize: network.sizes.observationSize, actionCount: Self.actions)
    let agent = ActingState(network, encoder: encoder, stepping: true, recurrent: isRecurrent)
    var generator = SplitMix64(seed: 12)
    var lines = "", answers: [[Float]] = []
    for step in 0..<24 {
      var observation = (0..<observationSize).map { _ in Float(generator.uniform(-2, 2)) }
      if isRich { (observation[4], observation[8]) = (step % 3 == 0 ? 0 : 1, step % 4 == 0 ? 0 : 1) }
      let action = Int(generator.next(upperBound: UInt64(Self.actions))), reward = Float(generator.uniform(-3, 3))
      let isFirst = step == 0 || step == 15
      lines += "\(isFirst ? 1 : 0) \(action) \(reward) " + observation.map { "\($0)" }.joined(separator: " ") + "\n"
      if isFirst { agent.begin(observation) } else { agent.observe(observation, after: action, reward: reward) }
      let (q, latent) = agent.evaluate()
      answers.append(
        [Float(agent.greedyAction())] + (0..<Self.actions).map { q[$0] } + (0..<agent.latentSize).map { latent[$0] })
    }
    try lines.write(toFile: "\(folder)/steps", atomically: true, encoding: .utf8)
    return answers
  }
}

@Suite struct ExportedAgentTests {
  @Test func aNetworkOverPartsIsRefused() throws {
    let space = try Workspace(), path = space.file("model.safetensors")
    var sizes = NetworkSizes(
      encoder: .mamba, observationSize: 6, actionCount: 3, windowLength: 4, hiddenSize: 5, modelSize: 8, stateSize: 4)
    (sizes.partFeatures, sizes.headHidden) = (2, 4)
    var generator = SplitMix64(seed: 13)
    let network = QNetwork(sizes, &generator)
    let tensors = zip(network.block.names, network.block.parameters).map {
      (name: $0, tensor: Safetensors.Tensor(shape: $1.shape, values: Array($1.values)))
    }
    try Safetensors.write(tensors, metadata: ["parts": "3"], to: path)
    let error = #expect(throws: FileError.self) { try ExportedAgent(Safetensors(path: path)) }
    #expect(error?.description.contains("perAction=true") ?? false)
  }

  private static let folder = packageRoot + "/Tests/ExportTests"

  private func compare(_ text: String, _ expected: [[Float]], _ name: String) {
    let actual = text.split(separator: "\n").map { $0.split(separator: " ").compactMap { Float($0) } }
    guard actual.map(\.count) == expected.map(\.count) else {
      Issue.record("\(name): \(actual.count) answers for \(expected.count) steps")
      return
    }
    let largest = expected.flatMap { $0.dropFirst().map(abs) }.max() ?? 0
    let difference = zip(actual, expected).flatMap { zip($0, $1).map { abs($0 - $1) } }.max() ?? .infinity
    #expect(largest > 0.01 && difference <= 1e-5 * max(largest, 1), "\(name): \(difference) of \(largest)")
    #expect(actual.map { $0[0] } == expected.map { $0[0] }, "\(name): actions")
  }

  @Test func step() throws {
    let space = try Workspace(), program = space.file("agent_test")
    for agent in ExportCase.all {
      let folder = space.file(agent.description)
      try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
      let file = try agent.write(to: folder), expected = try agent.act(file, in: folder)
      #expect(try ExportedAgent(file).writeStep(to: folder) == ["\(folder)/agent.h", "\(folder)/agent.weights"])
      if !FileManager.default.fileExists(atPath: program) {
        let source = Self.folder + "/agent_test.c"
        let options = ["-O2", "-Wall", "-Wextra", "-Werror", "-I\(folder)"]
        let built = try run("/usr/bin/env", ["cc", "-std=c99"] + options + ["-o", program, source, "-lm"])
        #expect(built.status == 0, "\(built.error)")
        let plusPlus = try run("/usr/bin/env", ["c++", "-x", "c++"] + options + ["-c", "-o", space.file("object"), source])
        #expect(plusPlus.status == 0, "\(plusPlus.error)")
      }
      let result = try run(program, ["\(folder)/agent.weights", "\(folder)/steps"])
      #expect(result.status == 0, "\(agent): \(result.error)")
      compare(result.output, expected, "\(agent)")
      // Cut anywhere, it is refused.
      let whole = try #require(FileManager.default.contents(atPath: "\(folder)/agent.weights"))
      for count in [3, 300, whole.count - 1] {
        try whole.prefix(count).write(to: URL(fileURLWithPath: "\(folder)/cut"))
        let cut = try run(program, ["\(folder)/cut", "\(folder)/steps"])
        #expect(cut.status == 1 && cut.error.contains("not a weights file"), "\(agent) cut at \(count): \(cut.error)")
      }
    }
  }

  /// Where Debian's wasi-libc and libclang-rt-*-dev-wasm32 are installed: the same C in Swift's own WebAssembly runtime, whose
  /// pointers have 32 bits.
  @Test(.enabled(if: WebAssembly.builtins != nil, "no WebAssembly: apt-get install wasi-libc and libclang-rt-*-dev-wasm32"))
  func webAssembly() throws {
    let space = try Workspace(), program = space.file("agent_test.wasm"), object = space.file("agent_test.o")
    for agent in ExportCase.all where agent.isRecurrent || agent.isRich {
      let folder = space.file(agent.description)
      try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
      let file = try agent.write(to: folder), expected = try agent.act(file, in: folder)
      _ = try ExportedAgent(file).writeStep(to: folder)
      if !FileManager.default.fileExists(atPath: program) {
        let options = ["-O2", "-Wall", "-Wextra", "-Werror", "-I\(folder)", "-c", "-o", object, Self.folder + "/agent_test.c"]
        let compiled = try run(
          "/usr/bin/env", ["clang", "--target=wasm32-wasi", "-isystem", WebAssembly.headers, "-std=c99"] + options)
        #expect(compiled.status == 0, "\(compiled.error)")
        let library = WebAssembly.library
        let linked = try run(
          "/usr/bin/env",
          [
            "wasm-ld", "-o", program, "\(library)/crt1-command.o", object, "-L\(library)", "-lc", "-lm",
            WebAssembly.builtins ?? "",
          ])
        #expect(linked.status == 0, "\(linked.error)")
      }
      let result = try run(
        "/usr/bin/env", ["wasmkit", "run", "--dir", folder, program, "\(folder)/agent.weights", "\(folder)/steps"])
      #expect(result.status == 0, "\(agent): \(result.error)")
      compare(result.output, expected, "\(agent)")
    }
  }

  @Test(arguments: ["torch", "onnx"]) func throughPython(_ form: String) throws {
    let space = try Workspace()
    var expected: [(folder: String, answers: [[Float]])] = []
    for agent in ExportCase.all {
      let folder = space.file(agent.description)
      try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
      let file = try agent.write(to: folder)
      expected.append((folder, try agent.act(file, in: folder)))
      #expect(try ExportedAgent(file).writeTorch(to: folder) == ["\(folder)/agent.py", "\(folder)/agent.safetensors"])
    }
    let script = try String(contentsOfFile: Self.folder + "/agent_test.py", encoding: .utf8)
    let result = try python(script, [form, packageRoot + "/Sources/Export/Resources"] + expected.map(\.folder))
    #expect(result.status == 0, "\(result.error) (`make exporters` installs the packages)")
    for (folder, answers) in expected {
      compare((try? String(contentsOfFile: folder + "/out", encoding: .utf8)) ?? "", answers, folder)
    }
  }
}

private enum WebAssembly {
  static let headers = "/usr/include/wasm32-wasi", library = "/usr/lib/wasm32-wasi"

  /// The compiler's runtime for it, where that and a C library are installed.
  static let builtins: String? = {
    guard FileManager.default.fileExists(atPath: library + "/libc.a"),
      let found = try? run(
        "/bin/sh", ["-c", "command -v wasmkit wasm-ld >&2 && ls /usr/lib/llvm-*/lib/clang/*/lib/wasi/*builtins-wasm32.a"])
    else { return nil }
    return found.status == 0 ? found.output.split(separator: "\n").first.map(String.init) : nil
  }()
}
