/// One value that describes one run. Presets are such values, flags override fields, and `config.json` in a run folder
/// records it; reading it back is strict.

/// Which encoder turns a window of observations into the latent.
public enum EncoderKind: String, Codable, CaseIterable, Sendable {
  case dqn, lstm, transformer, mamba
}

public struct ExperimentConfig: Codable, Equatable, Sendable {
  // What runs
  public var environment = "LunarLander-v3"
  public var preset = "default"
  public var seed: UInt64 = 0
  public var totalSteps = 200_000

  // Network (sizes of the published one)
  public var encoder = EncoderKind.mamba
  public var windowLength = 10
  public var hiddenSize = 256
  public var modelSize = 128
  public var stateSize = 64
  public var convolutionWidth = 4
  public var expansion = 2

  // Learning
  public var discount = 0.99
  public var learningRate = 1e-4
  public var weightDecay = 0.01
  public var amsgrad = false
  public var batchSize = 64
  /// Threads of a gradient step. Sums over the batch are taken part by part, so results depend on it in their last bits.
  public var threads = 1
  public var gradientClip = 1.0
  public var learningStarts = 10_000
  public var targetSyncInterval = 1_000
  /// True reproduces the published code: a time limit cuts the bootstrap as a terminal state does.
  public var cutBootstrapAtTruncation = false

  // Exploration: linear from `epsilonStart` to `epsilonEnd` over `epsilonDecaySteps` environment steps
  public var epsilonStart = 1.0
  public var epsilonEnd = 0.01
  public var epsilonDecaySteps = 140_000

  // Replay
  public var replayCapacity = 100_000
  public var priorityExponent = 0.6
  public var importanceExponentStart = 0.4
  /// True reproduces the published LunarLander code: |TD error| is clamped to 1 before it becomes a priority.
  public var clampPriorityError = false

  // Bookkeeping, in environment steps
  public var checkpointInterval = 10_000
  public var evaluationInterval = 10_000
  public var evaluationEpisodes = 5
  /// One row of progress.csv and one TensorBoard event each.
  public var logInterval = 500

  // Seconds until an environment that does not answer (of Python's: native ones cannot hang) is given up
  public var startTimeout = 120.0
  public var resetTimeout = 120.0
  public var stepTimeout = 30.0

  public init() {}
}
