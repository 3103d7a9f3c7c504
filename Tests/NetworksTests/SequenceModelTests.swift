/// Models recognised by their tensors' names and shapes, read at every position and from a state; language models in every dress.
import Autograd
import Foundation
import Kernels
import Layers
import Networks
import Randomness
import Records
import TestSupport
import Testing

@Suite struct SequenceModelTests {
  typealias Tensors = [(name: String, tensor: Safetensors.Tensor)]

  static func values(_ count: Int, _ generator: inout SplitMix64, _ bound: Double = 1) -> [Float] {
    (0..<count).map { _ in Float(generator.uniform(-bound, bound)) }
  }

  static func tensors(_ layer: some Layer, _ prefix: String = "") -> Tensors {
    var all: Tensors = []
    layer.forEachParameter { all.append((prefix + $0, .init(shape: $1.shape, values: Array($1.values)))) }
    return all
  }

  /// Blocks in odd sizes: width 1 of the convolution, one state, biases there and not, another rank, groups, angles.
  static func mixer(_ name: String, _ generator: inout SplitMix64) -> any SequenceLayer {
    switch name {
    case "mamba1": Mamba1(modelSize: 6, stateSize: 5, rank: 3, bias: true, convolutionBias: false, &generator)
    case "mamba1-narrow": Mamba1(modelSize: 6, stateSize: 1, convolutionWidth: 1, expansion: 1, &generator)
    case "mamba2":
      Mamba2(
        modelSize: 6, stateSize: 3, headSize: 4, convolutionWidth: 2, hasConvolutionBias: false, hasProjectionBias: true,
        &generator)
    case "mamba2-narrow": Mamba2(modelSize: 6, stateSize: 1, headSize: 1, convolutionWidth: 1, expansion: 1, &generator)
    case "mamba3": Mamba3(modelSize: 6, stateSize: 7, headSize: 3, groups: 2, ropeFraction: 0.9, isNormed: true, &generator)
    case "mamba3-mimo": Mamba3(modelSize: 6, stateSize: 4, headSize: 6, rank: 3, ropeFraction: 0.3, &generator)
    default: Mamba3(modelSize: 6, stateSize: 1, headSize: 1, ropeFraction: 0, &generator)
    }
  }
  static let mixers = ["mamba1", "mamba1-narrow", "mamba2", "mamba2-narrow", "mamba3", "mamba3-mimo", "mamba3-narrow"]

  /// What a layer makes of x [batch, time, width], all positions.
  static func outputs(_ layer: some SequenceLayer, _ x: [Float], batch: Int, time: Int) -> [Float] {
    let tape = Tape(), input = tape.constant(rows: batch * time, columns: layer.inputSize)
    input.values.update(from: x, count: x.count)
    let y = layer(input, SequenceShape(batch: batch, time: time), from: nil, reading: .all, on: tape).output
    return y.elements
  }

