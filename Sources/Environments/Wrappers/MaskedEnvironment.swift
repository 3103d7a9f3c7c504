/// Hides features of any environment, so that they must be remembered or inferred: the lander without its velocities.

/// An environment whose observation lacks some features of another's.
///
/// They are removed, not zeroed: the observation is flat and has fewer numbers. Everything else is the environment's own.
public struct MaskedEnvironment: Environment {
  /// The features that stay.
  public let observationSpace: BoxSpace
  /// The wrapped environment's.
  public var actionSpace: DiscreteSpace { environment.actionSpace }
  public var actionMask: [Bool]? { environment.actionMask }
  public var speed: Double? { environment.speed }
  var environment: any Environment
  /// Features that remain, in order.
  private let shown: [Int]
  /// All features.
  var values: [Float]

  /// - Parameter hidden: features, counted row-major from 0.
  /// - Throws: `FeatureMaskError`.
  public init(_ environment: any Environment, hiding hidden: [Int]) throws(FeatureMaskError) {
    let space = environment.observationSpace
    if let wrong = hidden.first(where: { !(0..<space.count ~= $0) }) {
      throw FeatureMaskError("there is no feature \(wrong) to hide; there are 0 to \(space.count - 1)")
    }
    let distinct = Set(hidden)
    if distinct.count < hidden.count {
      let twice = hidden.first { feature in hidden.count { $0 == feature } > 1 } ?? 0
      throw FeatureMaskError("feature \(twice) is hidden twice")
    }
    guard distinct.count < space.count else {
      throw FeatureMaskError("all \(space.count) features are hidden; at least one must remain")
    }
    shown = (0..<space.count).filter { !distinct.contains($0) }
    values = Array(repeating: 0, count: space.count)
    observationSpace = BoxSpace(
      shape: [shown.count], low: shown.map { space.low[$0] }, high: shown.map { space.high[$0] }, element: space.element)
    self.environment = environment
  }

  public mutating func reset(seed: UInt64?, into observation: UnsafeMutableBufferPointer<Float>) throws {
    try values.withUnsafeMutableBufferPointer { try environment.reset(seed: seed, into: $0) }
    show(into: observation)
  }

  public mutating func step(_ action: Int, into observation: UnsafeMutableBufferPointer<Float>) throws -> Step {
    let step = try values.withUnsafeMutableBufferPointer { try environment.step(action, into: $0) }
    show(into: observation)
    return step
  }

  func show(into observation: UnsafeMutableBufferPointer<Float>) {
    for (index, feature) in shown.enumerated() { observation[index] = values[feature] }
  }
}

/// Features that cannot be hidden.
public struct FeatureMaskError: Error, Equatable, CustomStringConvertible, Sendable {
  public let description: String
  /// One line: which feature there is not.
  public init(_ description: String) { self.description = description }
}
