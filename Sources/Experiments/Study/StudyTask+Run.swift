/// From a task to its run, whatever an earlier try left in the folder.
import Foundation
import Records

extension StudyTask {
  /// The run of this task, new or at its newest checkpoint; nil where it is finished. Whoever calls holds the task's lock,
  /// and trusts the study's environment, which is the one that the folder's config.json is held against.
  public func open(in study: StudyFolder) throws -> Run? {
    let folder = study.run(self)
    func exists(_ path: String) -> Bool { FileManager.default.fileExists(atPath: path) }
    if exists(folder.config) {
      try check(in: study)
      if exists(folder.evaluation) { return nil }
      if exists(folder.progress) || exists(folder.checkpoints) { return try Run(resuming: folder, isTrusted: true) }
    } else {
      // A run that never came to write its config.json has nothing to lose; anything else is not ours to write over.
      let leftovers = [folder.log, folder.status, "\(folder.path)/.lock"].map { URL(fileURLWithPath: $0).lastPathComponent }
      let content = try? FileManager.default.contentsOfDirectory(atPath: folder.path)
      if let other = content?.sorted().first(where: { !leftovers.contains($0) && !$0.hasSuffix(".partial") }) {
        throw FileError(folder.path, "has no config.json, but holds \(other): move the folder away to begin the task anew")
      }
    }
    try makeFolder(in: study)
    return try Run(config, inPrepared: folder, command: command)
  }

  func makeFolder(in study: StudyFolder) throws {
    try Records.makeFolder(study.run(self).path)
  }

  /// Refuses a folder in which something else ran than this task.
  public func check(in study: StudyFolder) throws {
    let folder = study.run(self)
    guard FileManager.default.fileExists(atPath: folder.config),
      let (key, found, expected) = Settings.difference(try ExperimentConfig(path: folder.config), config)
    else { return }
    throw FileError(
      folder.config, "\(key) is \(found), and \(expected) in the study; move the folder away or give another --root")
  }
}

extension Settings {
  /// The first field in which two configurations differ, with both values as text.
  static func difference(_ a: ExperimentConfig, _ b: ExperimentConfig) -> (key: String, a: String, b: String)? {
    fields(a, b).first { $0.a != $0.b }
  }

  static func fields(_ a: ExperimentConfig, _ b: ExperimentConfig) -> [(key: String, a: String, b: String)] {
    [
      ("environment", a.environment, b.environment), ("preset", a.preset, b.preset), ("seed", "\(a.seed)", "\(b.seed)"),
      ("totalSteps", "\(a.totalSteps)", "\(b.totalSteps)"),
    ] + all.map { ($0.key, $0.value(in: a), $0.value(in: b)) }
  }
}

extension FileLock {
  /// The lock of a run that lies in a study's folder; nil for any other run.
  public static func ofStudy(_ run: RunFolder) throws -> FileLock? {
    guard isOfStudy(run) else { return nil }
    return try FileLock(path: "\(locks(run))/\(URL(fileURLWithPath: run.path).lastPathComponent).lock")
  }

  static func isOfStudy(_ run: RunFolder) -> Bool { FileManager.default.fileExists(atPath: locks(run)) }

  private static func locks(_ run: RunFolder) -> String {
    URL(fileURLWithPath: run.path).deletingLastPathComponent().appendingPathComponent(".locks").path
  }
}
