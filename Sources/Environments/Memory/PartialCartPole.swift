/// POPGym's CartPoles of which only positions or only velocities are shown: Gymnasium's motion in float64, exact.
import Randomness

/// Keep a pole upright on a cart that is pushed to the left or right; half of the state is hidden.
///
/// ±10 N at 50 Hz, explicit Euler as in Gymnasium 1.4's `cartpole.py`. 1/`timeLimit` at every step, the falling one too;
/// it ends where the cart leaves ±2.4 m or the pole ±12°, and is truncated after `timeLimit` steps. Source: POPGym 1.0.7,
/// `position_only_cartpole.py`, `velocity_only_cartpole.py`, `noisy_position_only_cartpole.py`; same seed, same bits.
public struct PartialCartPole: Environment, Sendable {
  /// Which half of the state is seen.
  public enum Observation: Sendable {
    /// Position (m) and angle (rad), with normal noise of this standard deviation, kept within the space.
    case position(noise: Double)
    /// Velocity (m/s) and angular velocity (rad/s); the reset's observation alone is position and angle, as POPGym has it.
    case velocity
  }

  /// [2]: positions or velocities.
  public let observationSpace: BoxSpace
  /// Which way the cart is pushed.
  public let actionSpace = DiscreteSpace(names: ["LEFT", "RIGHT"])
  /// Steps after which an episode is truncated.
  public let timeLimit: Int
  let observed: Observation
  private(set) var state = State()
  private(set) var stepsTaken = 0
  /// Kept to be drawn.
  private(set) var lastAction: Int?
  private var generator = NumPyGenerator(seed: 0)

  struct State { var x = 0.0, velocity = 0.0, angle = 0.0, angularVelocity = 0.0 }
  enum Limit { static let x = 2.4, angle = 12 * 2 * Double.pi / 360 }

  /// `timeLimit` at least 1.
  public init(observed: Observation, timeLimit: Int) {
    (self.observed, self.timeLimit) = (observed, timeLimit)
    switch observed {
    case .position:
      let high = [Float(2 * Limit.x), Float(2 * Limit.angle)]
      observationSpace = BoxSpace(shape: [2], low: high.map { -$0 }, high: high)
    case .velocity:
      observationSpace = BoxSpace(shape: [2], low: [-.infinity, -.infinity], high: [.infinity, .infinity])
    }
  }

  /// Longer episodes where it is harder.
  public static func positionOnly(_ difficulty: Difficulty) -> PartialCartPole {
    PartialCartPole(observed: .position(noise: 0), timeLimit: timeLimit(difficulty))
  }
  /// POPGym's task of that difficulty, with velocities alone.
  public static func velocityOnly(_ difficulty: Difficulty) -> PartialCartPole {
    PartialCartPole(observed: .velocity, timeLimit: timeLimit(difficulty))
  }
  /// More noise where it is harder; 200 steps.
  public static func noisyPositionOnly(_ difficulty: Difficulty) -> PartialCartPole {
    PartialCartPole(observed: .position(noise: difficulty.noise), timeLimit: 200)
  }
  private static func timeLimit(_ difficulty: Difficulty) -> Int {
    switch difficulty {
    case .easy: 200
    case .medium: 400
    case .hard: 600
    }
  }

  public mutating func reset(seed: UInt64?, into observation: UnsafeMutableBufferPointer<Float>) {
    if let seed { generator = NumPyGenerator(seed: seed) }
    state.x = generator.uniform(-0.05, 0.05)
    state.velocity = generator.uniform(-0.05, 0.05)
    state.angle = generator.uniform(-0.05, 0.05)
    state.angularVelocity = generator.uniform(-0.05, 0.05)
    (stepsTaken, lastAction) = (0, nil)
    showPosition(into: observation)
  }

  public mutating func step(_ action: Int, into observation: UnsafeMutableBufferPointer<Float>) -> Step {
    actionSpace.check(action, of: "CartPole")
    stepsTaken += 1
    lastAction = action
    push(action == 1 ? 10 : -10)
    switch observed {
    case .position: showPosition(into: observation)
    case .velocity: (observation[0], observation[1]) = (Float(state.velocity), Float(state.angularVelocity))
    }
    return Step(
      reward: 1 / Double(timeLimit), terminated: abs(state.x) > Limit.x || abs(state.angle) > Limit.angle,
      truncated: stepsTaken >= timeLimit)
  }

  /// 1/50 s under a force in N, in Gymnasium's order of operations.
  private mutating func push(_ force: Double) {
    let gravity = 9.8, poleMass = 0.1, totalMass = 1.1, halfLength = 0.5, seconds = 0.02
    let poleMassLength = poleMass * halfLength
    let (sine, cosine) = sineAndCosine(state.angle)
    let pull = (force + poleMassLength * (state.angularVelocity * state.angularVelocity) * sine) / totalMass
    let angularAcceleration =
      (gravity * sine - cosine * pull) / (halfLength * (4.0 / 3.0 - poleMass * (cosine * cosine) / totalMass))
    let acceleration = pull - poleMassLength * angularAcceleration * cosine / totalMass
    state.x += seconds * state.velocity
    state.velocity += seconds * acceleration
    state.angle += seconds * state.angularVelocity
    state.angularVelocity += seconds * angularAcceleration
  }

  private mutating func showPosition(into observation: UnsafeMutableBufferPointer<Float>) {
    (observation[0], observation[1]) = (Float(state.x), Float(state.angle))
    if case .position(let noise) = observed, noise > 0 {
      generator.disturb(observation, noise, within: observationSpace)
    }
  }
}

extension Difficulty {
  /// The standard deviation of POPGym's noise.
  var noise: Double {
    switch self {
    case .easy: 0.1
    case .medium: 0.2
    case .hard: 0.3
    }
  }
}

extension NumPyGenerator {
  /// POPGym's `add_noise_to_obs`: drawn in float64, added in float32, clipped to the space.
  mutating func disturb(_ observation: UnsafeMutableBufferPointer<Float>, _ deviation: Double, within space: BoxSpace) {
    for index in 0..<observation.count {
      let noisy = observation[index] + Float(normal(mean: 0, deviation: deviation))
      observation[index] = min(max(noisy, space.low[index]), space.high[index])
    }
  }
}