  /// A bare block, a stack and a stack with a norm after it are recognised, and are what they were.
  @Test(arguments: mixers) func blocksAndStacks(_ name: String) throws {
    let space = try Workspace(), (batch, time) = (2, 9)
    var generator = SplitMix64(seed: 3)
    let block = Self.mixer(name, &generator), stack = SequenceStack([ResidualBlock(block), ResidualBlock(block)])
    let x = Self.values(batch * time * 6, &generator)
    try Safetensors.write([("input", .init(shape: [batch, time, 6], values: x))], to: space.file("x"))
    func read(_ tensors: Tensors) throws -> [Float] {
      try Safetensors.write(tensors, to: space.file("model"))
      let reading = try SequenceReading(
        ModelFile.read(Safetensors(path: space.file("model"))), Safetensors(path: space.file("x")), from: nil)
      #expect(reading.outputs.map(\.name) == ["output"] && reading.outputs[0].tensor.shape == [batch, time, 6])
      return reading.outputs[0].tensor.values
    }
    let alone = Self.outputs(block, x, batch: batch, time: time).map(Double.init)
    #expect(relativeDifference(try read(Self.tensors(block)), alone) < 1e-6)
    let stacked = Self.outputs(stack, x, batch: batch, time: time)
    #expect(relativeDifference(try read(Self.tensors(stack, "_orig_mod.module.")), stacked.map(Double.init)) < 1e-6)
    let normed = try read(Self.tensors(stack) + [("norm_f.weight", .init(shape: [6], values: [2, 2, 2, 2, 2, 2]))])
    for row in 0..<batch * time {
      let part = stacked[row * 6..<row * 6 + 6].map(Double.init)
      let scale = 2 / (part.map { $0 * $0 }.reduce(0, +) / 6 + 1e-5).squareRoot()
      for i in 0..<6 { #expect(abs(Double(normed[row * 6 + i]) - part[i] * scale) < 1e-5) }
    }
  }

  /// embedding → blocks → norm → head, under either family's names, with wrappers' prefixes, with and without `backbone.`, tied
  /// or with a head of its own.
  @Test(arguments: mixers) func languageModel(_ name: String) throws {
    let space = try Workspace(), tokens = [3, 0, 10, 2, 2, 7], vocabulary = 11
    var generator = SplitMix64(seed: 4)
    let stack = SequenceStack([ResidualBlock(Self.mixer(name, &generator)), ResidualBlock(Self.mixer(name, &generator))])
    let norm = RMSNorm(6)
    for i in 0..<6 { norm.weight.values[i] = Float(1 + i) / 4 }
    let embedding = Self.values(vocabulary * 6, &generator), head = Self.values(vocabulary * 6, &generator)

    let hidden = Self.outputs(stack, tokens.flatMap { embedding[$0 * 6..<$0 * 6 + 6] }, batch: 1, time: tokens.count)
    func logits(_ head: [Float]) -> [Double] {
      (0..<tokens.count).flatMap { t in
        let part = hidden[t * 6..<t * 6 + 6].map(Double.init)
        let scale = 1 / (part.map { $0 * $0 }.reduce(0, +) / 6 + 1e-5).squareRoot()
        return (0..<vocabulary).map { v in
          (0..<6).reduce(0.0) { $0 + part[$1] * scale * Double(norm.weight.values[$1] * head[v * 6 + $1]) }
        }
      }
    }
    let ids = try writeIDs([tokens], space.file("ids"))
    func check(_ embeddingName: String, _ prefix: String, hasHead: Bool) throws {
      var tensors =
        Self.tensors(stack, prefix) + [(prefix + "norm_f.weight", .init(shape: [6], values: Array(norm.weight.values)))]
      tensors.append((embeddingName, .init(shape: [vocabulary, 6], values: embedding)))
      if hasHead {
        tensors.append(
          (
            prefix.replacingOccurrences(of: "backbone.", with: "") + "lm_head.weight",
            .init(shape: [vocabulary, 6], values: head)
          ))
      }
      try Safetensors.write(tensors, to: space.file("model"))
      let model = try ModelFile.read(Safetensors(path: space.file("model")))
      let reading = try SequenceReading(model, ids, from: nil)
      #expect(
        reading.outputs.map(\.name) == ["logits", "output"] && reading.outputs[0].tensor.shape == [1, tokens.count, vocabulary])
      let expected = logits(hasHead ? head : embedding)
      #expect(relativeDifference(reading.outputs[0].tensor.values, expected) < 1e-5)
      // Token by token.
      let generator = TokenGenerator(try #require(model as? LanguageModel))
      for token in tokens { try generator.read(token) }
      let last = expected.suffix(vocabulary)
      #expect(try generator.next(.greedy) == last.firstIndex(of: try #require(last.max())).map { $0 - last.startIndex })
    }
    try check("backbone.embeddings.weight", "backbone.", hasHead: false)
    try check("backbone.embedding.weight", "backbone.", hasHead: true)
    try check("embeddings.weight", "", hasHead: false)
    try check("module._orig_mod.backbone.embedding.weight", "module._orig_mod.backbone.", hasHead: true)
  }

  /// F64, F16 and BF16 hold what they hold: the logits are those of the rounded numbers.
  @Test(arguments: ["F64", "F16", "BF16"]) func types(_ type: String) throws {
    let space = try Workspace(), path = packageRoot + "/Tests/NetworksTests/Golden/sequence/lm-mamba/hf/model.safetensors"
    let original = try Safetensors(path: path), ids = try writeIDs([[5, 4, 3, 2, 1]], space.file("ids"))
    func bytes(_ value: Float) -> [UInt8] {
      switch type {
      case "F64": withUnsafeBytes(of: Double(value)) { Array($0) }
      case "F16": withUnsafeBytes(of: Float16(value)) { Array($0) }
      default: Array(withUnsafeBytes(of: value.bitPattern) { Array($0) }[2...])
      }
    }
    func rounded(_ value: Float) -> Float {
      switch type {
      case "F64": value
      case "F16": Float(Float16(value))
      default: Float(bitPattern: value.bitPattern & 0xffff_0000)
      }
    }
    let tensors = try original.names.map { ($0, try original.tensor($0)) }
    _ = try space.write("typed", safetensorsFile(tensors.map { ($0, type, $1.shape, $1.values.flatMap(bytes)) }))
    try Safetensors.write(tensors.map { ($0, .init(shape: $1.shape, values: $1.values.map(rounded))) }, to: space.file("rounded"))
    let readings = try ["typed", "rounded"].map {
      try SequenceReading(ModelFile.read(Safetensors(path: space.file($0))), ids, from: nil).outputs[0].tensor
    }
    #expect(readings[0] == readings[1] && readings[0].values.allSatisfy(\.isFinite))
  }

  /// A sequence cut anywhere with its state handed on, resets inside, is the sequence: of every kind of model.
  @Test(arguments: ["mamba1", "mamba2", "mamba3", "stack", "q", "parts", "language"]) func state(_ kind: String) throws {
    let space = try Workspace(), (batch, time, cut) = (2, 11, 4)
    var generator = SplitMix64(seed: 5)
    let model: any SequenceModel
    switch kind {
    case "stack": model = LayerModel(SequenceStack(Self.mixers.map { ResidualBlock(Self.mixer($0, &generator)) }))
    case "q":
      var sizes = NetworkSizes(
        encoder: .mamba, observationSize: 6, actionCount: 3, windowLength: 4, hiddenSize: 0, modelSize: 8, stateSize: 4)
      (sizes.norm, sizes.layers) = (.rms, 2)
      model = QNetwork(sizes, &generator)
    case "parts":
      var sizes = NetworkSizes(
        encoder: .mamba, observationSize: 6, actionCount: 2, windowLength: 4, hiddenSize: 5, modelSize: 8, stateSize: 4)
      (sizes.norm, sizes.partFeatures, sizes.headHidden) = (.rms, 2, 6)
      model = QNetwork(sizes, &generator)
    case "language":
      model = try ModelFile.read(
        Safetensors(path: packageRoot + "/Tests/NetworksTests/Golden/sequence/lm-mamba2/hf/model.safetensors"))
    default:
      let layer = Self.mixer(kind, &generator)
      model = LayerModel(layer)
    }
    let x = Self.values(batch * time * 6, &generator), tokens = (0..<batch * time).map { ($0 * 7) % 64 }
    let resets: [Float] = (0..<batch * time).map { [2, time + 5, time + 6].contains($0) ? 1 : 0 }
    func input(_ range: Range<Int>) throws -> Safetensors {
      func part<Value>(_ values: [Value], _ width: Int) -> [Value] {
        (0..<batch).flatMap { values[($0 * time + range.lowerBound) * width..<($0 * time + range.upperBound) * width] }
      }
      let path = space.file("part\(range.lowerBound)-\(range.upperBound)"), reset = part(resets, 1)
      let ids = part(tokens, 1).flatMap { withUnsafeBytes(of: Int64($0)) { Array($0) } }
      let floats = { (values: [Float]) in values.flatMap { withUnsafeBytes(of: $0) { Array($0) } } }
      try Data(
        safetensorsFile([
          ("input", "F32", [batch, range.count, 6], floats(part(x, 6))), ("input_ids", "I64", [batch, range.count], ids),
          ("reset", "F32", [batch, range.count], floats(reset)),
        ])
      ).write(to: URL(fileURLWithPath: path))
      return try Safetensors(path: path)
    }
    let whole = try SequenceReading(model, input(0..<time), from: nil)
    let first = try SequenceReading(model, input(0..<cut), from: nil)
    try Safetensors.write(first.state.map { ("state." + $0.name, $0.tensor) }, to: space.file("state"))
    let second = try SequenceReading(model, input(cut..<time), from: Safetensors(path: space.file("state")))
    for (index, output) in whole.outputs.enumerated() {
      let width = output.tensor.shape[2], parts = [first, second].map { $0.outputs[index].tensor }
      let joined = (0..<batch).flatMap { b in
        parts.flatMap { $0.values[b * $0.shape[1] * width..<(b + 1) * $0.shape[1] * width] }
      }
      #expect(relativeDifference(joined, output.tensor.values.map(Double.init)) < 1e-5)
    }
    #expect(!whole.state.isEmpty && whole.state.map(\.name) == second.state.map(\.name))
    for (a, b) in zip(whole.state, second.state) where !a.name.hasSuffix("angle") && a.tensor.values.contains(where: { $0 != 0 })
    {
      #expect(relativeDifference(b.tensor.values, a.tensor.values.map(Double.init)) < 1e-5, "\(a.name)")
    }
    // Resets count: without them something else comes out.
    let bare = try input(0..<time).renamed { $0 == "reset" ? nil : $0 }
    #expect(try SequenceReading(model, bare, from: nil).outputs[0].tensor != whole.outputs[0].tensor)
  }

  /// Read in pieces, of which nothing shows: as step by step, all hundred thousand of them.
  @Test func hundredThousandTokens() throws {
    let space = try Workspace(), time = 100_000
    var generator = SplitMix64(seed: 6)
    let layer = Mamba1(modelSize: 4, stateSize: 2, expansion: 1, &generator), x = Self.values(time * 4, &generator)
    try Safetensors.write([("input", .init(shape: [1, time, 4], values: x))], to: space.file("x"))
    let reading = try SequenceReading(LayerModel(layer), Safetensors(path: space.file("x")), from: nil)
    let stepper = layer.makeStepper()
    var state = [Float](repeating: 0, count: layer.stateLayout.count), outputs: [Double] = []
    x.withUnsafeBufferPointer { x in
      guard let start = x.baseAddress else { return }
      for t in 0..<time {
        let y = stepper.step(start + t * 4, state: &state)
        for i in 0..<4 { outputs.append(Double(y[i])) }
      }
    }
    #expect(relativeDifference(reading.outputs[0].tensor.values, outputs) < 1e-5)
    #expect(relativeDifference(reading.state.flatMap(\.tensor.values), state.map(Double.init)) < 1e-5)
  }

  /// Tokens appear as often as softmax(logits / temperature) says, of the K largest alone; the seed decides.
  @Test func sampling() throws {
    let model = try LanguageModel(
      Safetensors(path: packageRoot + "/Tests/NetworksTests/Golden/sequence/lm-mamba/hf/model.safetensors"))
    let space = try Workspace(), ids = try writeIDs([[40, 56]], space.file("ids"))
    let logits = try SequenceReading(model, ids, from: nil).outputs[0].tensor.values.suffix(64).map(Double.init)
    func draw(_ count: Int, _ choice: TokenGenerator.Choice, seed: UInt64) throws -> [Int] {
      let generator = TokenGenerator(model, seed: seed)
      for token in [40, 56] { try generator.read(token) }
      return try (0..<count).map { _ in try generator.next(choice) }
    }
    let order = logits.indices.sorted { logits[$0] > logits[$1] }
    for topK in [3, 64, 100] {
      let tokens = try draw(20_000, .sample(temperature: 0.8, topK: topK), seed: 1), allowed = order.prefix(topK)
      let total = allowed.map { exp(logits[$0] / 0.8) }.reduce(0, +)
      #expect(tokens.allSatisfy { allowed.contains($0) })
      for token in allowed {
        let share = exp(logits[token] / 0.8) / total
        // Five standard deviations.
        #expect(
          abs(Double(tokens.count { $0 == token }) / 20_000 - share) < 5 * (share * (1 - share) / 20_000).squareRoot() + 1e-4)
      }
    }
    let wide = TokenGenerator.Choice.sample(temperature: 1, topK: nil)
    #expect(try draw(50, wide, seed: 2) == draw(50, wide, seed: 2))
    #expect(try draw(50, wide, seed: 2) != draw(50, wide, seed: 3))
    #expect(try draw(50, .sample(temperature: 1, topK: 1), seed: 2) == Array(repeating: order[0], count: 50))
    #expect(try draw(50, .sample(temperature: 1e-3, topK: nil), seed: 2) == draw(50, .greedy, seed: 9))
  }

