/// torso → encoder → latent → head: one estimate of the Q-values. The published network is one block without norm, residual
/// and dueling.
import Autograd
import Kernels
import Layers
import Randomness

/// From observations to Q-values: torso, encoder, head.
public struct QFunction: Layer {
  /// What its shape depends on.
  public let sizes: NetworkSizes
  /// Reads each observation.
  public let torso: Torso
  /// Reads them in their order.
  public let encoder: any SequenceEncoder
  /// Values the actions.
  public let head: Head

  init(_ sizes: NetworkSizes, _ generator: inout SplitMix64) {
    self.sizes = sizes
    torso = Torso(sizes, &generator)
    encoder = Architecture.encoder(sizes, &generator)
    head = Head(sizes, &generator)
  }

  // MARK: - Windows

  /// windows [batch × time, observationSize] → q [batch, actions], latent [batch, modelSize].
  public func callAsFunction(_ windows: Tensor, time: Int, on tape: Tape) -> (q: Tensor, latent: Tensor) {
    let (features, time) = features(windows, time: time, on: tape)
    let latent = latent(features, time: time, readout: nil, on: tape)
    return (head(latent, on: tape), latent)
  }

  /// The same, and the Q-learning loss of the actions taken (`Tape.tdLoss`). Where the loss is known beforehand up to a scalar
  /// a row, the encoder may prepare its gradients during the forward pass.
  public func callAsFunction(
    _ windows: Tensor, time: Int, actions: UnsafePointer<Int32>, targets: UnsafePointer<Float>,
    weights: UnsafePointer<Float>, limit: Float, on tape: Tape
  ) -> (q: Tensor, latent: Tensor, loss: TDLoss) {
    let (features, time) = features(windows, time: time, on: tape)
    let readout =
      encoder.preparesGradients && head.isLinear
      ? readout(features, time: time, actions: actions, targets: targets, weights: weights, limit: limit, on: tape) : nil
    let latent = latent(features, time: time, readout: readout, on: tape)
    let q = head(latent, on: tape)
    return (q, latent, tape.tdLoss(q: q, actions: actions, targets: targets, weights: weights, limit: limit))
  }

  private func readout(
    _ features: Tensor, time: Int, actions: UnsafePointer<Int32>, targets: UnsafePointer<Float>,
    weights: UnsafePointer<Float>, limit: Float, on tape: Tape
  ) -> LinearReadout {
    let batch = features.rows / time, width = sizes.modelSize
    let directions = tape.floats(batch * width), offset = tape.floats(batch)
    for row in 0..<batch {
      let direction = directions + row * width
      offset[row] = head.readout(of: Int(actions[row]), direction: direction)
      guard isResidual else { continue }
      let skipped = features.values + (row * time + time - 1) * features.stride
      for i in 0..<width { offset[row] += direction[i] * skipped[i] }
    }
    return LinearReadout(
      direction: directions, offset: offset, targets: targets, weights: weights, limit: limit, rows: batch)
  }

  /// An encoder that reads the last observation alone has nothing to be a residual of.
  public var isResidual: Bool { sizes.residual && encoder.readsWholeWindow }

  /// The torso's output at every position that the encoder reads, and their number in a window.
  private func features(_ windows: Tensor, time: Int, on tape: Tape) -> (Tensor, time: Int) {
    encoder.readsWholeWindow
      ? (torso(windows, on: tape), time) : (torso(windows.lastPosition(time: time), on: tape), 1)
  }

  private func latent(_ features: Tensor, time: Int, readout: LinearReadout?, on tape: Tape) -> Tensor {
    let output = encoder(features, time: time, readout: readout, on: tape)
    return isResidual ? tape.add(output, features.lastPosition(time: time)) : output
  }

  // MARK: - Sequences

  /// What a row of recurrent state consists of; nil for an encoder that only knows windows.
  public var stateLayout: StateLayout? { encoder.sequence?.stateLayout }

  /// x [batch × time, observationSize] → q [batch × time, actions], latent [batch × time, modelSize], and the recurrent state
  /// [batch, stateLayout.count] after the last position (`SequenceLayer`).
  public func callAsFunction(
    _ x: Tensor, _ shape: SequenceShape, from state: Tensor?, on tape: Tape
  ) -> (q: Tensor, latent: Tensor, state: Tensor?) {
    guard let sequence = encoder.sequence else { preconditionFailure("\(sizes.encoder.rawValue) only reads windows") }
    let features = torso(x, on: tape)
    let (output, final) = sequence(features, shape, from: state, reading: .all, on: tape)
    let latent = isResidual ? tape.add(output, features) : output
    return (head(latent, on: tape), latent, final)
  }

  // MARK: - Parameters

  public func forEachParameter(_ body: (String, Parameter) -> Void) {
    torso.forEachParameter(body)
    encoder.forEachParameter { body("\(encoder.name.map { $0 + "." } ?? "")\($0)", $1) }
    head.forEachParameter(body)
  }
}
