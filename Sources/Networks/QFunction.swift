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
  /// The encoder again, where it and the head have the shortcut.
  private let readoutEncoder: (any ReadoutEncoder)?
  /// What a row of recurrent state consists of; nil for an encoder that only knows windows.
  public let stateLayout: StateLayout?

  init(_ sizes: NetworkSizes, _ generator: inout SplitMix64) {
    self.sizes = sizes
    torso = Torso(sizes, &generator)
    encoder = Architecture.encoder(sizes, &generator)
    head = Head(sizes, &generator)
    readoutEncoder = head.isLinear ? encoder as? any ReadoutEncoder : nil
    stateLayout = encoder.sequence.map { Self.layout(of: sizes.parts, $0.stateLayout) }
  }

  // MARK: - Windows

  /// windows [batch × time, observationSize] → q [batch, actions], latent [batch, modelSize].
  public func callAsFunction(_ windows: Tensor, time: Int, on tape: Tape) -> (q: Tensor, latent: Tensor) {
    let (features, time) = features(windows, time: time, on: tape)
    let latent = latent(encoder(features, time: time, on: tape), features, time: time, on: tape)
    return (head(latent, on: tape), mean(latent, on: tape))
  }

  /// The same, and the Q-learning loss of the actions taken (`Tape.tdLoss`). Where the loss is known beforehand up to a scalar
  /// a row, the encoder may prepare its gradients during the forward pass.
  public func callAsFunction(
    _ windows: Tensor, time: Int, actions: UnsafePointer<Int32>, targets: UnsafePointer<Float>,
    weights: UnsafePointer<Float>, limit: Float, on tape: Tape
  ) -> (q: Tensor, latent: Tensor, loss: TDLoss) {
    let (features, time) = features(windows, time: time, on: tape)
    let output: Tensor
    if let readoutEncoder {
      let readout = readout(
        features, time: time, actions: actions, targets: targets, weights: weights, limit: limit, on: tape)
      output = readoutEncoder(features, time: time, readout: readout, on: tape)
    } else {
      output = encoder(features, time: time, on: tape)
    }
    let latent = latent(output, features, time: time, on: tape)
    let q = head(latent, on: tape)
    return (q, mean(latent, on: tape), tape.tdLoss(q: q, actions: actions, targets: targets, weights: weights, limit: limit))
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

  /// The torso's output at every position that the encoder reads, one part's after the other's, and their number in a window.
  private func features(_ windows: Tensor, time: Int, on tape: Tape) -> (Tensor, time: Int) {
    encoder.readsWholeWindow
      ? (tape.transposeRows(torso(windows, on: tape), outer: time, inner: sizes.parts), time)
      : (torso(windows.lastPosition(time: time), on: tape), 1)
  }

  private func latent(_ output: Tensor, _ features: Tensor, time: Int, on tape: Tape) -> Tensor {
    isResidual ? tape.add(output, features.lastPosition(time: time)) : output
  }

  // MARK: - Sequences

  /// That of parts side by side, each of which is remembered in a `layout`.
  private static func layout(of parts: Int, _ layout: StateLayout) -> StateLayout {
    guard parts > 1, layout.count > 0 else { return layout }
    var counters: [Int: Int] = [:], start = 0
    for part in (0..<parts).flatMap({ _ in layout.parts }) {
      for (index, limit) in part.counters { counters[start + index] = limit }
      start += part.count
    }
    return StateLayout([.init("parts", [parts, layout.count], counters: counters)])
  }

  /// x [batch × time, observationSize] → q [batch × time, actions], latent [batch × time, modelSize], and the recurrent state
  /// [batch, stateLayout.count] after the last position (`SequenceLayer`).
  public func callAsFunction(
    _ x: Tensor, _ shape: SequenceShape, from state: Tensor?, on tape: Tape
  ) -> (q: Tensor, latent: Tensor, state: Tensor?) {
    guard let sequence = encoder.sequence else { preconditionFailure("\(sizes.encoder.rawValue) only reads windows") }
    let parts = sizes.parts
    let features = tape.transposeRows(torso(x, on: tape), outer: shape.time, inner: parts)
    let (output, final) = sequence(
      features, shape.repeated(parts, on: tape), from: parts == 1 ? state : state?.reshaped(rows: shape.batch * parts),
      reading: .all, on: tape)
    let latent = tape.transposeRows(isResidual ? tape.add(output, features) : output, outer: parts, inner: shape.time)
    return (head(latent, on: tape), mean(latent, on: tape), parts == 1 ? final : final?.reshaped(rows: shape.batch))
  }

  // MARK: - Parts

  /// What is shown and kept of parts' latents [rows × parts, modelSize]: their mean [rows, modelSize], a constant.
  private func mean(_ latent: Tensor, on tape: Tape) -> Tensor {
    guard sizes.parts > 1 else { return latent }
    let mean = tape.constant(rows: latent.rows / sizes.parts, columns: latent.columns)
    for row in 0..<mean.rows {
      for i in 0..<mean.columns {
        let sum = (0..<sizes.parts).reduce(Float(0)) { $0 + latent[row * sizes.parts + $1, i] }
        mean.values[row * mean.stride + i] = sum / Float(sizes.parts)
      }
    }
    return mean
  }

  // MARK: - Parameters

  public func forEachParameter(_ body: (String, Parameter) -> Void) {
    torso.forEachParameter(body)
    encoder.forEachParameter { body("\(encoder.name.map { $0 + "." } ?? "")\($0)", $1) }
    head.forEachParameter(body)
  }
}

extension SequenceShape {
  /// Every sequence `count` times, one after the other: episodes begin in each of them alike.
  fileprivate func repeated(_ count: Int, on tape: Tape) -> SequenceShape {
    guard count > 1 else { return self }
    guard let begins else { return SequenceShape(batch: batch * count, time: time) }
    let all = tape.bytes(batch * count * time)
    for sequence in 0..<batch * count {
      (all + sequence * time).update(from: begins + sequence / count * time, count: time)
    }
    return SequenceShape(batch: batch * count, time: time, begins: all)
  }
}