  /// Everything that is wrong is said in one line.
  @Test func refusals() throws {
    let space = try Workspace()
    var generator = SplitMix64(seed: 7)
    let block = Self.mixer("mamba2", &generator), own = Self.tensors(block)
    func message(_ body: () throws -> Void) -> String { (#expect(throws: FileError.self) { try body() })?.description ?? "" }
    func refusal(_ tensors: Tensors, config: String? = nil) throws -> String {
      try Safetensors.write(tensors, to: space.file("model"))
      try? FileManager.default.removeItem(atPath: space.file("config.json"))
      if let config { _ = try space.write("config.json", Array(config.utf8)) }
      return message { _ = try ModelFile.read(Safetensors(path: space.file("model"))) }
    }
    #expect(try refusal([("weight", .init(shape: [1], values: [0]))]).contains("holds no model known here"))
    #expect(try refusal(own.filter { $0.name != "D" }).contains("has no tensor D"))
    #expect(try refusal(own + [("E", .init(shape: [1], values: [0]))]).contains("has the tensor E, which"))
    #expect(try refusal(own + [("module.D", own[2].tensor)]).contains("has the tensor D under two names"))
    #expect(try refusal(own, config: #"{"n_groups": 2}"#).contains("3 heads and B and C in 2 groups"))
    #expect(try refusal(own, config: #"{"n_groups": 0}"#).contains("says 0 groups"))
    #expect(try refusal(own, config: #"{"layer_norm_epsilon": 1e-6}"#).contains("layer_norm_epsilon 1e-06"))
    #expect(try refusal(own, config: #"{"hidden_act": "gelu"}"#).contains("hidden_act gelu"))
    #expect(try refusal(own, config: #"{"time_step_limit": [0.1, Infinity]}"#).contains("time_step_limit [0.1, inf]"))
    #expect(try refusal(own, config: #"{"model_type": "falcon_mamba"}"#).contains("model_type falcon_mamba"))
    #expect(try refusal(own, config: "[").contains("no JSON object"))
    #expect(try refusal(own, config: #"{"ssm_cfg": {"norm_before_gate": true}}"#).contains("has norm_before_gate true"))
    #expect(try refusal(own, config: #"{"rms_norm": false}"#).contains("has rms_norm false"))
    #expect(try refusal(own, config: #"{"ssm_cfg": {"activation": "relu"}}"#).contains("has activation relu"))
    #expect(try refusal(own, config: #"{"ssm_cfg": {"layer": "Mamba1"}}"#).contains("has layer Mamba1; "))
    #expect(try refusal(own, config: #"{"model_type": "mamba"}"#).contains("is a Mamba2 block"))
    for size in ["-5", "0", "1.5", "\"64\"", "true", "1e30"] {
      #expect(try refusal(own, config: #"{"vocab_size": \#(size)}"#).contains("has vocab_size"), "\(size)")
    }
    // What changes nothing, and what transformers has and does not use.
    for config in [
      #"{"ssm_cfg": {"layer": "Mamba2", "norm_before_gate": false, "activation": "swish"}, "rms_norm": true, "n_layer": 24}"#,
      #"{"model_type": "mamba2", "norm_before_gate": true, "time_step_limit": [0.0, Infinity]}"#,
    ] {
      _ = try space.write("config.json", Array(config.utf8))
      try Safetensors.write(own, to: space.file("model"))
      #expect(throws: Never.self) { try ModelFile.read(Safetensors(path: space.file("model"))) }
    }
    let stack = Self.tensors(SequenceStack([ResidualBlock(block)]))
    #expect(try refusal(stack, config: #"{"num_hidden_layers": 5}"#).contains("has num_hidden_layers 5; "))
    let tied: Tensors =
      [("backbone.embedding.weight", .init(shape: [5, 6], values: Self.values(30, &generator)))]
      + Self.tensors(SequenceStack([ResidualBlock(block)]), "backbone.")
      + [("backbone.norm_f.weight", .init(shape: [6], values: [1, 1, 1, 1, 1, 1]))]
    #expect(try refusal(tied, config: #"{"tie_word_embeddings": false}"#).contains("has no tensor lm_head.weight"))
    #expect(throws: Never.self) {
      _ = try space.write("config.json", Array(#"{"tie_word_embeddings": true, "n_layer": 1}"#.utf8))
      _ = try ModelFile.read(Safetensors(path: space.file("model")))
    }
    #expect(try refusal(stack.filter { !$0.name.hasSuffix("A_log") }).contains("layers.0.mixer.* is no Mamba block"))
    let embedding: Tensors = [("backbone.embedding.weight", .init(shape: [5, 7], values: Self.values(35, &generator)))]
    #expect(
      try refusal(embedding + Self.tensors(SequenceStack([ResidualBlock(block)]), "backbone."))
        .contains("has shape [5, 7]; the first block reads 6 features"))
    #expect(try refusal(embedding).contains("has no tensors backbone.layers.0.mixer.*"))

    // Of a million channels and a million taps nothing is made, though each is in the file.
    let size = 1_000_000, shapes = ["A_log": [size, 1], "conv1d.weight": [1, 1, size], "dt_proj.weight": [size, 1]]
    let large = shapes.merging(["in_proj.weight": [2 * size, 1]]) { $1 }.map {
      (name: $0.key, type: "F8_E4M3", shape: $0.value, bytes: [UInt8](repeating: 0, count: $0.value.reduce(1, *)))
    }
    _ = try space.write("large", safetensorsFile(large))
    #expect(
      message { _ = try ModelFile.read(Safetensors(path: space.file("large"))) }
        .contains("it must be [1000000, 1, 1000000]"))

    // The sequence and the state.
    let model = LayerModel(SequenceStack([block]))
    func reading(_ tensors: Tensors, state: Tensors? = nil) throws -> String {
      try Safetensors.write(tensors, to: space.file("x"))
      if let state { try Safetensors.write(state, to: space.file("s")) }
      return message {
        _ = try SequenceReading(
          model, Safetensors(path: space.file("x")), from: state == nil ? nil : Safetensors(path: space.file("s")))
      }
    }
    let x: Tensors = [("input", .init(shape: [1, 2, 6], values: Self.values(12, &generator)))]
    #expect(try reading([("input", .init(shape: [1, 0, 6], values: []))]).contains("input has shape [1, 0, 6]"))
    #expect(try reading([("input", .init(shape: [1, 1, 5], values: [0, 0, 0, 0, 0]))]).contains("the network reads 6"))
    #expect(try reading([("input", .init(shape: [1, 1, 6], values: [0, 0, .nan, 0, 0, 0]))]).contains("input contains nan"))
    #expect(try reading(x + [("reset", .init(shape: [2], values: [0, 1]))]).contains("reset has shape [2]; [1, 2] is needed"))
    #expect(try reading(x + [("reset", .init(shape: [1, 2], values: [0, 2]))]).contains("reset contains 2.0"))
    #expect(try reading(x, state: [("other", .init(shape: [1], values: [0]))]).contains("has none of state.layers.0.conv"))
    let conv = ("state.layers.0.conv", Safetensors.Tensor(shape: [1, 18, 2], values: .init(repeating: 0, count: 36)))
    #expect(try reading(x, state: [conv]).contains("has the state layers.0.ssm not; [1, 3, 4, 3] is needed"))
    #expect(
      try reading(x, state: [conv, ("state.h", .init(shape: [1], values: [0]))]).contains("has state.h; this model's state"))
  }

