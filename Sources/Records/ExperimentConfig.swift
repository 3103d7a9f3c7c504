/// One value that describes one run. Presets are such values, flags override fields, and `config.json` in a run folder
/// records it; reading it back is strict.

/// Which encoder turns observations into the latent, by name. `Architecture.all` in Networks says which there are.
public struct EncoderKind: RawRepresentable, Hashable, Codable, Sendable {
  public let rawValue: String
  public init(rawValue: String) { self.rawValue = rawValue }

  /// The last observation alone; an LSTM.
  public static let dqn = EncoderKind(rawValue: "dqn"), lstm = EncoderKind(rawValue: "lstm")
  /// Attention over a window; Mamba-1.
  public static let transformer = EncoderKind(rawValue: "transformer"), mamba = EncoderKind(rawValue: "mamba")
  /// The published study's, in the order that its tasks are numbered by.
  public static let published = [dqn, lstm, transformer, mamba]
  /// The published ones in their order, then the others by name; each once.
  public static func ordered(_ encoders: [EncoderKind]) -> [EncoderKind] {
    published.filter(encoders.contains) + Set(encoders).subtracting(published).sorted { $0.rawValue < $1.rawValue }
  }

  /// As the field writes it: DQN, LSTM-DQN, Mamba-DQN.
  public var title: String {
    if self == .dqn { return "DQN" }
    return (rawValue.count <= 4 ? rawValue.uppercased() : rawValue.capitalized) + "-DQN"
  }
}

/// What the learner draws from replay.
public enum ReplayKind: String, Codable, CaseIterable, Sendable {
  /// Windows of `windowLength` observations, each from the zero state, read at the last position.
  case window
  /// Sequences with state, learned from at every position after the burn-in.
  case sequence
}

/// Where sequences begin.
public enum SequenceStart: String, Codable, CaseIterable, Sendable {
  /// At every (sequenceLength − sequenceOverlap)-th step of a stream.
  case anywhere
  /// At the beginning of an episode; what is left of a sequence is filled with further episodes.
  case episode
}

/// What becomes of the latents (or recurrent states) that acting computes.
public enum LatentUse: String, Codable, CaseIterable, Sendable {
  /// Written into replay and not read, as published (windows).
  case stored
  /// Not stored. Sequences begin at the zero state.
  case none
  /// The stored latent of the next step stands in for the target network's pass, and is refreshed when learned from (windows).
  case target
  /// A sequence begins at the recurrent state stored with its first step (sequences).
  case state
  /// The same, and states recomputed while learning are written back (sequences).
  case refresh
}

/// A norm before each block of the encoder.
public enum BlockNorm: String, Codable, CaseIterable, Sendable {
  /// Blocks one after the other.
  case none
  /// x + block(RMSNorm(x)), block after block, and an RMSNorm after the last.
  case rms
}

/// What a Q-network's loss is of a TD error δ.
public enum LossKind: String, Codable, CaseIterable, Sendable {
  /// ½δ² up to 1, |δ| − ½ beyond (PyTorch's `smooth_l1_loss`).
  case huber
  /// ½δ².
  case squared
}

/// How the target network follows the online network.
public enum TargetUpdate: String, Codable, CaseIterable, Sendable {
  /// A copy every `targetSyncInterval` environment steps.
  case hard
  /// target ← target + polyakRate · (online − target) after every gradient step.
  case polyak
}

/// Every setting of a run. `mamba-dqn list settings` says what each may be.
public struct ExperimentConfig: Codable, Equatable, Sendable {
  // What runs
  /// As `train` takes it.
  public var environment = "LunarLander-v3"
  /// Where the settings started from.
  public var preset = "default"
  /// Everything random follows from it.
  public var seed: UInt64 = 0
  /// Environment steps.
  public var totalSteps = 200_000

  // Network (sizes of the published one)
  /// What turns observations into the latent.
  public var encoder = EncoderKind.mamba
  /// Observations in a window.
  public var windowLength = 10
  /// Units of the first of two input layers; 0 for one layer.
  public var hiddenSize = 256
  /// Units of the second, and of the latent.
  public var modelSize = 128
  /// States a channel of a Mamba block (d_state).
  public var stateSize = 64
  /// Taps of its convolution (d_conv).
  public var convolutionWidth = 4
  /// Its inner channels per unit of `modelSize`.
  public var expansion = 2
  /// Blocks, and the norm before each: with a norm they are a residual stack.
  public var layers = 1
  /// Before each block.
  public var norm = BlockNorm.none
  /// Units of a hidden layer between latent and Q-values; 0 for none.
  public var headHidden = 0
  /// Channels of a head of Mamba-2, Mamba-3 and attention.
  public var headSize = 32
  /// Mamba-3 begins with slow decays and rotations spread over all frequencies (`Mamba3.Start.slow`).
  public var slowDecay = false
  /// Steps of size 1 in which such a state decays to 1/e, nearly.
  public var decaySteps = 100
  /// Entities that the observation lists, the first the agent itself; 0: it is no list.
  public var entities = 0
  /// The observation is as many like parts as there are actions, in their order: one shared network reads, remembers and values
  /// each.
  public var perAction = false
  /// Q-networks that learn side by side from the same batches; their mean is acted on.
  public var members = 1
  /// Above 0: all members learn against the mean of their target networks less this many of their standard deviations.
  public var pessimism = 0.0
  /// The latent is the encoder's output plus what it read at the last position.
  public var residual = false
  /// A LayerNorm before each ReLU of the input layers.
  public var layerNorm = false
  /// Q(s, a) = V(s) + A(s, a) − mean A(s, ·) (Wang et al. 2016).
  public var dueling = false
  /// What the output layer's initial weights are multiplied by.
  public var outputScale = 1.0

