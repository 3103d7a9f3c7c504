/// POPGym's Pendulums of which only the position is shown: Gymnasium's motion in float64, exact but for the torques, which
/// are continuous there and five here.
import Randomness

/// Swing a pendulum up and hold it there; how fast it turns is hidden.
///
/// The observation is (cos θ, sin θ), θ = 0 upright, with noise where asked for. The reward is ((r + h)/h)/`timeLimit` with
/// Gymnasium's r = -(θ² + 0.1 θ̇² + 0.001 u²) and h = 8.1368022; an episode is truncated after `timeLimit` steps of 1/20 s and
/// never ends. Source: Gymnasium 1.4, `pendulum.py`; POPGym 1.0.7, `position_only_pendulum.py`,
/// `noisy_position_only_pendulum.py`; same seed and torques, same bits.
public struct PartialPendulum: Environment, Sendable {
  /// N·m, by action. Gymnasium's space is all of -2 … 2.
  public static let torques = [-2.0, -1, 0, 1, 2]

  /// [2]: cosine and sine of the angle, without its velocity.
  public let observationSpace = BoxSpace(shape: [2], low: [-1, -1], high: [1, 1])
  /// POPGym's torque in five steps.
  public let actionSpace = DiscreteSpace(names: ["TORQUE-2", "TORQUE-1", "TORQUE0", "TORQUE+1", "TORQUE+2"])
  /// Steps after which an episode is truncated.
  public let timeLimit: Int
  let noise: Double
  private(set) var angle = 0.0
  private var angularVelocity = 0.0
  private(set) var stepsTaken = 0
  /// The last one, N·m, kept to be drawn.
  private(set) var torque = 0.0
  private var generator = NumPyGenerator(seed: 0)

  /// - Parameter noise: standard deviation of what is added to each number observed.
  public init(noise: Double = 0, timeLimit: Int) { (self.noise, self.timeLimit) = (noise, timeLimit) }

  /// Shorter episodes where it is harder.
  public static func positionOnly(_ difficulty: Difficulty) -> PartialPendulum {
    switch difficulty {
    case .easy: PartialPendulum(timeLimit: 200)
    case .medium: PartialPendulum(timeLimit: 150)
    case .hard: PartialPendulum(timeLimit: 100)
    }
  }
  /// More noise where it is harder; 200 steps.
  public static func noisyPositionOnly(_ difficulty: Difficulty) -> PartialPendulum {
    PartialPendulum(noise: difficulty.noise, timeLimit: 200)
  }

  public mutating func reset(seed: UInt64?, into observation: UnsafeMutableBufferPointer<Float>) {
    if let seed { generator = NumPyGenerator(seed: seed) }
    angle = generator.uniform(-.pi, .pi)
    angularVelocity = generator.uniform(-1, 1)
    (stepsTaken, torque) = (0, 0)
    show(into: observation)
  }

  public mutating func step(_ action: Int, into observation: UnsafeMutableBufferPointer<Float>) -> Step {
    actionSpace.check(action, of: "Pendulum")
    return step(torque: Self.torques[action], into: observation)
  }

  /// Any torque, in N·m; Gymnasium's is limited to ±2.
  public mutating func step(torque: Double, into observation: UnsafeMutableBufferPointer<Float>) -> Step {
    let torque = clip(torque, -2, 2), seconds = 0.05
    self.torque = torque
    let away = wrapToPi(angle)
    let cost = away * away + 0.1 * (angularVelocity * angularVelocity) + 0.001 * (torque * torque)
    let (sine, _) = sineAndCosine(angle)
    angularVelocity = clip(angularVelocity + (15 * sine + 3 * torque) * seconds, -8, 8)
    angle += angularVelocity * seconds
    stepsTaken += 1
    show(into: observation)
    let half = 16.2736044 / 2
    return Step(
      reward: (half - cost) / half / Double(timeLimit), terminated: false, truncated: stepsTaken >= timeLimit)
  }

  private mutating func show(into observation: UnsafeMutableBufferPointer<Float>) {
    let (sine, cosine) = sineAndCosine(angle)
    (observation[0], observation[1]) = (Float(cosine), Float(sine))
    if noise > 0 { generator.disturb(observation, noise, within: observationSpace) }
  }
}
