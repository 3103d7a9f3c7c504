/// Episodes that a run records while it trains: a page each in `episodes/`, all from the same start, so that they show how the
/// agent changes.
import Environments
import Foundation
import Records
import Rendering
import Training

final class EpisodeArchive {
  private let folder: RunFolder
  private let entry: EnvironmentEntry
  /// Made for the first episode: a Python worker is slow to start.
  private var world: (any Environment)?

  init(_ folder: RunFolder, _ entry: EnvironmentEntry) { (self.folder, self.entry) = (folder, entry) }

  /// One episode of an actor as it is at an environment step.
  ///
  /// - Parameter stopRequested: asked between steps; where it holds, nothing is written.
  func record(_ actor: RecordedActor, step: Int, stopRequested: () -> Bool) throws {
    let world = try self.world ?? entry.makeDrawable()
    self.world = world
    do {
      let recording = try EpisodeRecording(
        of: actor, subject: "\(folder.path), step \(step)", in: world, named: entry.name, seed: Trainer.evaluationSeed,
        stopRequested: stopRequested)
      if stopRequested() { return }
      try makeFolder(folder.episodes)
      try EpisodePage([recording]).write(to: folder.episode(step: step))
    } catch is EnvironmentInterruption {
      // Somebody wants the run to stop; it will.
    }
  }
}
