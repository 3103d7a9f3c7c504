/// Acting with fixed parameters: Q-values and latent of a window that moves on by one observation, at constant cost.
import Autograd
import Kernels
import Layers

public final class WindowStepper {
  private let network: QNetwork
  private let window: any SlidingWindow
  private let hidden, features, q: Buffer

  /// Nil for an encoder that has no constant-cost form; then the whole window is evaluated.
  public init?(_ network: QNetwork) {
    guard let window = network.encoder.makeWindow(time: network.sizes.windowLength) else { return nil }
    self.network = network
    self.window = window
    hidden = Buffer(count: network.sizes.hiddenSize)
    features = Buffer(count: network.sizes.modelSize)
    q = Buffer(count: network.sizes.actionCount)
  }

  /// The window becomes `observation` repeated. Call it too when the parameters have changed.
  public func begin(_ observation: UnsafePointer<Float>) {
    window.reset()
    embed(observation)
    for _ in 1..<network.sizes.windowLength { _ = window.push(features.pointer) }
    head(window.push(features.pointer))
  }

  /// The window moves on by `observation` [observationSize].
  public func push(_ observation: UnsafePointer<Float>) {
    embed(observation)
    head(window.push(features.pointer))
  }

  /// Valid until the next call.
  public private(set) var latent: UnsafeMutablePointer<Float>?
  public var values: UnsafeMutablePointer<Float> { q.pointer }

  private func embed(_ observation: UnsafePointer<Float>) {
    apply(network.inputMLP.0, observation, hidden.pointer, .relu)
    apply(network.inputMLP.1, hidden.pointer, features.pointer, .relu)
  }
  private func head(_ latent: UnsafeMutablePointer<Float>) {
    self.latent = latent
    apply(network.outputHead, latent, q.pointer, .none)
  }
  private func apply(
    _ layer: Linear, _ x: UnsafePointer<Float>, _ y: UnsafeMutablePointer<Float>, _ activation: Activation
  ) {
    let (rows, columns) = (layer.weight.shape[0], layer.weight.shape[1])
    MatrixVector.apply(
      rows: rows, columns: columns, weight: layer.weight.pointer, stride: columns, bias: layer.bias?.pointer, x: x, y: y,
      activation: activation)
  }
}
