/// torso → encoder → latent → head. The published network is the case without norms, residual and dueling.
import Autograd
import Kernels
import Layers
import Randomness

public final class QNetwork: Layer {
  public let sizes: NetworkSizes
  public let torso: Torso
  public let encoder: any SequenceEncoder
  public let head: Head
  public private(set) lazy var block = ParameterBlock(self)

  public init(_ sizes: NetworkSizes, _ generator: inout SplitMix64) {
    self.sizes = sizes
    torso = Torso(sizes, &generator)
    encoder = makeEncoder(sizes, &generator)
    head = Head(sizes, &generator)
    _ = block
  }

  /// windows [batch × time, observationSize] → q [batch, actions], latent [batch, modelSize].
  public func callAsFunction(_ windows: Tensor, time: Int, on tape: Tape) -> (q: Tensor, latent: Tensor) {
    let (features, time) = features(windows, time: time, on: tape)
    let latent = latent(features, time: time, readout: nil, on: tape)
    return (head(latent, on: tape), latent)
  }

  /// The same, and the Q-learning loss of the actions taken (`Tape.tdLoss`). Knowing the loss beforehand, the encoder may
  /// prepare its gradients during the forward pass.
  public func callAsFunction(
    _ windows: Tensor, time: Int, actions: UnsafePointer<Int32>, targets: UnsafePointer<Float>,
    weights: UnsafePointer<Float>, limit: Float, on tape: Tape
  ) -> (q: Tensor, latent: Tensor, loss: TDLoss) {
    let (features, time) = features(windows, time: time, on: tape)
    let batch = features.rows / time, width = sizes.modelSize
    let direction = tape.floats(batch * width), offset = tape.floats(batch)
    for row in 0..<batch {
      let direction = direction + row * width
      offset[row] = head.readout(of: Int(actions[row]), direction: direction)
      if isResidual {
        let skipped = features.values + (row * time + time - 1) * features.stride
        for i in 0..<width { offset[row] += direction[i] * skipped[i] }
      }
    }
    let readout = LinearReadout(
      direction: direction, offset: offset, targets: targets, weights: weights, limit: limit, rows: batch)
    let latent = latent(features, time: time, readout: readout, on: tape)
    let q = head(latent, on: tape)
    return (q, latent, tape.tdLoss(q: q, actions: actions, targets: targets, weights: weights, limit: limit))
  }

  /// An encoder that reads the last observation alone has nothing to be a residual of.
  var isResidual: Bool { sizes.residual && encoder.readsWholeWindow }

  /// The torso's output at every position that the encoder reads, and their number in a window.
  private func features(_ windows: Tensor, time: Int, on tape: Tape) -> (Tensor, time: Int) {
    encoder.readsWholeWindow
      ? (torso(windows, on: tape), time) : (torso(windows.lastPosition(time: time), on: tape), 1)
  }

  private func latent(_ features: Tensor, time: Int, readout: LinearReadout?, on tape: Tape) -> Tensor {
    let output = encoder(features, time: time, readout: readout, on: tape)
    return isResidual ? tape.add(output, features.lastPosition(time: time)) : output
  }

  public func forEachParameter(_ body: (String, Parameter) -> Void) {
    forward("input_mlp", torso, body)
    encoder.forEachParameter { body("\(encoder.name.map { $0 + "." } ?? "")\($0)", $1) }
    head.forEachParameter(body)
  }

  /// The encoder's parameters within the block, where it has any.
  public lazy var encoderRange: Range<Int>? = {
    var parameters: [Parameter] = []
    encoder.forEachParameter { parameters.append($1) }
    guard let first = parameters.first, let last = parameters.last else { return nil }
    let start = first.pointer - block.values.pointer
    return start..<(last.pointer - block.values.pointer + (last.count + 15) / 16 * 16)
  }()
}
