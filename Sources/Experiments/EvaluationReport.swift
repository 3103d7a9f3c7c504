/// What an evaluation found, for a person and for a program.
import Foundation
import Records
import Statistics
import Training

public struct EvaluationReport: Codable, Sendable, ReadableJSON {
  public var subject, environment: String
  public var seed: UInt64
  public var episodes: Int
  public var summary: Summary
  public var shareAtLeast200, shareTruncated: Double
  public var length: Summary
  public var returns: [Double]
  public var lengths: [Int]

  /// `results` must not be empty.
  public init(subject: String, environment: String, seed: UInt64, _ results: [Episode]) {
    (self.subject, self.environment, self.seed, episodes) = (subject, environment, seed, results.count)
    returns = results.map(\.return)
    lengths = results.map(\.length)
    summary = Summary(returns)
    length = Summary(lengths.map(Double.init))
    shareAtLeast200 = Double(returns.filter { $0 >= 200 }.count) / Double(results.count)
    shareTruncated = Double(results.filter(\.truncated).count) / Double(results.count)
  }

  /// What came out, for someone who knows the task but no statistics; nil where there are no plain words for it.
  ///
  /// - Parameter heuristic: the same episodes of the hand-written policy, where there is one.
  public func sentence(heuristic: [Episode]?) -> String? {
    func landed(_ returns: [Double]) -> Int { returns.filter { $0 >= 200 }.count }
    if isLander {
      let other = heuristic.map { "; the hand-written heuristic lands \(landed($0.map(\.return)))" } ?? ""
      return "landed \(landed(returns)) of \(episodes) times (return at least 200)\(other)"
    }
    if isRoad { return "drove to the end \(arrived) of \(episodes) times and crashed \(episodes - arrived) times" }
    return heuristic.map {
      String(
        format: "mean return %.2f; the hand-written policy's is %.2f", summary.mean, Summary($0.map(\.return)).mean)
    }
  }

  private var isLander: Bool { environment.contains("LunarLander") }
  private var isRoad: Bool { environment.contains("highway") }
  /// Episodes that the time limit ended: on the road, those without a crash.
  private var arrived: Int { Int((shareTruncated * Double(episodes)).rounded()) }

  public var table: String {
    func number(_ value: Double) -> String { String(format: "%.2f", value) }
    let interval = summary.interquartileMeanInterval.map(number).joined(separator: ", ")
    var lines = [
      "\(episodes) greedy episodes of \(subject) in \(environment), seeds \(seed)…\(seed &+ UInt64(episodes) &- 1)",
      "  return          \(number(summary.mean)) ± \(number(summary.standardDeviation))   (mean ± sd)",
      "  median          \(number(summary.median))",
      "  IQM             \(number(summary.interquartileMean))   95% bootstrap interval [\(interval)]",
    ]
    if isLander { lines.append("  at least 200    \(number(100 * shareAtLeast200)) %") }
    if isRoad { lines.append("  crashed         \(number(100 - 100 * shareTruncated)) %") }
    lines += [
      "  length          \(number(length.mean)) ± \(number(length.standardDeviation))",
      "  truncated       \(number(100 * shareTruncated)) %",
    ]
    return lines.joined(separator: "\n")
  }
}
