/// The checkpoints of a run: the newest two are kept, so that a damaged one never is the only one.
import Foundation

/// A run's newest checkpoints.
public struct CheckpointStore {
  /// Where they lie.
  public let directory: String
  private static let suffix = ".checkpoint"

  /// Makes the folder where there is none.
  public init(directory: String) throws {
    self.directory = directory
    try makeFolder(directory)
  }

  /// Of a run that has made its folder; nil otherwise.
  public static func existing(in run: RunFolder) -> CheckpointStore? {
    FileManager.default.fileExists(atPath: run.checkpoints) ? try? CheckpointStore(directory: run.checkpoints) : nil
  }

  private func path(_ step: Int) -> String { "\(directory)/step-\(RunFolder.sortable(step))\(Self.suffix)" }

  /// The environment steps that there are checkpoints of, newest first.
  public var steps: [Int] {
    paths.compactMap { Int($0.dropFirst("\(directory)/step-".count).dropLast(Self.suffix.count)) }
  }

  /// The checkpoint of an environment step.
  public func reader(step: Int) throws -> CheckpointReader { try CheckpointReader(path: path(step)) }

  /// Paths, newest first.
  public var paths: [String] { Self.paths(in: directory) }

  static func paths(in directory: String) -> [String] {
    ((try? FileManager.default.contentsOfDirectory(atPath: directory)) ?? [])
      .filter { $0.hasPrefix("step-") && $0.hasSuffix(suffix) }.sorted(by: >).map { "\(directory)/\($0)" }
  }

  /// Writes a checkpoint and only then forgets all but the newest two.
  @discardableResult
  public func save(step: Int, _ body: (inout CheckpointWriter) throws -> Void) throws -> String {
    let path = path(step)
    var writer = try CheckpointWriter(path: path)
    try body(&writer)
    try writer.commit()
    for old in paths.dropFirst(2) { try? FileManager.default.removeItem(atPath: old) }
    return path
  }

  /// The newest checkpoint that is whole, and what is wrong with newer ones.
  public func newest() -> (reader: CheckpointReader, path: String, refused: [FileError])? {
    var refused: [FileError] = []
    for path in paths {
      do {
        return (try CheckpointReader(path: path), path, refused)
      } catch {
        refused.append(error as? FileError ?? FileError(path, "is damaged: \(error)"))
      }
    }
    return nil
  }
}