  /// A cache of attention counts positions: what the layer makes goes on, and nothing else.
  @Test(arguments: [false, true]) func counters(_ hasParts: Bool) throws {
    let space = try Workspace(), context = 3
    var sizes = NetworkSizes(
      encoder: .transformer, observationSize: 6, actionCount: 2, windowLength: context, hiddenSize: hasParts ? 5 : 0,
      modelSize: 8)
    (sizes.norm, sizes.headSize, sizes.partFeatures, sizes.headHidden) = (.rms, 4, hasParts ? 2 : 0, hasParts ? 6 : 0)
    var generator = SplitMix64(seed: 8)
    let model = QNetwork(sizes, &generator)
    try Safetensors.write([("input", .init(shape: [1, 4, 6], values: Self.values(24, &generator)))], to: space.file("x"))
    let x = try Safetensors(path: space.file("x"))
    let state = try SequenceReading(model, x, from: nil).state
    let name = hasParts ? "parts" : "layers.0.count", part = try #require(state.first { $0.name == name })
    func go(_ count: Float) throws {
      var other = part
      other.tensor.values[part.tensor.values.count - 1] = count
      try Safetensors.write(
        state.map { ("state." + $0.name, $0.name == name ? other.tensor : $0.tensor) }, to: space.file("s"))
      _ = try SequenceReading(model, x, from: Safetensors(path: space.file("s")))
    }
    for count in 0..<2 * context { try go(Float(count)) }
    for count in [-1, 2.5, 6, 1e9, 1e30, -1e6] as [Float] {
      let error = #expect(throws: FileError.self, "\(count)") { try go(count) }
      #expect(error?.description.contains("counts \(count) positions; a whole number from 0 to 5 is needed") == true)
    }
  }

