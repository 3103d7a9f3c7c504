/// Acting: torso and head of one observation at a time, without a tape and without allocation.
import Autograd
import Kernels
import Layers

final class TorsoStepper {
  private let torso: Torso
  private let entities: EntityStepper?
  private let outputs: [Buffer]

  init(_ torso: Torso) {
    self.torso = torso
    entities = torso.entities.map { EntityStepper($0) }
    outputs = torso.layers.map { Buffer(count: $0.weight.shape[0]) }
  }

  /// observation [observationSize] → features [modelSize], valid until the next call.
  func callAsFunction(_ observation: UnsafePointer<Float>) -> UnsafeMutablePointer<Float> {
    var x = entities?(observation) ?? UnsafeMutablePointer(mutating: observation)
    for (index, layer) in torso.layers.enumerated() {
      let y = outputs[index].pointer
      layer.apply(x, into: y, activation: torso.isLinear || !torso.norms.isEmpty ? .none : .relu)
      if !torso.norms.isEmpty { normalise(y, torso.norms[index]) }
      x = y
    }
    return x
  }

  private func normalise(_ y: UnsafeMutablePointer<Float>, _ norm: LayerNorm) {
    let width = norm.gain.count
    AddLayerNorm(rows: 1, columns: width).forward(
      x: y, xStride: width, r: nil, gain: norm.gain.pointer, bias: norm.bias.pointer, normalised: y, inverseDeviation: nil,
      y: y)
    Activation.relu.forward(rows: 1, columns: width, bias: nil, y: y)
  }
}

final class HeadStepper {
  private let head: Head
  private let hidden: Buffer?
  let q: Buffer
  private let value = Buffer(count: 1)

  init(_ head: Head) {
    self.head = head
    hidden = head.hidden.map { Buffer(count: $0.weight.shape[0]) }
    q = Buffer(count: head.output.weight.shape[0])
  }

  /// latent [modelSize] → Q-values [actions], valid until the next call.
  @discardableResult func callAsFunction(_ latent: UnsafePointer<Float>) -> UnsafeMutablePointer<Float> {
    var features = latent
    if let layer = head.hidden, let hidden {
      layer.apply(latent, into: hidden.pointer, activation: .relu)
      features = UnsafePointer(hidden.pointer)
    }
    head.output.apply(features, into: q.pointer)
    guard let layer = head.value else { return q.pointer }
    layer.apply(features, into: value.pointer)
    let mean = (0..<q.count).reduce(Float(0)) { $0 + q.pointer[$1] } / Float(q.count)
    for action in 0..<q.count { q.pointer[action] += value.pointer[0] - mean }
    return q.pointer
  }
}
