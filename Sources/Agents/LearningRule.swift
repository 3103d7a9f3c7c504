/// How a batch is learned from, as a run's configuration says it.
import Records

struct LearningRule: Sendable {
  var doubleQ, rescaled: Bool
  /// Where the loss turns from quadratic to linear.
  var limit: Float
  /// Of an ensemble: standard deviations below its targets' mean; 0: each member has its own target.
  var pessimism: Float

  init(_ config: ExperimentConfig) {
    (doubleQ, rescaled) = (config.doubleQ, config.valueRescaling)
    pessimism = Float(config.pessimism)
    limit = config.loss == .huber ? 1 : .infinity
  }
}
