/// Every encoder there is, alone and as a residual stack: read back from its own file, one position at a time as at once, and a
/// window as a sequence from the zero state read at its last position.
import Autograd
import Foundation
import Kernels
import Networks
import Randomness
import Records
import TestSupport
import Testing

@Suite struct ArchitectureTests {
  private func network(_ kind: EncoderKind, _ norm: BlockNorm, residual: Bool = false) -> QNetwork {
    var sizes = NetworkSizes(
      encoder: kind, observationSize: 5, actionCount: 3, windowLength: 6, hiddenSize: norm == .rms ? 0 : 12, modelSize: 16,
      stateSize: 4, residual: residual, dueling: residual)
    (sizes.norm, sizes.layers, sizes.headSize, sizes.headHidden) = (norm, norm == .rms ? 2 : 1, 4, norm == .rms ? 10 : 0)
    var generator = SplitMix64(seed: 3)
    return QNetwork(sizes, &generator)
  }

  private func observations(_ rows: Int) -> Buffer {
    var generator = SplitMix64(seed: 4)
    let buffer = Buffer(count: rows * 5)
    for i in 0..<rows * 5 { buffer.pointer[i] = Float(generator.uniform(-1, 1)) }
    return buffer
  }

  static let kinds = Architecture.all.map(\.kind)

  @Test(arguments: kinds, [BlockNorm.none, .rms]) func readsItsOwnFile(_ kind: EncoderKind, _ norm: BlockNorm) throws {
    let space = try Workspace(), path = space.file("model.safetensors"), written = network(kind, norm)
    let tensors = zip(written.block.names, written.block.parameters).map {
      (name: $0, tensor: Safetensors.Tensor(shape: $1.shape, values: Array($1.values)))
    }
    try Safetensors.write(tensors, metadata: ["headSize": "4", "windowLength": "6"], to: path)
    let read = try QNetwork(Safetensors(path: path), windowLength: 6)
    #expect(read.sizes.encoder == kind && read.sizes.norm == norm && read.sizes.layers == written.sizes.layers)
    let windows = (0..<60).map { Float($0 % 7) / 7 - 0.4 }
    #expect(read.evaluate(windows, batch: 2, time: 6) == written.evaluate(windows, batch: 2, time: 6))
  }

  /// What a run says beforehand of its memory, `NetworkSizes` knows from the layers' own layouts: before any layer is made.
  @Test(arguments: kinds, [BlockNorm.none, .rms]) func widthOfAStateIsKnownBeforehand(_ kind: EncoderKind, _ norm: BlockNorm) {
    var sizes = network(kind, norm).sizes
    for slowDecay in [false, true] {
      sizes.slowDecay = slowDecay
      var generator = SplitMix64(seed: 3)
      #expect(sizes.recurrentStateSize == QNetwork(sizes, &generator).stateLayout?.count ?? 0)
      // And of a part for each of the three actions.
      var parts = sizes
      (parts.partFeatures, parts.observationSize, parts.hiddenSize, parts.headHidden) = (2, 6, 12, 10)
      #expect(parts.recurrentStateSize == QNetwork(parts, &generator).stateLayout?.count ?? 0)
      #expect(parts.recurrentStateSize == 3 * sizes.recurrentStateSize)
    }
  }

  /// The context of a stack's attention is what the file says, whatever its reader would like; where it says nothing, what the
  /// reader says; and where nobody does, the file is refused.
  @Test func theFileSaysTheContext() throws {
    let space = try Workspace(), written = network(.transformer, .rms)
    let tensors = zip(written.block.names, written.block.parameters).map {
      (name: $0, tensor: Safetensors.Tensor(shape: $1.shape, values: Array($1.values)))
    }
    func file(_ windowLength: String?) throws -> Safetensors {
      var metadata = ["headSize": "4"]
      metadata["windowLength"] = windowLength
      try Safetensors.write(tensors, metadata: metadata, to: space.file("net"))
      return try Safetensors(path: space.file("net"))
    }
    let windows: [Float] = (0..<200).map { Float($0 % 7) / 7 - 0.4 }
    let expected = written.evaluate(windows, batch: 2, time: 20).q
    for length in [nil, 6, 20] {
      #expect(try QNetwork(file("6"), windowLength: length).evaluate(windows, batch: 2, time: 20).q == expected)
    }
    #expect(try QNetwork(file(nil), windowLength: 6).evaluate(windows, batch: 2, time: 20).q == expected)
    #expect(try QNetwork(file(nil), windowLength: 20).evaluate(windows, batch: 2, time: 20).q != expected)
    try Safetensors.write([("input", .init(shape: [2, 20, 5], values: windows))], to: space.file("x"))
    let reading = try SequenceReading(ModelFile.read(file("6")), Safetensors(path: space.file("x")), from: nil)
    let q = reading.outputs[0].tensor.values
    for b in 0..<2 {
      let last = (b * 20 + 19) * 3
      #expect(relativeDifference(Array(q[last..<last + 3]), expected[b * 3..<b * 3 + 3].map { Double($0) }) < 1e-5)
    }

    let wrong: [(String?, String)] = [
      (nil, "no metadata windowLength"), ("0", "windowLength=0"), ("x", "windowLength=x"), ("1e9", "windowLength=1e9"),
    ]
    for (length, problem) in wrong {
      let unknown = try file(length)
      for read in [{ _ = try QNetwork(unknown) }, { _ = try ModelFile.read(unknown) }] as [() throws -> Void] {
        let error = #expect(throws: FileError.self) { try read() }
        #expect(error?.description.contains(problem) == true, "\(error?.description ?? "")")
      }
    }
  }

  @Test(arguments: kinds, [BlockNorm.none, .rms]) func stepsEqualTheSequence(_ kind: EncoderKind, _ norm: BlockNorm) throws {
    for residual in norm == .rms ? [false] : [false, true] {
      let network = network(kind, norm, residual: residual)
      guard let stepper = RecurrentStepper(network) else {
        #expect(kind == .transformer && norm == .none)  // the published one only knows windows
        continue
      }
      let x = observations(14), tape = Tape()
      let q = tape.withoutGradient {
        network.members[0](Tensor(data: x.pointer, rows: 14, columns: 5), SequenceShape(batch: 1, time: 14), from: nil, on: tape)
          .q
      }
      var state = [Float](repeating: 0, count: stepper.stateSize)
      for t in 0..<14 {
        let step = stepper.step(x.pointer + t * 5, state: &state).q
        for action in 0..<3 { #expect(abs(step[action] - q[t, action]) < 1e-5) }
      }
      // A window of six is the sequence of six read at its end.
      let window = tape.withoutGradient { network(Tensor(data: x.pointer, rows: 6, columns: 5), time: 6, on: tape).q }
      for action in 0..<3 { #expect(abs(window[0, action] - q[5, action]) < 1e-5) }
    }
  }
}
