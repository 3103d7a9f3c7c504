/// From a latent to Q-values: linear, as published, or dueling (`output_head` then gives the advantages).
import Autograd
import Layers
import Randomness

public struct Head: Layer {
  public let output: Linear
  public let value: Linear?

  public init(_ sizes: NetworkSizes, _ generator: inout SplitMix64) {
    output = Linear(sizes.modelSize, sizes.actionCount, &generator)
    value = sizes.dueling ? Linear(sizes.modelSize, 1, &generator) : nil
    guard sizes.outputScale != 1 else { return }
    for parameter in [output.weight, output.bias, value?.weight, value?.bias].compactMap({ $0 }) {
      for i in 0..<parameter.count { parameter.values[i] *= Float(sizes.outputScale) }
    }
  }

  /// latent [rows, modelSize] → Q-values [rows, actions].
  public func callAsFunction(_ latent: Tensor, on tape: Tape) -> Tensor {
    let q = output(latent, on: tape)
    return value.map { tape.dueling(value: $0(latent, on: tape), advantage: q) } ?? q
  }

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
    forward("output_head", output, body)
    if let value { forward("value_head", value, body) }
  }
}
