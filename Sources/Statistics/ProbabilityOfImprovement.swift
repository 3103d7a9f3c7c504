/// How likely a run of one agent beats a run of another on the same task (Agarwal et al. 2021, section 4.3).
import Randomness

extension Statistics {
  /// P(X > Y), ties counting one half, averaged over the tasks: rliable's `probability_of_improvement(x, y)`. Both are
  /// `[task][run]` over the same tasks in the same order, not empty; numbers of runs may differ. The interval resamples the
  /// runs of both within each task.
  public static func probabilityOfImprovement(
    of x: [[Double]], over y: [[Double]], resamples: Int = 2000, seed: UInt64 = bootstrapSeed
  ) -> Estimate {
    checkBootstrap(x, resamples)
    checkBootstrap(y, resamples)
    precondition(x.count == y.count, "\(x.count) tasks cannot be compared with \(y.count)")
    var generator = SplitMix64(seed: seed)
    return Estimate(
      shareOfWins(x, y),
      resampled: (0..<resamples).map { _ in
        shareOfWins(resample(x, using: &generator), resample(y, using: &generator))
      })
  }

  /// The Mann-Whitney U of each task over its number of pairs, averaged over the tasks.
  private static func shareOfWins(_ x: [[Double]], _ y: [[Double]]) -> Double {
    mean(
      zip(x, y).map { x, y in
        var halfWins = 0
        for a in x { for b in y { halfWins += a > b ? 2 : a == b ? 1 : 0 } }
        return Double(halfWins) / Double(2 * x.count * y.count)
      })
  }
}
