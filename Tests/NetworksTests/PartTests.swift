/// An observation with a part for each action: read, remembered and valued alike wherever it stands, and as one network.
import Autograd
import Kernels
import Layers
import Networks
import Randomness
import Records
import TestSupport
import Testing

@Suite struct PartTests {
  private static let parts = 5, features = 3, time = 6
  /// A part's features, whether it was acted on last, and the last reward.
  private static var observationSize: Int { parts * (features + 1) + 1 }
  private static let kinds = ["dqn", "lstm", "gru", "transformer", "mamba", "mamba2", "mamba3"]

  private func network(_ kind: String, norm: BlockNorm = .rms, residual: Bool = false) -> QNetwork {
    var sizes = NetworkSizes(
      encoder: EncoderKind(rawValue: kind), observationSize: Self.observationSize, actionCount: Self.parts,
      windowLength: Self.time, hiddenSize: 7, modelSize: 8, stateSize: 4, residual: residual)
    (sizes.partFeatures, sizes.norm, sizes.headSize, sizes.headHidden) = (Self.features, norm, 4, 6)
    var generator = SplitMix64(seed: 21)
    return QNetwork(sizes, &generator)
  }

  private func inputs(_ rows: Int, seed: UInt64 = 22) -> [Float] {
    var generator = SplitMix64(seed: seed)
    return (0..<rows * Self.observationSize).map { _ in Float(generator.uniform(-1, 1)) }
  }

  /// The same observations with the parts in another order: `order[p]` is the part that now stands at p.
  private func reordered(_ x: [Float], _ order: [Int]) -> [Float] {
    let size = Self.observationSize, behind = Self.parts * Self.features
    return x.indices.map { index in
      let row = index / size * size, i = index - row
      if i < behind { return x[row + order[i / Self.features] * Self.features + i % Self.features] }
      return i < behind + Self.parts ? x[row + behind + order[i - behind]] : x[index]
    }
  }

  private func sequence(
    _ network: QNetwork, _ x: [Float], batch: Int, begins: [UInt8], state: [Float]? = nil
  ) -> (q: [Float], latent: [Float], state: [Float]) {
    let tape = Tape(), time = x.count / Self.observationSize / batch
    return x.withUnsafeBufferPointer { x in
      begins.withUnsafeBufferPointer { begins in
        tape.withoutGradient {
          let from = state.map { values in
            let tensor = tape.constant(rows: batch, columns: values.count / batch)
            tensor.values.update(from: values, count: values.count)
            return tensor
          }
          let (q, latent, state) = network.members[0](
            Tensor(data: x.baseAddress!, rows: batch * time, columns: Self.observationSize),  // never empty
            SequenceShape(batch: batch, time: time, begins: begins.baseAddress), from: from, on: tape)
          return (q.elements, latent.elements, state?.elements ?? [])
        }
      }
    }
  }

