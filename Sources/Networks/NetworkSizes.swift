/// The sizes that determine a Q-network, whether from a run's configuration or read off a file's names and shapes.
import Records

/// Everything that a Q-network's shape depends on.
public struct NetworkSizes: Equatable, Sendable {
  /// Its kind.
  public var encoder: EncoderKind
  /// Features that it reads of each observation.
  public var observationSize: Int
  /// Q-values.
  public var actionCount: Int
  /// Observations in a window.
  public var windowLength: Int
  /// Units of the first of two input layers; 0 for one layer.
  public var hiddenSize: Int
  /// Units of the second, and of the latent.
  public var modelSize: Int
  /// States a channel of a Mamba block.
  public var stateSize: Int
  /// Taps of its convolution.
  public var convolutionWidth: Int
  /// Its inner channels per unit of `modelSize`.
  public var expansion: Int
  /// Blocks, and the norm before each: with a norm they are a residual stack.
  public var layers = 1
  /// Before each block.
  public var norm = BlockNorm.none
  /// Units of the head's hidden layer; 0: none.
  public var headHidden = 0
  /// Channels of a head of Mamba-2, Mamba-3 and attention.
  public var headSize = 32
  /// Mamba-3 with an input bias and a start of slow decays.
  public var slowDecay = false
  /// Steps of size 1 in which its states decay to 1/e at first; says nothing about a network that exists.
  public var decaySteps = 100
  /// Entities that the observation lists, and features of each (`EntityEncoder`); 0: it is no list.
  public var entities = 0, entityFeatures = 0
  /// Features of each part of an observation that has one an action (`PartReader`); 0: it has no such parts.
  public var partFeatures = 0
  /// Q-functions whose mean is acted on.
  public var members = 1
  /// What was read last is added to the encoder's output.
  public var residual: Bool
  /// Before each ReLU of the input layers.
  public var layerNorm: Bool
  /// A state's value and the actions' advantages (Wang et al. 2016).
  public var dueling: Bool
  /// Of the initial output layer: says nothing about a network that exists.
  public var outputScale: Double

  /// Sizes that are not given are the published network's.
  public init(
    encoder: EncoderKind, observationSize: Int, actionCount: Int, windowLength: Int, hiddenSize: Int = 256,
    modelSize: Int = 128, stateSize: Int = 64, convolutionWidth: Int = 4, expansion: Int = 2,
    residual: Bool = false, layerNorm: Bool = false, dueling: Bool = false, outputScale: Double = 1
  ) {
    (self.encoder, self.observationSize, self.actionCount) = (encoder, observationSize, actionCount)
    (self.windowLength, self.hiddenSize, self.modelSize) = (windowLength, hiddenSize, modelSize)
    (self.stateSize, self.convolutionWidth, self.expansion) = (stateSize, convolutionWidth, expansion)
    (self.residual, self.layerNorm, self.dueling, self.outputScale) = (residual, layerNorm, dueling, outputScale)
  }

  /// Sequences that a network remembers side by side: one an action where the observation has parts.
  public var parts: Int { partFeatures > 0 ? actionCount : 1 }

  /// Heads of attention, and the positions back that it sees; 0 for an encoder without it.
  public var attention: (heads: Int, context: Int) {
    guard encoder == .transformer else { return (0, 0) }
    return norm == .rms ? (max(1, modelSize / headSize), windowLength) : (TransformerEncoder.heads, 0)
  }

  /// Floats of a row of recurrent state (`QNetwork.stateLayout`): known before anything is made.
  public var recurrentStateSize: Int {
    Architecture.of(self).stateLayout(self).count * (norm == .rms ? layers : 1) * parts
  }

  /// Parameters of a network of these sizes, to within a factor of two or so: known before anything is made.
  public var approximateParameters: Double {
    let (o, a) = (Double(observationSize) / Double(parts), Double(actionCount) / Double(parts))
    let (h, d) = (Double(hiddenSize), Double(modelSize))
    let torso = hiddenSize == 0 ? o * d : o * h + h * d
    let head = headHidden == 0 ? d * a : Double(headHidden) * (d + a)
    let block = 3 * d * Double(expansion) * (d + Double(stateSize))
    let isPlain = encoder == .dqn && norm == .none
    let entity = entities == 0 ? 0 : h * (Double(2 * entityFeatures) + 3 * h)
    return Double(members) * (torso + entity + head + (isPlain ? 0 : Double(layers) * block))
  }

  /// Floats that a gradient step keeps of its forward pass at one position, at least.
  public var approximateActivations: Double {
    let width = Double(modelSize) * (1 + 2 * Double(expansion))
    return Double(members * parts)
      * (Double(hiddenSize) + (encoder == .dqn && norm == .none ? Double(modelSize) : Double(layers) * width))
  }

  /// Those of a run.
  public init(_ config: ExperimentConfig, observationSize: Int, actionCount: Int) {
    self.init(
      encoder: config.encoder, observationSize: observationSize, actionCount: actionCount,
      windowLength: config.windowLength, hiddenSize: config.hiddenSize, modelSize: config.modelSize,
      stateSize: config.stateSize, convolutionWidth: config.convolutionWidth, expansion: config.expansion,
      residual: config.residual, layerNorm: config.layerNorm, dueling: config.dueling, outputScale: config.outputScale)
    (layers, norm, headHidden, headSize) = (config.layers, config.norm, config.headHidden, config.headSize)
    (slowDecay, decaySteps, members) = (config.slowDecay, config.decaySteps, config.members)
    if config.perAction, let inputs = InputDescription(config.inputs) {
      partFeatures = (observationSize - inputs.size(observation: 0, actions: actionCount)) / actionCount
    }
    guard config.entities > 0, let inputs = InputDescription(config.inputs) else { return }
    (entities, entityFeatures) = (
      config.entities, (observationSize - inputs.size(observation: 0, actions: actionCount)) / config.entities
    )
  }
}
