/// Acting with fixed parameters: Q-values and latent of a window that moves on by one observation, at constant cost.
import Autograd
import Kernels
import Layers

/// A network over a sliding window, one token's work an observation.
public final class WindowStepper {
  private let members: [MemberWindow]
  /// The members' mean, where there are several.
  private let mean: Buffer?

  /// Nil for an encoder that has no constant-cost form; then the whole window is evaluated.
  public init?(_ network: QNetwork) {
    members = network.members.compactMap { MemberWindow($0) }
    guard members.count == network.members.count else { return nil }
    mean = members.count > 1 ? Buffer(count: network.sizes.actionCount) : nil
  }

  /// The window becomes `observation` repeated. Call it too when the parameters have changed.
  public func begin(_ observation: UnsafePointer<Float>) {
    for member in members { member.begin(observation) }
    average()
  }

  /// The window moves on by `observation` [observationSize].
  public func push(_ observation: UnsafePointer<Float>) {
    for member in members { member.push(observation) }
    average()
  }

  /// Valid until the next call. The first member's.
  public var latent: UnsafeMutablePointer<Float>? { members[0].latent }
  /// Q-values [actions], the members' mean.
  public var values: UnsafeMutablePointer<Float> { mean?.pointer ?? members[0].values }

  private func average() {
    guard let mean else { return }
    for action in 0..<mean.count {
      mean.pointer[action] = members.reduce(0) { $0 + $1.values[action] } * (1 / Float(members.count))
    }
  }
}

/// One member's.
private final class MemberWindow {
  private let window: any SlidingWindow
  private let windowLength: Int
  private let torso: TorsoStepper
  private let head: HeadStepper
  /// Where the latent has the features added to it.
  private let sum: Buffer?

  init?(_ network: QFunction) {
    guard network.sizes.parts == 1, let window = network.encoder.makeWindow(time: network.sizes.windowLength) else { return nil }
    self.window = window
    windowLength = network.sizes.windowLength
    torso = TorsoStepper(network.torso)
    head = HeadStepper(network.head)
    sum = network.isResidual ? Buffer(count: network.sizes.modelSize) : nil
  }

  func begin(_ observation: UnsafePointer<Float>) {
    window.reset()
    let features = torso(observation)
    for _ in 1..<windowLength { _ = window.push(features) }
    finish(window.push(features), features)
  }

  func push(_ observation: UnsafePointer<Float>) {
    let features = torso(observation)
    finish(window.push(features), features)
  }

  private(set) var latent: UnsafeMutablePointer<Float>?
  var values: UnsafeMutablePointer<Float> { head.q.pointer }

  private func finish(_ output: UnsafeMutablePointer<Float>, _ features: UnsafePointer<Float>) {
    if let sum { Elementwise.sum(sum.count, output, features, into: sum.pointer) }
    let latent = sum?.pointer ?? output
    self.latent = latent
    head(latent)
  }
}
