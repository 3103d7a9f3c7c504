/// How much memory a run needs, from its configuration alone: said before the run begins, and refused before anything is made
/// where the machine has less.
import MachineSupport
import Networks
import Records
import Replay

/// In bytes, as doubles: products of settings that are each in their range can lie beyond every integer.
public struct MemoryNeed: Equatable, Sendable {
  /// When it is full.
  public var replay: Double
  /// Parameters, their moments, target and gradients.
  public var networks: Double
  /// Drawn batches and what a gradient step keeps of its forward pass: the least of it, by the widest rows.
  public var batches: Double
  /// Bytes, of all three.
  public var total: Double { replay + networks + batches }

  /// - Parameters:
  ///   - observationSize: numbers that the network reads (`ObservationEncoder.inputSize`).
  ///   - storage: how replay keeps them (`ObservationEncoder.storage`).
  public init(_ config: ExperimentConfig, observationSize: Int, actionCount: Int, storage: ObservationStorage = .floats) {
    let sizes = NetworkSizes(config, observationSize: observationSize, actionCount: actionCount)
    let rows: Double
    if config.replay == .window {
      replay = WindowReplay.bytes(
        capacity: config.replayCapacity, windowLength: config.windowLength, observationSize: observationSize,
        latentSize: config.latents == .none ? 0 : config.modelSize, streams: config.actors, storage: storage)
      rows = Double(config.batchSize) * Double(config.windowLength)
    } else {
      replay = SequenceReplay.bytes(
        capacity: config.replayCapacity, stride: config.sequenceLength - config.sequenceOverlap, observationSize: observationSize,
        stateSize: config.latents == .none ? 0 : sizes.recurrentStateSize, streams: config.actors, storage: storage)
      rows = Double(config.batchSize) * (Double(config.sequenceLength) + Double(config.nStep) + Double(config.burnIn))
    }
    networks = sizes.approximateParameters * 4 * (config.amsgrad ? 6 : 5)
    batches = rows * 4 * (2 * Double(observationSize) + sizes.approximateActivations)
  }

  /// - Throws: `LearningError` where this machine has less memory.
  public func check() throws {
    let machine = Double(machine_memory())
    guard total <= machine else {
      func size(_ bytes: Double) -> String {
        bytes < 1e9 ? "\(Int(bytes / 1e6)) MB" : bytes < 1e15 ? "\(Int(bytes / 1e9)) GB" : "more than 1000000 GB"
      }
      throw LearningError(
        description: "this needs about \(size(total)) of memory (replay \(size(replay)), networks \(size(networks)), batches "
          + "\(size(batches))) and the machine has \(size(machine)); make replayCapacity, the network or batchSize smaller")
    }
  }
}
