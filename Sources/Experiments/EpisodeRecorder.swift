/// Who plays the episodes that `render` shows, and where.
import Environments
import Foundation
import Networks
import Records
import Rendering

/// Plays an episode and keeps every frame with what the agent thought of it.
public struct EpisodeRecorder {
  let actor: RecordedActor
  let subject, environment: String
  let entry: EnvironmentEntry
  /// Where the episode is written, without an extension, unless the user says otherwise.
  let defaultStem: String

  /// A run folder, a .safetensors file, or the name of a policy: exactly one of them.
  ///
  /// - Parameters:
  ///   - choice: which of a run's weights.
  ///   - isTrusted: whether the code that the file's environment may bring is imported.
  public init(
    subject: String?, policy: String?, _ choice: WeightsChoice = .final, environment: String?, isTrusted: Bool = false
  ) throws {
    switch (subject, policy) {
    case (nil, let policy?):
      guard let environment else { throw UsageError("--policy \(policy) needs --env ENVIRONMENT") }
      entry = try EnvironmentCatalog.entry(environment)
      actor = RecordedActor(try PolicyCatalog.policy(policy, for: entry, actions: try entry.make().actionSpace))
      (self.subject, self.environment) = ("policy \(policy)", environment)
      defaultStem = Self.fileName("\(environment)__\(policy)")
    case (let subject?, nil):
      let trained = try TrainedActor(path: subject, choice, environment: environment, isTrusted: isTrusted)
      (entry, self.environment, self.subject) = (trained.entry, trained.environment, trained.label)
      actor = RecordedActor(trained.makeActor())
      var isFolder: ObjCBool = false
      _ = FileManager.default.fileExists(atPath: subject, isDirectory: &isFolder)
      let own = (try? ExperimentConfig(path: RunFolder(path: subject).config))?.environment
      let name =
        (choice == .final ? "episode" : "episode-\(choice)")
        + (environment.map { $0 == own ? "" : "-\(Self.fileName($0))" } ?? "")
      defaultStem = isFolder.boolValue ? "\(subject)/\(name)" : String(subject.dropLast(".safetensors".count))
    default: throw UsageError("give a run folder, a .safetensors file, or --policy NAME: exactly one of them")
    }
  }

  private static func fileName(_ text: String) -> String {
    String(text.map { $0.isLetter || $0.isNumber || "-_.".contains($0) ? $0 : "-" })
  }

  /// One episode, from its seed. A request to stop ends it early.
  public func record(seed: UInt64, stopRequested: () -> Bool = { false }) throws -> EpisodeRecording {
    try EpisodeRecording(
      of: actor, subject: subject, in: entry.makeDrawable(), named: environment, seed: seed, stopRequested: stopRequested)
  }
}