  // Learning
  /// γ.
  public var discount = 0.99
  /// AdamW's step size.
  public var learningRate = 1e-4
  /// The last step's learning rate as a share of `learningRate`: it falls linearly over the run.
  public var learningRateEnd = 1.0
  /// Gradient steps over which the learning rate rises from 0.
  public var learningRateWarmup = 0
  /// The encoder's learning rate as a multiple of the rest's.
  public var encoderLearningRate = 1.0
  /// Decoupled (Loshchilov & Hutter 2019).
  public var weightDecay = 0.01
  /// The largest second moment is kept (Reddi et al. 2018).
  public var amsgrad = false
  /// Transitions, or sequences, in a gradient step.
  public var batchSize = 64
  /// Threads of a gradient step. Sums over the batch are taken part by part, so results depend on it in their last bits.
  public var threads = 1
  /// Largest global norm of the gradient.
  public var gradientClip = 1.0
  /// Environment steps before the first gradient step.
  public var learningStarts = 10_000
  /// Environment steps between learning, and gradient steps each time.
  public var gradientInterval = 1
  /// Each time that it learns.
  public var gradientSteps = 1
  /// How the target network follows.
  public var targetUpdate = TargetUpdate.hard
  /// Environment steps between copies (`targetUpdate` hard).
  public var targetSyncInterval = 1_000
  /// Share of the way a gradient step (`targetUpdate` polyak).
  public var polyakRate = 0.005
  /// Of a TD error.
  public var loss = LossKind.huber
  /// The online network chooses the next action, the target network values it (van Hasselt et al. 2016).
  public var doubleQ = false
  /// Rewards summed before the bootstrap.
  public var nStep = 1
  /// What rewards are multiplied by before they are learned from.
  public var rewardScale = 1.0
  /// Q-values are learned under h(x) = sign(x)(√(|x| + 1) − 1) + 0.001 x (Pohlen et al. 2018, as R2D2).
  public var valueRescaling = false
  /// Above 0: evaluations and final weights use an average of the parameters, of which each gradient step keeps this share.
  public var averagedWeights = 0.0
  /// True reproduces the published code: a time limit cuts the bootstrap as a terminal state does.
  public var cutBootstrapAtTruncation = false

  // Exploration: linear from `epsilonStart` to `epsilonEnd` over `epsilonDecaySteps` environment steps
  /// Share of random actions at the start.
  public var epsilonStart = 1.0
  /// Share of random actions at the end of the fall.
  public var epsilonEnd = 0.01
  /// Environment steps of the fall.
  public var epsilonDecaySteps = 140_000
  /// The most that chance acts at a rare observation: ε over the observation's share of all steps, up to this; 0: ε everywhere.
  public var rareEpsilon = 0.0

  // What the network reads
  /// `observation`, and what stands beside it: `action` and `reward` (the last ones), `differences` (of the observation and
  /// the one before, each over its root mean square).
  public var inputs = "observation"
  /// `none` (bytes, as images have them: to 0 … 1); factors, one a feature or a few that repeat, such as `1,15,3`; or `measured`: one over the root mean square over
  /// the first random steps.
  public var observationScale = "none"

  // Actors
  /// Environments that feed one learner.
  public var actors = 1
  /// Actor i of n explores with ε^(1 + spread · i/(n − 1)).
  public var epsilonSpread = 0.0

  // Replay
  /// What is drawn from it.
  public var replay = ReplayKind.window
  /// What becomes of latents and states that acting computes.
  public var latents = LatentUse.stored
  /// Where sequences begin.
  public var sequenceStart = SequenceStart.anywhere
  /// Positions that are learned from; how many of them the next sequence has too; positions before them that only warm the
  /// state up.
  public var sequenceLength = 64
  /// Positions that a sequence shares with the next.
  public var sequenceOverlap = 32
  /// Positions before a sequence that only warm its state up.
  public var burnIn = 0
  /// True: a sequence goes on into the next episode, with the state zeroed in between.
  public var crossEpisodes = true
  /// Transitions.
  public var replayCapacity = 100_000
  /// α of prioritized replay (Schaul et al. 2016); 0 draws uniformly.
  public var priorityExponent = 0.6
  /// β at the start; 1 at the end.
  public var importanceExponentStart = 0.4
  /// True reproduces the published LunarLander code: |TD error| is clamped to 1 before it becomes a priority.
  public var clampPriorityError = false

  // Bookkeeping, in environment steps
  /// Environment steps between checkpoints.
  public var checkpointInterval = 10_000
  /// Environment steps between evaluations.
  public var evaluationInterval = 10_000
  /// Greedy episodes in each; 0 for none.
  public var evaluationEpisodes = 5
  /// One row of progress.csv and one TensorBoard event each.
  public var logInterval = 500
  /// Between greedy episodes that are recorded as pages; 0 for none.
  public var recordInterval = 0

  // Seconds until an environment that does not answer (of Python's: native ones cannot hang) is given up
  /// Seconds that a `gymnasium:` environment may take to be made.
  public var startTimeout = 120.0
  /// Seconds that its reset may take.
  public var resetTimeout = 120.0
  /// Seconds that a step of it may take.
  public var stepTimeout = 30.0

  /// The published network on LunarLander-v3.
  public init() {}
}
