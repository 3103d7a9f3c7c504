/// A thinned copy of finished tasks, small enough to commit and still readable as run folders.
import Foundation
import Records

/// Finished tasks for a commit.
public enum StudyExport {
  private static let progressRows = 400

  /// Copies every finished task below `target` and says how many there were. Other files there stay. An evaluation names its
  /// weights as STUDY/TASK/model.safetensors, wherever they lay: a commit has no use for a machine's folders.
  public static func run(_ tasks: [StudyTask], in study: StudyFolder, to target: String) throws -> Int {
    var count = 0
    for task in tasks where TaskStatus(task, in: study).state == .finished {
      let source = study.run(task), copy = RunFolder(path: "\(target)/\(task.name)")
      try makeFolder(copy.path)
      for (from, to) in [
        (source.config, copy.config), (source.command, copy.command), (source.provenance, copy.provenance),
        (source.evaluations, copy.evaluations),
      ] {
        if let data = FileManager.default.contents(atPath: from) { try AtomicFile.write(data, to: to) }
      }
      guard var evaluation = try? EvaluationReport(path: source.evaluation) else {
        throw FileError(source.evaluation, "is not an evaluation")
      }
      evaluation.subject = RunFolder(path: "\(study.name)/\(task.name)").weights
      try AtomicFile.write(evaluation.json, to: copy.evaluation)
      try write(thinned(lines(of: source.progress), header: 1), to: copy.progress)
      try write(lines(of: source.monitor), to: copy.monitor)
      count += 1
    }
    return count
  }

  private static func lines(of path: String) throws -> [Substring] {
    guard let data = FileManager.default.contents(atPath: path) else { throw FileError(path, "cannot be read") }
    return String(decoding: data, as: UTF8.self).split(separator: "\n")
  }

  /// The header and at most `progressRows` of the rows, evenly, the first and the last among them.
  static func thinned(_ lines: [Substring], header: Int) -> [Substring] {
    lines.prefix(header) + Records.thinned(lines.dropFirst(header), to: progressRows)
  }

  private static func write(_ lines: [Substring], to path: String) throws {
    let text = lines.map { $0.hasPrefix("#") ? String($0) : rounded($0) }.joined(separator: "\n") + "\n"
    try AtomicFile.write(Data(text.utf8), to: path)
  }

  /// Numbers with a fraction to six significant digits; whole numbers, words and empty cells as they are.
  static func rounded(_ line: Substring) -> String {
    line.split(separator: ",", omittingEmptySubsequences: false).map { cell in
      guard cell.contains(where: { $0 == "." || $0 == "e" }), let value = Double(cell) else { return String(cell) }
      return String(format: "%.6g", value)
    }.joined(separator: ",")
  }
}
