/// Acting: torso and head of one observation at a time, without a tape and without allocation.
import Autograd
import Kernels
import Layers

final class TorsoStepper {
  private let torso: Torso
  private let hidden: Buffer
  let features: Buffer

  init(_ torso: Torso) {
    self.torso = torso
    hidden = Buffer(count: torso.layers.0.weight.shape[0])
    features = Buffer(count: torso.layers.1.weight.shape[0])
  }

  /// observation [observationSize] → features [modelSize], valid until the next call.
  @discardableResult func callAsFunction(_ observation: UnsafePointer<Float>) -> UnsafeMutablePointer<Float> {
    apply(torso.layers.0, torso.norms?.0, observation, hidden.pointer)
    apply(torso.layers.1, torso.norms?.1, hidden.pointer, features.pointer)
    return features.pointer
  }

  private func apply(_ layer: Linear, _ norm: LayerNorm?, _ x: UnsafePointer<Float>, _ y: UnsafeMutablePointer<Float>) {
    layer.step(x, into: y, activation: norm == nil ? .relu : .none)
    guard let norm else { return }
    let width = layer.weight.shape[0]
    AddLayerNorm(rows: 1, columns: width).forward(
      x: y, xStride: width, r: nil, gain: norm.gain.pointer, bias: norm.bias.pointer, normalised: y, inverseDeviation: nil,
      y: y)
    Activation.relu.forward(rows: 1, columns: width, bias: nil, y: y)
  }
}

final class HeadStepper {
  private let head: Head
  let q: Buffer
  private let value = Buffer(count: 1)

  init(_ head: Head) {
    self.head = head
    q = Buffer(count: head.output.weight.shape[0])
  }

  /// latent [modelSize] → Q-values [actions], valid until the next call.
  @discardableResult func callAsFunction(_ latent: UnsafePointer<Float>) -> UnsafeMutablePointer<Float> {
    head.output.step(latent, into: q.pointer)
    guard let layer = head.value else { return q.pointer }
    layer.step(latent, into: value.pointer)
    let mean = (0..<q.count).reduce(Float(0)) { $0 + q.pointer[$1] } / Float(q.count)
    for action in 0..<q.count { q.pointer[action] += value.pointer[0] - mean }
    return q.pointer
  }
}

extension Linear {
  /// x [inputs] → y [outputs].
  func step(_ x: UnsafePointer<Float>, into y: UnsafeMutablePointer<Float>, activation: Activation = .none) {
    let (rows, columns) = (weight.shape[0], weight.shape[1])
    MatrixVector.apply(
      rows: rows, columns: columns, weight: weight.pointer, stride: columns, bias: bias?.pointer, x: x, y: y,
      activation: activation)
  }
}
