/// What an evaluation reports (Agarwal et al. 2021, "Deep RL at the edge of the statistical precipice").

public struct Summary: Codable, Equatable, Sendable {
  public var mean, standardDeviation, median, interquartileMean: Double
  /// 95% percentile-bootstrap interval of the inter-quartile mean.
  public var interquartileMeanInterval: [Double]

  /// `values` must not be empty. The bootstrap is seeded, so equal values give equal intervals.
  public init(_ values: [Double], resamples: Int = 2000) {
    precondition(!values.isEmpty, "nothing to summarise")
    mean = Statistics.mean(values)
    standardDeviation = Statistics.standardDeviation(values)
    median = Statistics.median(values)
    interquartileMean = Statistics.interquartileMean(values)
    let estimate = Statistics.stratifiedBootstrap(
      [values], resamples: resamples, Statistics.aggregateInterquartileMean)
    interquartileMeanInterval = [estimate.low, estimate.high]
  }
}

public enum Statistics {
  public static func mean(_ values: [Double]) -> Double { values.reduce(0, +) / Double(values.count) }

  /// With n − 1; 0 for a single value.
  public static func standardDeviation(_ values: [Double]) -> Double {
    guard values.count > 1 else { return 0 }
    let mean = mean(values)
    return (values.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(values.count - 1)).squareRoot()
  }

  public static func median(_ values: [Double]) -> Double { quantile(values.sorted(), 0.5) }

  /// Mean of the middle half: `scipy.stats.trim_mean(values, 0.25)`.
  public static func interquartileMean(_ values: [Double]) -> Double {
    let cut = values.count / 4
    return mean(Array(values.sorted()[cut..<values.count - cut]))
  }

  /// Of all tasks' and runs' scores together (`[task][run]`): rliable's `aggregate_iqm`.
  public static func aggregateInterquartileMean(_ scores: [[Double]]) -> Double { interquartileMean(scores.flatMap(\.self)) }

  /// Linear interpolation between the closest ranks, as `numpy.quantile`. `sorted` is ascending.
  public static func quantile(_ sorted: [Double], _ q: Double) -> Double {
    let position = q * Double(sorted.count - 1), lower = Int(position)
    guard lower + 1 < sorted.count else { return sorted[sorted.count - 1] }
    return sorted[lower] + (position - Double(lower)) * (sorted[lower + 1] - sorted[lower])
  }
}
