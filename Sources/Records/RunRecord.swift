/// What a run folder tells, as plain data: for reports. Reads whole folders, running ones, and the thinned ones that
/// `study export` makes; knows no network.
import Foundation

/// A run folder, read for a report.
public struct RunRecord: Sendable {
  /// One row of progress.csv, as far as reports read it; `loss` is nil before learning starts.
  public struct Progress: Sendable {
    /// Environment steps.
    public var step: Int
    /// Mean since the last row; nil before learning starts.
    public var loss: Double?
    /// Wall-clock seconds of training until then.
    public var elapsed: Double
  }
  /// One row of monitor.csv, and the environment step at which the episode ended.
  public struct Episode: Sendable, Equatable {
    /// The environment step of its end.
    public var endStep: Int
    /// The sum of rewards, not discounted.
    public var `return`: Double
  }
  /// What reports read of evaluation.json: greedy episodes of the final weights.
  public struct Evaluation: Codable, Sendable {
    /// One an episode.
    public var returns: [Double]
    /// Steps, one an episode.
    public var lengths: [Int]
    /// From 0 to 1.
    public var shareTruncated: Double
    var shareCrashed: Double?
  }

  /// The folder's.
  public let path: String
  /// Every setting.
  public let config: ExperimentConfig
  /// In the order of steps.
  public let progress: [Progress]
  /// Of training.
  public let episodes: [Episode]
  /// Nil before the run is complete.
  public let evaluation: Evaluation?
  /// Those during the run; nil where the folder keeps none.
  public let evaluations: EvaluationHistory?
  /// Nil where the run did not record it.
  public let provenance: Provenance?
  /// What the user typed to begin it and to go on with it; empty where the run did not record it.
  public let commands: [String]

  /// The last step that the logs know.
  public var step: Int { max(progress.last?.step ?? 0, episodes.last?.endStep ?? 0) }
  /// Whether all its steps were taken and it was evaluated.
  public var isFinished: Bool { evaluation != nil && (progress.last?.step ?? 0) >= config.totalSteps }

  /// Throws a `FileError` that says what is wrong with the folder. A last line that is still being written is no error.
  public init(_ folder: RunFolder) throws {
    path = folder.path
    config = try ExperimentConfig(path: folder.config)
    progress = try Self.rows(folder.progress, columns: ["step", "train/loss", "time_elapsed"]).map { row in
      let loss = Double(row[1])
      guard let step = Int(row[0]), Self.steps.contains(step), let elapsed = Double(row[2]), Self.isMeasured(elapsed),
        row[1].isEmpty || loss.map(Self.isMeasured) ?? false
      else { throw FileError(folder.progress, "has the row \(row.joined(separator: ",").prefix(200)): numbers are needed") }
      return Progress(step: step, loss: loss, elapsed: elapsed)
    }
    var end = 0
    episodes = try Self.rows(folder.monitor, columns: ["r", "l"]).map { row in
      guard let value = Double(row[0]), let length = Int(row[1]), Self.isMeasured(value), length > 0,
        length <= Self.steps.upperBound
      else {
        throw FileError(folder.monitor, "has the row \(row.joined(separator: ",").prefix(200)): a return and a length are needed")
      }
      end += length
      guard Self.steps.contains(end) else {
        throw FileError(folder.monitor, "has episodes of more than \(Self.steps.upperBound) steps")
      }
      return Episode(endStep: end, return: value)
    }
    let files = FileManager.default
    evaluation = try files.contents(atPath: folder.evaluation).map { data in
      guard let found = try? JSONDecoder().decode(Evaluation.self, from: data), !found.returns.isEmpty,
        found.returns.allSatisfy(Self.isMeasured), found.lengths.count == found.returns.count,
        found.lengths.allSatisfy(Self.steps.contains), (0...1).contains(found.shareTruncated),
        (0...1).contains(found.shareCrashed ?? 0)
      else { throw FileError(folder.evaluation, "is no evaluation: returns, lengths and shareTruncated are needed") }
      return found
    }
    evaluations = EvaluationHistory(folder)
    provenance = files.contents(atPath: folder.provenance).flatMap { try? JSONDecoder().decode(Provenance.self, from: $0) }
    commands = String(decoding: files.contents(atPath: folder.command) ?? Data(), as: UTF8.self)
      .split(whereSeparator: \.isNewline).map { $0.trimmingCharacters(in: .whitespaces) }.filter { !$0.isEmpty }
  }

  /// Environment steps that a run may have; twice what `--steps` takes, so that sums of them stay far from any overflow.
  static let steps = 0...2_000_000_000
  /// A number that means and squares can be taken of.
  private static func isMeasured(_ value: Double) -> Bool { value.isFinite && abs(value) < 1e100 }

  /// The named columns of a CSV file's whole lines; comments are skipped. A file that is not there yet has no rows.
  private static func rows(_ path: String, columns: [String]) throws -> [[String]] {
    guard let data = FileManager.default.contents(atPath: path) else { return [] }
    var lines = String(decoding: data, as: UTF8.self).split(separator: "\n", omittingEmptySubsequences: false)
    lines.removeLast()  // empty, or cut in the middle
    lines.removeAll { $0.hasPrefix("#") || $0.isEmpty }
    guard let header = lines.first?.split(separator: ",", omittingEmptySubsequences: false).map(String.init) else { return [] }
    let places = try columns.map { name in
      guard let place = header.firstIndex(of: name) else {
        throw FileError(path, "has no column \(name)\(suggestion(for: name, in: header))")
      }
      return place
    }
    return try lines.dropFirst().map { line in
      let cells = line.split(separator: ",", omittingEmptySubsequences: false).map(String.init)
      guard cells.count == header.count else {
        throw FileError(path, "has a row of \(cells.count) cells; its header has \(header.count)")
      }
      return places.map { cells[$0] }
    }
  }
}

/// A folder that holds a run, readable or not.
public enum FoundRun: Sendable {
  /// A run.
  case readable(RunRecord)
  /// A folder that looks like one, and why it is none.
  case unreadable(path: String, reason: String)

  /// The runs at and under `path`, by name. A path without any is an error.
  public static func all(under path: String) throws -> [FoundRun] {
    let files = FileManager.default
    guard files.fileExists(atPath: path) else { throw FileError(path, "does not exist") }
    let root = path.count > 1 && path.hasSuffix("/") ? String(path.dropLast()) : path
    // An enumerator follows no links: neither the root, nor, here and there, that of a run.
    let names =
      files.enumerator(atPath: URL(fileURLWithPath: root).resolvingSymlinksInPath().path)?.compactMap { $0 as? String } ?? []
    let inside =
      names.filter { $0.hasSuffix("/config.json") }.map { "\(root)/\($0.dropLast("/config.json".count))" }
      + names.map { "\(root)/\($0)" }.filter {
        (try? files.destinationOfSymbolicLink(atPath: $0)) != nil && files.fileExists(atPath: RunFolder(path: $0).config)
      }
    let own = files.fileExists(atPath: RunFolder(path: root).config) ? [root] : []
    let folders = own + inside.sorted()
    guard !folders.isEmpty else {
      throw FileError(path, "holds no run: no folder in it has a config.json (runs of `mamba-dqn train` and `study run` do)")
    }
    return folders.map { folder in
      do { return .readable(try RunRecord(RunFolder(path: folder))) } catch {
        return .unreadable(path: folder, reason: "\(error)")
      }
    }
  }
}