  /// Logits that are no numbers choose no token.
  @Test func noTokenFollows() throws {
    let space = try Workspace(), golden = packageRoot + "/Tests/NetworksTests/Golden/sequence/lm-mamba/hf/model.safetensors"
    let file = try Safetensors(path: golden)
    let tensors = try file.names.map { name in
      let tensor = try file.tensor(name), factor: Float = name.contains("mixer") ? 1e20 : 1
      return (name, Safetensors.Tensor(shape: tensor.shape, values: tensor.values.map { $0 * factor }))
    }
    try Safetensors.write(tensors, to: space.file("model"))
    for choice in [TokenGenerator.Choice.greedy, .sample(temperature: 1, topK: nil)] {
      let generator = TokenGenerator(try LanguageModel(Safetensors(path: space.file("model"))))
      for token in [1, 2] { try generator.read(token) }
      let error = #expect(throws: TokenGenerator.LogitsError.self) { try generator.next(choice) }
      #expect(error?.description.hasPrefix("after 2 tokens the logits contain ") == true)
    }
  }

  /// Whole numbers [batch, time] as `input_ids`.
  private func writeIDs(_ tokens: [[Int]], _ path: String) throws -> Safetensors {
    let bytes = tokens.flatMap { $0 }.flatMap { withUnsafeBytes(of: Int64($0)) { Array($0) } }
    try Data(safetensorsFile([("input_ids", "I64", [tokens.count, tokens[0].count], bytes)])).write(
      to: URL(fileURLWithPath: path))
    return try Safetensors(path: path)
  }
}

/// A safetensors file of any types.
func safetensorsFile(_ tensors: [(name: String, type: String, shape: [Int], bytes: [UInt8])]) -> [UInt8] {
  var offset = 0
  let fields = tensors.map { name, type, shape, bytes in
    defer { offset += bytes.count }
    return "\"\(name)\":{\"dtype\":\"\(type)\",\"shape\":\(shape),\"data_offsets\":[\(offset),\(offset + bytes.count)]}"
  }
  let header = Array("{\(fields.joined(separator: ","))}".utf8)
  return withUnsafeBytes(of: UInt64(header.count)) { Array($0) } + header + tensors.flatMap(\.bytes)
}
