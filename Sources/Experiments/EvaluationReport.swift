/// What an evaluation found, for a person and for a program.
import Foundation
import Records
import Statistics
import Training

/// Greedy episodes and their statistics: `evaluation.json`.
public struct EvaluationReport: Codable, Sendable, ReadableJSON {
  /// Whose weights, or which policy, and where it played.
  public var subject, environment: String
  /// Of the first episode; the others count up from it.
  public var seed: UInt64
  /// How many were played.
  public var episodes: Int
  /// Of a run: the seed it was trained with, and the environment step of the weights.
  public var trainingSeed: UInt64?
  /// Of the weights.
  public var trainedSteps: Int?
  /// Of the returns.
  public var summary: Summary
  /// `EpisodeOutcome.landed`.
  public var shareAtLeast200: Double?
  /// `EpisodeOutcome.crashed`.
  public var shareCrashed: Double?
  /// From 0 to 1.
  public var shareTruncated: Double
  /// In m/s, each episode counting once; nil where nothing is driven.
  public var meanSpeed: Double?
  /// Of the episodes' steps.
  public var length: Summary
  /// One an episode, in the order of seeds.
  public var returns: [Double]
  /// Steps, in the order of seeds.
  public var lengths: [Int]

  /// `results` must not be empty.
  public init(subject: String, environment: String, seed: UInt64, _ results: [Episode]) {
    (self.subject, self.environment, self.seed, episodes) = (subject, environment, seed, results.count)
    returns = results.map(\.return)
    lengths = results.map(\.length)
    summary = Summary(returns)
    length = Summary(lengths.map(Double.init))
    func share(_ isCounted: (Episode) -> Bool) -> Double { Double(results.count(where: isCounted)) / Double(results.count) }
    shareTruncated = share(\.truncated)
    if let outcome = EpisodeOutcome(environment: environment) {
      let counted = share { outcome.counts(return: $0.return, terminated: $0.terminated) }
      if outcome == .landed { shareAtLeast200 = counted } else { shareCrashed = counted }
    }
    let speeds = results.compactMap(\.speed)
    if speeds.count == results.count { meanSpeed = Statistics.mean(speeds) }
  }

  /// As `json` wrote it.
  init(path: String) throws {
    self = try JSONDecoder().decode(Self.self, from: Data(contentsOf: URL(fileURLWithPath: path)))
  }

  /// What came out, for someone who knows the task but no statistics; nil where there are no plain words for it.
  ///
  /// - Parameter heuristic: the same episodes of the hand-written policy, where there is one.
  public func sentence(heuristic: [Episode]?) -> String? {
    if let share = shareAtLeast200 {
      let landings = heuristic.map {
        $0.count { EpisodeOutcome.landed.counts(return: $0.return, terminated: $0.terminated) }
      }
      let other = landings.map { "; the hand-written heuristic lands \($0)" } ?? ""
      return "landed \(times(share)) of \(episodes) times (return at least 200)\(other)"
    }
    if let share = shareCrashed {
      return "drove to the end \(episodes - times(share)) of \(episodes) times and crashed \(times(share)) times"
    }
    return heuristic.map {
      String(
        format: "mean return %.2f; the hand-written policy's is %.2f", summary.mean, Summary($0.map(\.return)).mean)
    }
  }

  /// Of the episodes; past the last seed comes the first.
  fileprivate var seeds: String { "seeds \(seed)…\(seed &+ UInt64(episodes) &- 1)" }

  private func times(_ share: Double) -> Int { Int((share * Double(episodes)).rounded()) }

  /// For a person.
  public var table: String {
    let interval = summary.interquartileMeanInterval.map(number).joined(separator: ", ")
    var lines = [
      "\(episodes) greedy episodes of \(subject) in \(environment), \(seeds)",
      "  return          \(number(summary.mean)) ± \(number(summary.standardDeviation))   (mean ± sd)",
      "  median          \(number(summary.median))",
      "  IQM             \(number(summary.interquartileMean))   95% bootstrap interval [\(interval)]",
    ]
    if let shareAtLeast200 { lines.append("  at least 200    \(number(100 * shareAtLeast200)) %") }
    if let shareCrashed { lines.append("  crashed         \(number(100 * shareCrashed)) %") }
    if let meanSpeed { lines.append("  speed           \(number(meanSpeed)) m/s") }
    lines += [
      "  length          \(number(length.mean)) ± \(number(length.standardDeviation))",
      "  truncated       \(number(100 * shareTruncated)) %",
    ]
    return lines.joined(separator: "\n")
  }

  /// On one line, for a file of them.
  public var jsonLine: String {
    get throws {
      let encoder = JSONEncoder()
      encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
      return String(decoding: try encoder.encode(self), as: UTF8.self)
    }
  }
}

extension [EvaluationReport] {
  /// A row each, and below them what they say together where all played the same environment.
  public var table: String {
    guard let first else { return "" }
    typealias Column = (title: String, cell: (EvaluationReport) -> String?)
    let columns: [Column] = [
      ("seed", { $0.trainingSeed.map { "\($0)" } }), ("steps", { $0.trainedSteps.map { "\($0)" } }),
      ("mean", { number($0.summary.mean) }), ("sd", { number($0.summary.standardDeviation) }),
      ("median", { number($0.summary.median) }), ("IQM", { number($0.summary.interquartileMean) }),
      ("≥ 200 %", { $0.shareAtLeast200.map { number(100 * $0) } }),
      ("crashed %", { $0.shareCrashed.map { number(100 * $0) } }), ("m/s", { $0.meanSpeed.map(number) }),
      ("length", { number($0.length.mean) }), ("run", { $0.subject }), ("environment", { $0.environment }),
    ]
    let shown = columns.filter { column in contains { column.cell($0) != nil } }
    let rows = [shown.map(\.title)] + map { report in shown.map { $0.cell(report) ?? "–" } }
    let widths = shown.indices.map { column in rows.map { $0[column].count }.max() ?? 0 }
    var lines = ["\(first.episodes) greedy episodes each, \(first.seeds)"]
    lines += rows.map { row in
      let cells = row.enumerated().map { index, cell in
        let space = String(repeating: " ", count: widths[index] - cell.count)
        switch shown[index].title {
        case "environment": return cell  // nothing stands behind it
        case "run": return cell + space
        default: return space + cell
        }
      }
      return cells.joined(separator: "  ")
    }
    if count > 1, Set(map(\.environment)).count == 1 {
      let means = map(\.summary.mean), over = Summary(means)
      let interval = over.interquartileMeanInterval.map(number).joined(separator: ", ")
      lines.append(
        "over \(count) runs: mean \(number(over.mean)) ± \(number(over.standardDeviation)), median \(number(over.median)), worst "
          + "\(number(means.min() ?? .nan)), IQM \(number(over.interquartileMean)) [\(interval)]")
    }
    return lines.joined(separator: "\n")
  }
}

private func number(_ value: Double) -> String { String(format: "%.2f", value) }
