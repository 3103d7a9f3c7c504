/// Whole-stack proof against PyTorch: outputs, every gradient under a random upstream gradient, then ten learner updates.
/// The goldens are made by Golden/make_goldens.py; where a tolerance fails after a change of that script, make them anew.
import Agents
import Autograd
import Foundation
import Layers
import Networks
import Randomness
import Records
import Replay
import TestSupport
import Testing

struct Golden: CustomTestStringConvertible, Sendable {
  var file: String
  var encoder: EncoderKind
  /// Where the file lies; nil in this bundle.
  var folder: String?
  var testDescription: String { file }

  /// Every `KIND-lunar.safetensors` in the folder that MAMBA_GOLDEN_FULL names (`make_goldens.py FOLDER SEED --full`):
  /// megabytes that are not kept here.
  static let full: [Golden] = {
    guard let folder = ProcessInfo.processInfo.environment["MAMBA_GOLDEN_FULL"] else { return [] }
    let files = (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []
    let goldens = files.sorted().compactMap { name -> Golden? in
      guard name.hasSuffix("-lunar.safetensors"),
        let encoder = Architecture.named(String(name.prefix { $0 != "-" }))?.kind
      else { return nil }
      return Golden(file: String(name.dropLast(".safetensors".count)), encoder: encoder, folder: folder)
    }
    if goldens.isEmpty { fatalError("MAMBA_GOLDEN_FULL=\(folder) holds no KIND-lunar.safetensors") }
    return goldens
  }()
}

@Suite struct GoldenNetworkTests {
  static let goldens =
    [
      Golden(file: "dqn", encoder: .dqn), Golden(file: "mamba", encoder: .mamba), Golden(file: "mamba-odd", encoder: .mamba),
      Golden(file: "lstm", encoder: .lstm), Golden(file: "transformer", encoder: .transformer),
    ] + Golden.full

  struct Settings: Decodable {
    var obs, hidden, d_model, actions, L, d_state, batch: Int
    var lr, gamma, clip: Double
  }

  private func open(_ golden: Golden) throws -> (GoldenTensors, Settings, QNetwork) {
    let url = try #require(
      golden.folder.map { URL(filePath: $0).appending(path: golden.file + ".safetensors") }
        ?? Bundle.module.url(forResource: "Golden/\(golden.file)", withExtension: "safetensors"))
    let tensors = try GoldenTensors(url)
    let settings = try JSONDecoder().decode(Settings.self, from: Data(try #require(tensors.metadata["settings"]).utf8))
    return (tensors, settings, try network(golden, tensors, settings))
  }

  private func network(_ golden: Golden, _ tensors: GoldenTensors, _ settings: Settings) throws -> QNetwork {
    var generator = SplitMix64(seed: 1)
    let network = QNetwork(
      NetworkSizes(
        encoder: golden.encoder, observationSize: settings.obs, actionCount: settings.actions, windowLength: settings.L,
        hiddenSize: settings.hidden, modelSize: settings.d_model, stateSize: settings.d_state), &generator)
    var names: Set<String> = []
    network.forEachParameter { name, parameter in
      names.insert("weight." + name)
      #expect(tensors.shape("weight." + name) == parameter.shape, "\(name)")
      for (i, value) in tensors.floats("weight." + name).enumerated() { parameter.values[i] = value }
    }
    #expect(names == Set(tensors.names.filter { $0.hasPrefix("weight.") }))
    return network
  }

  private func tensor(_ tape: Tape, _ values: [Float], columns: Int) -> Tensor {
    let data = tape.floats(values.count)
    data.update(from: values, count: values.count)
    return Tensor(data: data, rows: values.count / columns, columns: columns)
  }

  @Test(arguments: goldens) func outputsAndGradients(_ golden: Golden) throws {
    let (tensors, settings, network) = try open(golden)
    let tape = network.block.makeTape()
    let (q, latent) = network(tensor(tape, tensors.floats("input"), columns: settings.obs), time: settings.L, on: tape)
    for (actual, expected) in [(q.elements, "q"), (latent.elements, "latent")] {
      let difference = zip(actual, tensors.doubles(expected)).map { abs(Double($0) - $1) }.max() ?? .infinity
      #expect(difference <= 1e-5, "\(expected): \(difference)")
    }
    let upstream = tensors.floats("upstream")
    let gradient = try #require(q.gradient)
    for i in upstream.indices { gradient[i] = upstream[i] }
    tape.backward()
    network.forEachParameter { name, parameter in
      let difference = relativeDifference(
        Array(UnsafeBufferPointer(start: parameter.gradient(on: tape), count: parameter.count)), tensors.doubles("grad." + name))
      #expect(difference <= 1e-4, "gradient of \(name): \(difference)")
    }
  }

  /// Through `Learner.update` itself, not a copy of it.
  @Test(arguments: goldens) func tenUpdates(_ golden: Golden) throws {
    let (tensors, settings, network) = try open(golden)
    var config = ExperimentConfig()
    (config.learningRate, config.discount, config.gradientClip) = (settings.lr, settings.gamma, settings.clip)
    config.batchSize = settings.batch
    var generator = SplitMix64(seed: 2)
    let learner = Learner(sizes: network.sizes, config: config, generator: &generator)
    learner.online.block.copy(from: network.block)
    learner.syncTarget()
    let batch = Batch(
      windows: settings.batch, length: network.sizes.windowLength, observationSize: network.sizes.observationSize)
    for (memory, name) in [
      (batch.inputs, "batch.state"), (batch.nextInputs, "batch.next_state"), (batch.returns, "batch.reward"),
      (batch.weights, "batch.weight"),
    ] {
      let values = tensors.floats(name)
      memory.update(from: values, count: values.count)
    }
    for (row, action) in tensors.doubles("batch.action").enumerated() { batch.actions[row] = Int32(action) }
    for (row, done) in tensors.doubles("batch.done").enumerated() { batch.discounts[row] = Float(done != 0 ? 0 : settings.gamma) }
    var losses: [Double] = [], norms: [Double] = [], errors: [Double] = []
    for _ in 0..<10 {
      let (report, tdErrors) = try learner.update(batch)
      losses.append(Double(report.loss))
      norms.append(Double(report.gradientNorm))
      errors += (0..<settings.batch).map { Double(tdErrors[$0]) }
    }
    for (actual, name) in [(losses, "losses"), (norms, "grad_norms"), (errors, "td_errors")] {
      let expected = tensors.doubles(name)
      let scale = name == "td_errors" ? expected.map(abs).max() ?? 1 : 0
      for (i, (a, e)) in zip(actual, expected).enumerated() {
        #expect(abs(a - e) <= 1e-5 * max(abs(e), scale), "\(name)[\(i)]: \(a), PyTorch \(e)")
      }
    }
    learner.online.forEachParameter { name, parameter in
      let differences = zip(parameter.values, tensors.doubles("final." + name)).map { abs(Double($0) - $1) }
      for (i, difference) in differences.enumerated() {
        // Attention does not depend on a key's bias: its gradient is rounding noise, which AdamW scales up. PyTorch's own
        // float32 and float64 end 1.2e-4 apart there.
        let isKeyBias = name.hasSuffix("in_proj_bias") && i / (differences.count / 3) == 1
        #expect(difference <= (isKeyBias ? 1e-3 : 1e-5), "final \(name)[\(i)]: \(difference)")
      }
    }
  }
}
