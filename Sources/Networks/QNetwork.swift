/// The published network: input_mlp (two ReLU layers) → encoder → latent → output_head.
import Autograd
import Kernels
import Layers
import Randomness

public final class QNetwork: Layer {
  public let sizes: NetworkSizes
  public let inputMLP: (Linear, Linear)
  public let encoder: any SequenceEncoder
  public let outputHead: Linear
  public private(set) lazy var block = ParameterBlock(self)

  public init(_ sizes: NetworkSizes, _ generator: inout SplitMix64) {
    self.sizes = sizes
    inputMLP = (
      Linear(sizes.observationSize, sizes.hiddenSize, &generator), Linear(sizes.hiddenSize, sizes.modelSize, &generator)
    )
    encoder = makeEncoder(sizes, &generator)
    outputHead = Linear(sizes.modelSize, sizes.actionCount, &generator)
    _ = block
  }

  /// windows [batch × time, observationSize] → q [batch, actions], latent [batch, modelSize].
  public func callAsFunction(_ windows: Tensor, time: Int, on tape: Tape) -> (q: Tensor, latent: Tensor) {
    evaluate(windows, time: time, readout: nil, on: tape)
  }

  /// The same, and the Q-learning loss of the actions taken (`Tape.huberLoss`). Knowing the loss beforehand, the encoder
  /// may prepare its gradients during the forward pass.
  public func callAsFunction(
    _ windows: Tensor, time: Int, actions: UnsafePointer<Int32>, targets: UnsafePointer<Float>,
    weights: UnsafePointer<Float>, on tape: Tape
  ) -> (q: Tensor, loss: HuberLoss) {
    let batch = windows.rows / time, width = sizes.modelSize
    let direction = tape.floats(batch * width), offset = tape.floats(batch)
    let head = outputHead.weight.pointer
    for row in 0..<batch {
      let action = Int(actions[row])
      (direction + row * width).update(from: head + action * width, count: width)
      offset[row] = outputHead.bias?.pointer[action] ?? 0
    }
    let readout = LinearReadout(direction: direction, offset: offset, targets: targets, weights: weights, rows: batch)
    let q = evaluate(windows, time: time, readout: readout, on: tape).q
    return (q, tape.huberLoss(q: q, actions: actions, targets: targets, weights: weights))
  }

  private func evaluate(
    _ windows: Tensor, time: Int, readout: LinearReadout?, on tape: Tape
  ) -> (q: Tensor, latent: Tensor) {
    let input = encoder.readsWholeWindow ? windows : windows.lastPosition(time: time)
    let hidden = inputMLP.0(input, activation: .relu, on: tape)
    let features = inputMLP.1(hidden, activation: .relu, on: tape)
    let latent = encoder(features, time: encoder.readsWholeWindow ? time : 1, readout: readout, on: tape)
    return (outputHead(latent, on: tape), latent)
  }

  public func forEachParameter(_ body: (String, Parameter) -> Void) {
    forward("input_mlp.0", inputMLP.0, body)
    forward("input_mlp.2", inputMLP.1, body)
    encoder.forEachParameter { body("\(encoder.name.map { $0 + "." } ?? "")\($0)", $1) }
    forward("output_head", outputHead, body)
  }
}
