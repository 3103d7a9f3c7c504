/// Gymnasium's LunarLander-v3 (discrete), native. This file is the episode: observation, reward, ends. What the world
/// is made of stands in `LunarLander+World.swift`, engines and wind in `LunarLander+Forces.swift`.
import CBox2D
import Randomness

/// Land on the pad at (0, 0) with three engines and four actions.
///
/// Every random draw, and so the terrain, equals Gymnasium 1.4's for the same seed. The motion is Box2D 2.4's where
/// Gymnasium's is 2.3's: alike within about 1e-2 until the first contact, alike in distribution after it. The same
/// seed and actions give the same bits again, whatever was played before.
///
/// The observation is x, y, velocity x and y, angle, angular velocity, left and right leg touching (0 or 1), in
/// Gymnasium's units. An episode is truncated after `timeLimit` steps. A class, because it owns a Box2D world; use
/// one per thread.
public final class LunarLander: Environment {
  /// Gymnasium's four actions; `left` fires the left engine, which pushes to the right.
  public enum Action: Int, CaseIterable, Sendable {
    /// The engine that fires in this step, if any.
    case nothing, left, main, right
  }

  /// Steps after which an episode is truncated (Gymnasium's `TimeLimit`).
  public static let timeLimit = 1000

  /// What it was made with.
  public let options: Options
  /// [8]: place, velocity, angle and its velocity, and whether each leg touches the ground.
  public let observationSpace: BoxSpace
  /// Which engine fires.
  public let actionSpace = DiscreteSpace(names: ["NOTHING", "LEFT", "MAIN", "RIGHT"])

  /// What the next draw comes from. With this, and the actions taken since, an episode can be continued elsewhere:
  /// set what it was before the episode's `reset(seed: nil)`, reset, and take the actions again.
  public var generator: NumPyGenerator

  var world: World?
  var wind = Wind(offset: 0, torqueOffset: 0)
  private var previousShaping = 0.0
  private(set) var stepsTaken = 0
  /// What was done in the last frame, for whoever draws it.
  private(set) var lastAction = Action.nothing

  /// - Throws: `LunarLanderOptionError`.
  public init(options: Options) throws(LunarLanderOptionError) {
    try options.validate()
    self.options = options
    // Until the first seed: an unseeded experiment is repeatable here, unlike Gymnasium's.
    generator = NumPyGenerator(seed: 0)
    let high: [Float] = [2.5, 2.5, 10, 10, 2 * .pi, 10, 1, 1]
    let low: [Float] = high.prefix(6).map { -$0 } + [0, 0]
    observationSpace = BoxSpace(shape: [8], low: low, high: high)
  }

  /// With Gymnasium's defaults; `wind` is its `enable_wind`.
  public convenience init(wind: Bool = false) {
    do { try self.init(options: Options(enableWind: wind)) } catch { preconditionFailure("the defaults are valid: \(error)") }
  }

  public func reset(seed: UInt64?, into observation: UnsafeMutableBufferPointer<Float>) {
    if let seed { generator = NumPyGenerator(seed: seed) }
    // A new world, because Box2D keeps traces of what happened in an old one (contact order, tree shape).
    world = nil
    world = World(gravity: options.gravity, generator: &generator) { generator in
      if options.enableWind {
        wind = Wind(offset: generator.integers(-9999, 9999), torqueOffset: generator.integers(-9999, 9999))
      }
    }
    stepsTaken = 0
    // As Gymnasium: the first observation is that of a step without engines, which the time limit does not count.
    _ = advance(.nothing, into: observation)
  }

  /// Steps after an end are allowed, as in Gymnasium, but mean nothing.
  public func step(_ action: Int, into observation: UnsafeMutableBufferPointer<Float>) -> Step {
    guard let action = Action(rawValue: action) else {
      preconditionFailure("action \(action) is not one of LunarLander's 0 ..< \(actionSpace.count)")
    }
    stepsTaken += 1
    var step = advance(action, into: observation)
    step.truncated = stepsTaken >= Self.timeLimit
    return step
  }

  /// One frame, 1/50 s: wind, engine, motion, observation, reward.
  private func advance(_ action: Action, into observation: UnsafeMutableBufferPointer<Float>) -> Step {
    guard let world else { preconditionFailure("reset LunarLander before its first step") }
    lastAction = action
    precondition(observation.count == 8, "LunarLander's observation has 8 numbers, not \(observation.count)")
    if options.enableWind { blow(on: world) }
    fire(action, in: world)
    world.step()

    // Gymnasium rewards the state before it is rounded to float32.
    let lander = world.lander, (left, right) = world.legs
    let x = (Double(lander.x) - Geometry.width / 2) / (Geometry.width / 2)
    let y = (Double(lander.y) - (Geometry.padHeight + Geometry.legDown)) / (Geometry.height / 2)
    let velocityX = Double(lander.velocityX) * (Geometry.width / 2) / Geometry.framesPerSecond
    let velocityY = Double(lander.velocityY) * (Geometry.height / 2) / Geometry.framesPerSecond
    let angle = Double(lander.angle)
    let angularVelocity = 20 * Double(lander.angularVelocity) / Geometry.framesPerSecond
    let leftTouches = left.touching ? 1.0 : 0, rightTouches = right.touching ? 1.0 : 0
    observation[0] = Float(x)
    observation[1] = Float(y)
    observation[2] = Float(velocityX)
    observation[3] = Float(velocityY)
    observation[4] = Float(angle)
    observation[5] = Float(angularVelocity)
    observation[6] = Float(leftTouches)
    observation[7] = Float(rightTouches)

    // Reward is the gain in closeness, slowness, uprightness and standing, less the fuel. Term by term: the sum is
    // Gymnasium's, in its order.
    var shaping = -100 * (x * x + y * y).squareRoot()
    shaping -= 100 * (velocityX * velocityX + velocityY * velocityY).squareRoot()
    shaping -= 100 * abs(angle)
    shaping += 10 * leftTouches
    shaping += 10 * rightTouches
    var reward = shaping - previousShaping
    previousShaping = shaping
    reward -= action == .main ? 0.30 : 0
    reward -= action == .left || action == .right ? 0.03 : 0

    let isLost = lander.hasTouched || abs(x) >= 1
    let hasLanded = !lander.awake
    if isLost { reward = -100 }
    if hasLanded { reward = 100 }
    return Step(reward: reward, terminated: isLost || hasLanded, truncated: false)
  }
}
