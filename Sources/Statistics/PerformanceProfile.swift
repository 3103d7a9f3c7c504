/// The score distribution of Agarwal et al. 2021 (section 4.2): how large a share of the runs scores above each threshold.
import Randomness

public struct PerformanceProfile: Codable, Equatable, Sendable {
  public var thresholds: [Double]
  /// One per threshold: the share of runs whose score is above it (not equal to it), averaged over the tasks, with a
  /// pointwise 95% band.
  public var shares: [Estimate]

  /// As rliable's `create_performance_profile` with its default, `use_score_distribution=True`. `scores` is `[task][run]`,
  /// neither of them empty. All thresholds share their resamples.
  public init(
    _ scores: [[Double]], thresholds: [Double], resamples: Int = 2000, seed: UInt64 = Statistics.bootstrapSeed
  ) {
    Statistics.checkBootstrap(scores, resamples)
    var generator = SplitMix64(seed: seed)
    let resampled = (0..<resamples).map { _ in
      Self.shares(of: Statistics.resample(scores, using: &generator), above: thresholds)
    }
    self.thresholds = thresholds
    shares = Self.shares(of: scores, above: thresholds).enumerated().map { index, share in
      Estimate(share, resampled: resampled.map { $0[index] })
    }
  }

  private static func shares(of scores: [[Double]], above thresholds: [Double]) -> [Double] {
    thresholds.map { threshold in
      Statistics.mean(scores.map { runs in Double(runs.count { $0 > threshold }) / Double(runs.count) })
    }
  }
}
