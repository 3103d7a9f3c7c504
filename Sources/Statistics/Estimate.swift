/// A number with its 95% interval from the stratified bootstrap (Agarwal et al. 2021, section 4.1): the runs of each task
/// are resampled, the tasks stay. Scores are `[task][run]`; tasks may differ in their number of runs.
import Randomness

public struct Estimate: Codable, Equatable, Sendable {
  /// The estimator's value of the scores themselves.
  public var value: Double
  /// 2.5% and 97.5% quantiles of its values of the resampled scores.
  public var low, high: Double

  public init(value: Double, low: Double, high: Double) {
    self.value = value
    self.low = low
    self.high = high
  }

  init(_ value: Double, resampled: [Double]) {
    let sorted = resampled.sorted()
    self.init(value: value, low: Statistics.quantile(sorted, 0.025), high: Statistics.quantile(sorted, 0.975))
  }
}

extension Statistics {
  /// Of every bootstrap unless the caller has one: equal scores give equal intervals.
  public static let bootstrapSeed: UInt64 = 0x1_95

  /// `estimator` with its percentile interval, as rliable's `get_interval_estimates(…, method='percentile')`. `scores` has
  /// at least one task, and every task at least one run.
  public static func stratifiedBootstrap(
    _ scores: [[Double]], resamples: Int = 2000, seed: UInt64 = bootstrapSeed, _ estimator: ([[Double]]) -> Double
  ) -> Estimate {
    checkBootstrap(scores, resamples)
    var generator = SplitMix64(seed: seed)
    return Estimate(
      estimator(scores), resampled: (0..<resamples).map { _ in estimator(resample(scores, using: &generator)) })
  }

  static func checkBootstrap(_ scores: [[Double]], _ resamples: Int) {
    precondition(!scores.isEmpty, "no task to estimate from")
    precondition(scores.allSatisfy { !$0.isEmpty }, "a task without runs cannot be resampled")
    precondition(resamples > 0, "an interval takes at least one resample")
  }

  /// As many runs of each task as it has, drawn with replacement and independently of the other tasks.
  static func resample(_ scores: [[Double]], using generator: inout SplitMix64) -> [[Double]] {
    scores.map { runs in runs.map { _ in runs[Int(generator.next(upperBound: UInt64(runs.count)))] } }
  }
}