  @Test(arguments: kinds) func anotherOrderGivesTheSameInThatOrder(_ kind: String) {
    let order = [3, 0, 4, 1, 2], network = network(kind), x = inputs(2 * Self.time), moved = reordered(x, order)
    let begins: [UInt8] = [0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 0]
    let plain = sequence(network, x, batch: 2, begins: begins), other = sequence(network, moved, batch: 2, begins: begins)
    let window = network.evaluate(x, batch: 2, time: Self.time).q
    let otherWindow = network.evaluate(moved, batch: 2, time: Self.time).q
    for row in 0..<2 * Self.time {
      for part in 0..<Self.parts {
        #expect(abs(other.q[row * Self.parts + part] - plain.q[row * Self.parts + order[part]]) < 1e-5)
      }
    }
    for row in 0..<2 {
      for part in 0..<Self.parts {
        #expect(abs(otherWindow[row * Self.parts + part] - window[row * Self.parts + order[part]]) < 1e-5)
      }
    }
    for (a, b) in zip(plain.latent, other.latent) { #expect(abs(a - b) < 1e-5) }
    #expect(Set(plain.q).count > Self.parts)
  }

  /// Unrolled steps, and a sequence cut in two, episodes that begin inside included.
  @Test(arguments: kinds) func stepsEqualTheSequence(_ kind: String) throws {
    let network = network(kind), x = inputs(2 * Self.time), size = Self.observationSize
    let begins: [UInt8] = [1, 0, 0, 0, 1, 0, 0, 1, 0, 0, 0, 0], whole = sequence(network, x, batch: 1, begins: begins)
    let stepper = try #require(RecurrentStepper(network))
    #expect(stepper.stateSize == network.stateLayout?.count)
    var state = [Float](repeating: 0, count: stepper.stateSize)
    for row in begins.indices {
      if begins[row] == 1 { state = state.map { _ in 0 } }
      Array(x[row * size..<(row + 1) * size]).withUnsafeBufferPointer { x in
        state.withUnsafeMutableBufferPointer { state in
          var nothing: Float = 0
          let answer = withUnsafeMutablePointer(to: &nothing) {
            stepper.step(x.baseAddress!, state: state.baseAddress ?? $0)  // never empty
          }
          for part in 0..<Self.parts { #expect(abs(answer.q[part] - whole.q[row * Self.parts + part]) < 1e-5) }
          for i in 0..<8 { #expect(abs(answer.latent[i] - whole.latent[row * 8 + i]) < 1e-5) }
        }
      }
    }
    for (a, b) in zip(state, whole.state) { #expect(abs(a - b) < 1e-5) }
    let cut = 3, first = sequence(network, Array(x[..<(cut * size)]), batch: 1, begins: Array(begins[..<cut]))
    let second = sequence(
      network, Array(x[(cut * size)...]), batch: 1, begins: Array(begins[cut...]), state: first.state.isEmpty ? nil : first.state)
    for (a, b) in zip(first.q + second.q, whole.q) { #expect(abs(a - b) < 1e-5) }
  }

  /// Every parameter's gradient along a random direction, under random upstream gradients, against a difference quotient; of five
  /// directions the second best: so few rows are summed that a step over a ReLU's kink, or to another part's maximum, spoils many.
  @Test(arguments: ["lstm", "mamba3"], [true, false]) func gradientsEqualDifferences(_ kind: String, _ isSequence: Bool) {
    let network = network(kind), x = inputs(2 * Self.time), begins: [UInt8] = [0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 1, 0]
    let rows = isSequence ? 2 * Self.time : 2
    var generator = SplitMix64(seed: 23)
    let upstream = (0..<rows * Self.parts).map { _ in Float(generator.uniform(-1, 1)) }
    func loss() -> Double {
      let q =
        isSequence
        ? sequence(network, x, batch: 2, begins: begins).q : network.evaluate(x, batch: 2, time: Self.time).q
      return zip(q, upstream).reduce(0) { $0 + Double($1.0) * Double($1.1) }
    }
    let tape = network.block.makeTape()
    x.withUnsafeBufferPointer { x in
      begins.withUnsafeBufferPointer { begins in
        let tensor = Tensor(data: x.baseAddress!, rows: 2 * Self.time, columns: Self.observationSize)  // never empty
        let q =
          isSequence
          ? network.members[0](
            tensor, SequenceShape(batch: 2, time: Self.time, begins: begins.baseAddress), from: nil, on: tape
          ).q : network(tensor, time: Self.time, on: tape).q
        q.gradient?.update(from: upstream, count: upstream.count)
        tape.backward()
      }
    }
    for (name, parameter) in zip(network.block.names, network.block.parameters) {
      let original = Array(parameter.values)
      let gradient = Array(UnsafeBufferPointer(start: parameter.gradient(on: tape), count: parameter.count))
      let (errors, tolerance) = differenceErrors(
        of: gradient, uniform: { Float(generator.uniform(-1, 1)) },
        move: { for (i, d) in $0.enumerated() { parameter.values[i] = original[i] + d } }, loss: loss)
      #expect(errors[1] <= tolerance, "\(name): \(errors) beside \(tolerance)")
    }
  }

  @Test(arguments: ["dqn", "mamba", "mamba3"], [BlockNorm.none, .rms]) func readsItsOwnFile(_ kind: String, _ norm: BlockNorm)
    throws
  {
    let space = try Workspace(), path = space.file("model.safetensors")
    let written = network(kind, norm: norm, residual: norm == .none)
    let tensors = zip(written.block.names, written.block.parameters).map {
      (name: $0, tensor: Safetensors.Tensor(shape: $1.shape, values: Array($1.values)))
    }
    let metadata = [
      "parts": "\(Self.parts)", "inputs": "observation,action,reward", "headSize": "4", "residual": "\(norm == .none)",
    ]
    try Safetensors.write(tensors, metadata: metadata, to: path)
    #expect(try kind == "dqn" && norm == .none || ModelFile.read(Safetensors(path: path)) is QNetwork)
    let read = try QNetwork(Safetensors(path: path), windowLength: Self.time), x = inputs(3 * Self.time)
    #expect(read.sizes.parts == Self.parts && read.sizes.partFeatures == Self.features)
    #expect(read.evaluate(x, batch: 3, time: Self.time).q == written.evaluate(x, batch: 3, time: Self.time).q)
    let size = read.sizes.modelSize
    let value = Safetensors.Tensor(shape: [1, size], values: Array(repeating: 0, count: size))
    try Safetensors.write(tensors + [("value_head.weight", value)], metadata: metadata, to: path)
    #expect(throws: FileError.self) { try QNetwork(Safetensors(path: path), windowLength: Self.time) }
    for wrong in ["", "1", "-5", "x", "4611686018427387904", "nan"] {
      var changed = metadata
      changed["parts"] = wrong.isEmpty ? nil : wrong
      try Safetensors.write(tensors, metadata: changed, to: path)
      #expect(throws: FileError.self) { try QNetwork(Safetensors(path: path), windowLength: Self.time) }
    }
  }
}
