/// How a batch is learned from, as a run's configuration says it.
import Records

struct LearningRule: Sendable {
  var doubleQ, rescaled: Bool
  /// Where the loss turns from quadratic to linear.
  var limit: Float

  init(_ config: ExperimentConfig) {
    (doubleQ, rescaled) = (config.doubleQ, config.valueRescaling)
    limit = config.loss == .huber ? 1 : .infinity
  }
}
