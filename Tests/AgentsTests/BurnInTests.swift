/// The rows before a sequence's own move its state on, from zeros or from what was stored.
import Agents
import Autograd
import Kernels
import Layers
import Networks
import Randomness
import Records
import Replay
import Testing

@Suite struct BurnInTests {
  private static let count = 3, burnIn = 4, time = 5, size = 3

  private func learner(_ encoder: String) -> Learner {
    var sizes = NetworkSizes(
      encoder: EncoderKind(rawValue: encoder), observationSize: Self.size, actionCount: 4, windowLength: 9, hiddenSize: 12,
      modelSize: 8, stateSize: 4)
    (sizes.norm, sizes.headSize) = (.rms, 4)
    var config = ExperimentConfig()
    (config.replay, config.encoder, config.batchSize, config.totalSteps) = (.sequence, sizes.encoder, Self.count, 100)
    var generator = SplitMix64(seed: 4)
    return Learner(sizes: sizes, config: config, generator: &generator)
  }

  /// The same random rows in every call; an episode begins within the second sequence's burn-in.
  private func batch(burnIn: Int, stateSize: Int) -> Batch {
    let batch = Batch(
      sequences: Self.count, burnIn: burnIn, time: Self.time, observationSize: Self.size, stateSize: stateSize)
    var generator = SplitMix64(seed: 6)
    let before = rows(Self.burnIn, &generator)
    if burnIn > 0 {
      batch.burnInInputs.update(from: before, count: before.count)
      batch.burnInBegins[burnIn + 2] = 1
    }
    let own = rows(Self.time, &generator)
    batch.inputs.update(from: own, count: own.count)
    for row in 0..<Self.count * Self.time {
      (batch.actions[row], batch.returns[row], batch.weights[row]) = (Int32(row % 4), Float(row % 3) - 1, 1)
      (batch.discounts[row], batch.nextRows[row]) = (0.9, Int32((row + 1) % Self.time == 0 ? row : row + 1))
    }
    batch.learnedRows = Self.count * Self.time
    return batch
  }
  private func rows(_ time: Int, _ generator: inout SplitMix64) -> [Float] {
    (0..<Self.count * time * Self.size).map { _ in Float(generator.uniform(-1, 1)) }
  }

  /// TD errors of the first gradient step, at which the target network is the online network.
  private func errors(_ learner: Learner, _ batch: Batch) throws -> [Float] {
    let (_, errors) = try learner.update(batch, step: 0)
    return Array(UnsafeBufferPointer(start: errors, count: Self.count * Self.time))
  }

  /// The state after the burn-in's rows, by the network itself.
  private func states(_ network: QNetwork, from states: [Float]?) throws -> [Float] {
    let rows = batch(burnIn: Self.burnIn, stateSize: 0), tape = Tape(), size = try #require(network.stateLayout).count
    let start = states.map { values in
      let tensor = tape.constant(rows: Self.count, columns: size)
      tensor.values.update(from: values, count: values.count)
      return tensor
    }
    let state = try #require(
      network.members[0](
        Tensor(data: rows.burnInInputs, rows: Self.count * Self.burnIn, columns: Self.size),
        SequenceShape(batch: Self.count, time: Self.burnIn, begins: UnsafePointer(rows.burnInBegins)), from: start, on: tape
      ).state)
    return (0..<Self.count).flatMap { row in (0..<size).map { state[row, $0] } }
  }

  @Test(arguments: ["mamba", "mamba2", "mamba3", "lstm", "transformer"], [false, true])
  func movesTheStateOn(_ encoder: String, _ isStored: Bool) throws {
    let size = try #require(learner(encoder).online.stateLayout).count
    var generator = SplitMix64(seed: 8)
    // Attention counts what went in, and nothing has.
    let stored =
      isStored ? (0..<Self.count * size).map { _ in encoder == "transformer" ? 0 : Float(generator.uniform(-1, 1)) } : nil
    let warmed = batch(burnIn: Self.burnIn, stateSize: isStored ? size : 0), given = batch(burnIn: 0, stateSize: size)
    if let stored { warmed.states.update(from: stored, count: stored.count) }
    let states = try states(learner(encoder).online, from: stored)
    given.states.update(from: states, count: states.count)
    let found = try errors(learner(encoder), warmed), expected = try errors(learner(encoder), given)
    #expect(zip(found, expected).allSatisfy { abs($0 - $1) < 1e-5 })
    let cold = try errors(learner(encoder), batch(burnIn: 0, stateSize: 0))
    #expect(zip(found, cold).contains { abs($0 - $1) > 1e-4 })
  }
}
