/// Acting with fixed parameters: Q-values and latent of a window that moves on by one observation, at constant cost.
import Autograd
import Kernels
import Layers

public final class WindowStepper {
  private let window: any SlidingWindow
  private let windowLength: Int
  private let torso: TorsoStepper
  private let head: HeadStepper
  /// Where the latent has the features added to it.
  private let sum: Buffer?

  /// Nil for an encoder that has no constant-cost form; then the whole window is evaluated.
  public init?(_ network: QNetwork) {
    guard let window = network.encoder.makeWindow(time: network.sizes.windowLength) else { return nil }
    self.window = window
    windowLength = network.sizes.windowLength
    torso = TorsoStepper(network.torso)
    head = HeadStepper(network.head)
    sum = network.isResidual ? Buffer(count: network.sizes.modelSize) : nil
  }

  /// The window becomes `observation` repeated. Call it too when the parameters have changed.
  public func begin(_ observation: UnsafePointer<Float>) {
    window.reset()
    let features = torso(observation)
    for _ in 1..<windowLength { _ = window.push(features) }
    finish(window.push(features), features)
  }

  /// The window moves on by `observation` [observationSize].
  public func push(_ observation: UnsafePointer<Float>) {
    let features = torso(observation)
    finish(window.push(features), features)
  }

  /// Valid until the next call.
  public private(set) var latent: UnsafeMutablePointer<Float>?
  public var values: UnsafeMutablePointer<Float> { head.q.pointer }

  private func finish(_ output: UnsafeMutablePointer<Float>, _ features: UnsafePointer<Float>) {
    if let sum { Elementwise.sum(sum.count, output, features, into: sum.pointer) }
    let latent = sum?.pointer ?? output
    self.latent = latent
    head(latent)
  }
}
