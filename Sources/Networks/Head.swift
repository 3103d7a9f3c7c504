/// From a latent to Q-values: linear, as published, or with a hidden layer, or dueling; or, where every action has a latent of its
/// own, one layer over all of them and one number each. Named `output_head` as published, or
/// `head` after a residual stack.
import Autograd
import Layers
import Randomness

/// From a latent to Q-values.
public struct Head: Layer {
  /// Nil where `headHidden` is 0.
  public let hidden: Linear?
  /// In place of the hidden layer where every action has a latent of its own.
  let parts: EquivariantLayer?
  /// One output an action.
  public let output: Linear
  /// A state's value; `output` then gives the advantages.
  public let value: Linear?
  private let name: String

  /// PyTorch's initial weights, the last layer's times `outputScale`.
  public init(_ sizes: NetworkSizes, _ generator: inout SplitMix64) {
    let perAction = sizes.parts > 1
    parts =
      perAction
      ? EquivariantLayer(
        count: sizes.parts, inputs: sizes.modelSize, hiddenSize: sizes.modelSize, outputs: sizes.headHidden, &generator) : nil
    hidden = sizes.headHidden > 0 && !perAction ? Linear(sizes.modelSize, sizes.headHidden, &generator) : nil
    let width = sizes.headHidden > 0 ? sizes.headHidden : sizes.modelSize
    output = Linear(width, perAction ? 1 : sizes.actionCount, &generator)
    value = sizes.dueling ? Linear(width, 1, &generator) : nil
    name = sizes.norm == .rms ? "head" : "output_head"
    guard sizes.outputScale != 1 else { return }
    for parameter in [output.weight, output.bias, value?.weight, value?.bias].compactMap({ $0 }) {
      for i in 0..<parameter.count { parameter.values[i] *= Float(sizes.outputScale) }
    }
  }

  /// Floating-point operations a row.
  var work: Int {
    if let parts { return parts.work + parts.count * output.work }
    return [hidden, output, value].reduce(0) { $0 + ($1?.work ?? 0) }
  }

  /// latent [rows, modelSize], or [rows × parts, modelSize] → Q-values [rows, actions].
  public func callAsFunction(_ latent: Tensor, on tape: Tape) -> Tensor {
    if let parts { return output(parts(latent, on: tape), on: tape).reshaped(rows: latent.rows / parts.count) }
    let features = hidden.map { $0(latent, activation: .relu, on: tape) } ?? latent
    let q = output(features, on: tape)
    return value.map { tape.dueling(value: $0(features, on: tape), advantage: q) } ?? q
  }

  /// Whether Q-values are linear in the latent, so that `readout` says all of them.
  var isLinear: Bool { hidden == nil && parts == nil }

  /// Q(s, action) as direction · latent + offset: writes the direction [modelSize] and returns the offset.
  func readout(of action: Int, direction: UnsafeMutablePointer<Float>) -> Float {
    let weight = output.weight, width = weight.shape[1], actions = weight.shape[0]
    direction.update(from: weight.pointer + action * width, count: width)
    var offset = output.bias?.pointer[action] ?? 0
    guard let value else { return offset }
    for i in 0..<width {
      var total: Float = 0
      for other in 0..<actions { total += weight.pointer[other * width + i] }
      direction[i] += value.weight.pointer[i] - total / Float(actions)
    }
    if let bias = output.bias { offset -= bias.values.reduce(0, +) / Float(actions) }
    return offset + (value.bias?.pointer[0] ?? 0)
  }

  public func forEachParameter(_ body: (String, Parameter) -> Void) {
    if let hidden { forward("\(name).0", hidden, body) }
    if let parts { forward("\(name).0", parts, body) }
    forward(isLinear ? name : "\(name).2", output, body)
    if let value { forward("value_head", value, body) }
  }
}
