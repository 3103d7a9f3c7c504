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

  public var table: String {
    func number(_ value: Double) -> String { String(format: "%.2f", value) }
    let interval = summary.interquartileMeanInterval.map(number).joined(separator: ", ")
    return """
      \(episodes) greedy episodes of \(subject) in \(environment), seeds \(seed)…\(seed + UInt64(episodes) - 1)
        return          \(number(summary.mean)) ± \(number(summary.standardDeviation))   (mean ± sd)
        median          \(number(summary.median))
        IQM             \(number(summary.interquartileMean))   95% bootstrap interval [\(interval)]
        at least 200    \(number(100 * shareAtLeast200)) %
        length          \(number(length.mean)) ± \(number(length.standardDeviation))
        truncated       \(number(100 * shareTruncated)) %
      """
  }
}
