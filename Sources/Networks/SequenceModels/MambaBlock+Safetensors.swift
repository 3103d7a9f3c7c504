/// A Mamba-1, -2 or -3 block of any sizes from the names and shapes of mamba-ssm and transformers. What shapes cannot tell stands
/// in `ModelSettings`.
import Layers
import Randomness
import Records

enum MambaBlock {
  /// Whether the tensors under a prefix are a block's.
  static func isRecognised(_ tensors: TensorShapes) -> Bool { tensors["A_log"] != nil || tensors["B_bias"] != nil }

  /// A block of the sizes that its tensors have; its parameters are still to be read.
  static func make(_ tensors: TensorShapes, _ settings: ModelSettings) throws -> any SequenceLayer {
    let kind = tensors["B_bias"] != nil ? 3 : tensors["A_log"]?.count == 1 ? 2 : 1
    try settings.check(kind: "Mamba\(kind)", tensors)
    switch kind {
    case 3: return try mamba3(tensors)
    case 2: return try mamba2(tensors, settings)
    default: return try mamba1(tensors)
    }
  }

  private static func mamba1(_ tensors: TensorShapes) throws -> Mamba1 {
    let a = try tensors.shape("A_log", 2), model = try tensors.shape("in_proj.weight", 2)[1]
    let convolution = try tensors.shape("conv1d.weight", 3), rank = try tensors.shape("dt_proj.weight", 2)[1]
    let expansion = try expansion(tensors, channels: a[0], model: model)
    try tensors.require("in_proj.weight", [2 * a[0], model])
    try tensors.require("conv1d.weight", [a[0], 1, convolution[2]])
    try tensors.require("dt_proj.weight", [a[0], rank])
    var generator = SplitMix64(seed: 0)
    return Mamba1(
      modelSize: model, stateSize: a[1], convolutionWidth: convolution[2], expansion: expansion, rank: rank,
      bias: tensors["in_proj.bias"] != nil, convolutionBias: tensors["conv1d.bias"] != nil, &generator)
  }

  private static func mamba2(_ tensors: TensorShapes, _ settings: ModelSettings) throws -> Mamba2 {
    let heads = try tensors.shape("A_log", 1)[0], inner = try tensors.shape("norm.weight", 1)[0]
    let model = try tensors.shape("in_proj.weight", 2)[1], convolution = try tensors.shape("conv1d.weight", 3)
    let expansion = try expansion(tensors, channels: inner, model: model), groups = settings.groups
    let selected = convolution[0] - inner
    guard inner % heads == 0, heads % groups == 0, selected > 0, selected % (2 * groups) == 0 else {
      throw tensors.error(
        "conv1d.weight",
        "has \(convolution[0]) channels, which \(inner) channels in \(heads) heads and B and C in "
          + "\(groups == 1 ? "one group" : "\(groups) groups") (\(settings.groupsSource)) do not add up to")
    }
    try tensors.require("in_proj.weight", [inner + convolution[0] + heads, model])
    try tensors.require("conv1d.weight", [convolution[0], 1, convolution[2]])
    var generator = SplitMix64(seed: 0)
    return Mamba2(
      modelSize: model, stateSize: selected / (2 * groups), headSize: inner / heads, groups: groups,
      convolutionWidth: convolution[2], expansion: expansion, hasConvolutionBias: tensors["conv1d.bias"] != nil,
      hasProjectionBias: tensors["in_proj.bias"] != nil, &generator)
  }

  private static func mamba3(_ tensors: TensorShapes) throws -> Mamba3 {
    let bias = try tensors.shape("B_bias", 3), inner = try tensors.shape("out_proj.weight", 2)[1]
    let projection = try tensors.shape("in_proj.weight", 2)
    let (heads, ranks, states) = (bias[0], bias[1], bias[2])
    let expansion = try expansion(tensors, channels: inner, model: projection[1])
    // in_proj's rows are 2 inner + 2 ranks · groups · states + 3 heads + angles, and angles are at most half the states.
    let rest = projection[0] - 2 * inner - 3 * heads, group = 2 * ranks * states
    guard inner % heads == 0, rest >= group, heads % (rest / group) == 0, 2 * (rest % group) <= states else {
      throw tensors.error(
        "in_proj.weight", "has \(projection[0]) rows, which a Mamba-3 block of B_bias \(bias) and \(inner) channels does not have"
      )
    }
    let isMIMO = tensors["mimo_x"] != nil
    guard isMIMO || ranks == 1 else { throw tensors.error("B_bias", "has shape \(bias), and there is no mimo_x") }
    try tensors.require("out_proj.weight", [projection[1], inner])
    if isMIMO { try tensors.require("mimo_x", [heads, ranks, inner / heads]) }
    var generator = SplitMix64(seed: 0)
    // Half a state more, so that no rounding loses a pair.
    return Mamba3(
      modelSize: projection[1], stateSize: states, expansion: expansion, headSize: inner / heads, groups: rest / group,
      rank: isMIMO ? ranks : 0, ropeFraction: (2 * Double(rest % group) + 0.5) / Double(states),
      isNormed: tensors["norm.weight"] != nil, start: tensors["in_proj.bias"] != nil ? .slow() : .reference, &generator)
  }

  private static func expansion(_ tensors: TensorShapes, channels: Int, model: Int) throws -> Int {
    guard channels % model == 0 else {
      throw tensors.error(
        "in_proj.weight", "reads \(model) features; the block's \(channels) channels must be a multiple of them")
    }
    return channels / model
  }
}
