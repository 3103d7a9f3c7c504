/// A torso over a list of entities, and a network of several members: stepped as the whole window, read back from its own file,
/// and what each promises.
import Autograd
import Kernels
import Networks
import Randomness
import Records
import TestSupport
import Testing

@Suite struct MembersAndEntitiesTests {
  private static let entities = 4, features = 3, rest = 2, time = 4
  private static var observationSize: Int { entities * features + rest }

  private func network(_ kind: EncoderKind, members: Int, layerNorm: Bool = false) -> QNetwork {
    var sizes = NetworkSizes(
      encoder: kind, observationSize: Self.observationSize, actionCount: 3, windowLength: Self.time, hiddenSize: 7,
      modelSize: 8, stateSize: 4, residual: kind != .dqn, layerNorm: layerNorm)
    (sizes.entities, sizes.entityFeatures, sizes.members) = (Self.entities, Self.features, members)
    var generator = SplitMix64(seed: 7)
    return QNetwork(sizes, &generator)
  }

  /// Presence is the first feature of each entity.
  private func observation(_ generator: inout SplitMix64) -> [Float] {
    (0..<Self.observationSize).map { i in
      i < Self.entities * Self.features && i % Self.features == 0
        ? (generator.uniform() < 0.6 ? 1 : 0) : Float(generator.uniform(-1, 1))
    }
  }

  @Test(arguments: [EncoderKind.dqn, .mamba], [1, 3]) func stepsEqualTheWindow(_ kind: EncoderKind, _ members: Int) throws {
    let network = network(kind, members: members, layerNorm: members == 1)
    let stepper = try #require(WindowStepper(network))
    var generator = SplitMix64(seed: 8)
    let first = observation(&generator)
    var window = Array(repeating: first, count: Self.time).flatMap { $0 }
    stepper.begin(first)
    for _ in 0..<20 {
      let expected = network.evaluate(window, batch: 1, time: Self.time)
      for action in 0..<3 { #expect(abs(stepper.values[action] - expected.q[action]) < 1e-6) }
      let next = observation(&generator)
      window = Array(window.dropFirst(Self.observationSize)) + next
      stepper.push(next)
    }
  }

  @Test(arguments: [EncoderKind.dqn, .mamba], [1, 3]) func readsItsOwnFile(_ kind: EncoderKind, _ members: Int) throws {
    let space = try Workspace(), path = space.file("model.safetensors"), written = network(kind, members: members)
    let tensors = zip(written.block.names, written.block.parameters).map {
      (name: $0, tensor: Safetensors.Tensor(shape: $1.shape, values: Array($1.values)))
    }
    var metadata = ["entities": "\(Self.entities)", "residual": "\(kind != .dqn)"]
    try Safetensors.write(tensors, metadata: metadata, to: path)
    let read = try QNetwork(Safetensors(path: path), windowLength: Self.time)
    #expect(read.sizes.members == members && read.sizes.entities == Self.entities)
    var generator = SplitMix64(seed: 9)
    let windows = (0..<2 * Self.time).flatMap { _ in observation(&generator) }
    #expect(
      read.evaluate(windows, batch: 2, time: Self.time).q == written.evaluate(windows, batch: 2, time: Self.time).q)
    metadata["entities"] = nil
    try Safetensors.write(tensors, metadata: metadata, to: path)
    #expect(throws: FileError.self) { try QNetwork(Safetensors(path: path), windowLength: Self.time) }
  }

  @Test func orderAndAbsentEntitiesDoNotMatter() {
    let network = network(.dqn, members: 1)
    var generator = SplitMix64(seed: 10)
    for _ in 0..<20 {
      let x = observation(&generator)
      var swapped = x, changed = x
      let f = Self.features
      for i in 0..<f { swapped.swapAt(f + i, 3 * f + i) }
      for entity in 1..<Self.entities where x[entity * f] == 0 { changed[entity * f + 1] += 5 }
      let q = network.evaluate(x, batch: 1, time: 1).q
      for (a, b) in zip(q, network.evaluate(swapped, batch: 1, time: 1).q) { #expect(abs(a - b) < 1e-6) }
      #expect(network.evaluate(changed, batch: 1, time: 1).q == q)
    }
  }

  @Test func actsOnTheMean() {
    let network = network(.mamba, members: 3)
    var generator = SplitMix64(seed: 11)
    let window = (0..<Self.time).flatMap { _ in observation(&generator) }
    let tape = Tape()
    let each = window.withUnsafeBufferPointer { buffer in
      network.members.map { member in
        tape.withoutGradient {
          member(Tensor(data: buffer.baseAddress!, rows: Self.time, columns: Self.observationSize), time: Self.time, on: tape).q
        }  // never empty
      }
    }
    let mean = network.evaluate(window, batch: 1, time: Self.time).q
    #expect(each[0][0, 0] != each[1][0, 0])
    for action in 0..<3 {
      #expect(abs(mean[action] - each.reduce(0) { $0 + $1[0, action] } / 3) < 1e-6)
    }
  }
}
