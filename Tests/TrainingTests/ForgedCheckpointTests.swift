/// A checkpoint whose checksum is right and whose counts and indices are not: every section is changed in every way that a
/// reader could trip over, and each is refused or harmless.
import Agents
import Environments
import Foundation
import Randomness
import Records
import TestSupport
import Testing
import Training

@Suite struct ForgedCheckpointTests {
  private func config(_ encoder: EncoderKind, _ sequences: Bool) -> ExperimentConfig {
    var config = ExperimentConfig()
    (config.encoder, config.norm, config.hiddenSize, config.modelSize) = (encoder, .rms, 8, 8)
    (config.batchSize, config.replayCapacity, config.learningStarts, config.windowLength) = (4, 96, 40, 4)
    (config.totalSteps, config.evaluationEpisodes, config.checkpointInterval, config.actors) = (200, 0, 1000, 2)
    config.rareEpsilon = 0.5
    if sequences {
      (config.replay, config.latents, config.sequenceLength, config.sequenceOverlap, config.burnIn) = (.sequence, .state, 8, 4, 2)
    } else {
      config.latents = .stored
    }
    return config
  }

  /// Attention's states say themselves how many positions went into them.
  @Test(arguments: [(EncoderKind.lstm, false), (.lstm, true), (.transformer, true)])
  func everySection(_ encoder: EncoderKind, _ sequences: Bool) throws {
    let space = try Workspace(), config = config(encoder, sequences)
    let folder = RunFolder(path: space.file("run"))
    try makeFolder(folder.path)
    let trainer = try Trainer(config: config, folder: folder) { LunarLander() }
    var steps = 0
    _ = try trainer.run(stopRequested: { steps >= 120 }) { _ in steps += 1 }
    let path = try #require(CheckpointStore(directory: folder.checkpoints).paths.first)
    let reader = try CheckpointReader(path: path)
    let sections = try reader.names.map { ($0, Array(try reader.bytes($0))) }
    var refused = 0, taken = 0
    var generator = SplitMix64(seed: 7)
    for (position, (name, bytes)) in sections.enumerated() {
      var changes: [[UInt8]] = [[], Array(bytes.dropLast()), bytes + [0], Array(repeating: 0xff, count: bytes.count)]
      // Numbers that attention's states cannot count, whatever else they may be.
      let numbers: [Float] = [-1, 0.5, 1e9]
      let filled = numbers.map { number in withUnsafeBytes(of: number) { one in (0..<bytes.count / 4).flatMap { _ in one } } }
      let hasCounts = encoder == .transformer && (name.hasSuffix("/states") || name.hasPrefix("agent/window"))
      changes += filled
      for value: Int64 in [-1, 1, .max, .min, 1 << 31, 1 << 40] where bytes.count >= 8 {
        var changed = bytes
        let place = Int(generator.next() % UInt64(bytes.count / 8)) * 8
        withUnsafeBytes(of: value) { changed.replaceSubrange(place..<place + 8, with: $0) }
        changes.append(changed)
      }
      for changed in changes where changed != bytes {
        var writer = try CheckpointWriter(path: space.file("forged"))
        for (index, section) in sections.enumerated() {
          try (index == position ? changed : section.1).withUnsafeBytes { try writer.write(section.0, $0) }
        }
        try writer.commit()
        do {
          // A copy of the folder: the logs are cut back as a resumed run's are.
          let copy = RunFolder(path: space.file("copy"))
          try? FileManager.default.removeItem(atPath: copy.path)
          try FileManager.default.copyItem(atPath: folder.path, toPath: copy.path)
          let again = try Trainer(config: config, folder: copy, resuming: CheckpointReader(path: space.file("forged"))) {
            LunarLander()
          }
          #expect(!(hasCounts && filled.contains(changed)), "\(name) of \(changed.prefix(4))")
          _ = try again.run()
          taken += 1
        } catch {
          refused += 1
          #expect(!"\(error)".contains("\n") && !"\(error)".isEmpty, "\(name): \(error)")
        }
      }
    }
    // Values of weights, observations and moments are data: they may be any finite number.
    #expect(refused > sections.count * 3, "\(refused) refused, \(taken) taken")
  }
}
