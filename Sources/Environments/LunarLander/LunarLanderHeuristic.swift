/// Gymnasium's hand-written pilot for LunarLander: a baseline row, and the yardstick by which our physics is compared
/// with the original's.

/// Two proportional-derivative controllers, one for the tilt, one for the height; the larger demand fires its engine.
///
/// Source: `heuristic` in Gymnasium's `lunar_lander.py`, in float32 as NumPy computes it there. Of 200 episodes it
/// brings about nine in ten over a return of 200.
public struct LunarLanderHeuristic: Policy, Sendable {
  /// It has nothing to set.
  public init() {}

  /// - Parameter observation: LunarLander's eight numbers: x, y, their velocities, angle, angular velocity, and
  ///   whether each leg stands.
  public mutating func action(for observation: UnsafeBufferPointer<Float>) -> Int {
    precondition(observation.count == 8, "the heuristic reads LunarLander's 8 numbers, not \(observation.count)")
    let (x, y) = (observation[0], observation[1])
    let (velocityX, velocityY) = (observation[2], observation[3])
    let (angle, angularVelocity) = (observation[4], observation[5])

    // Lean towards the pad, but never far; be high as long as it is far away.
    let targetAngle = min(max(x * 0.5 + velocityX, -0.4), 0.4)
    let targetHeight = 0.55 * abs(x)
    var turn = (targetAngle - angle) * 0.5 - angularVelocity
    var lift = (targetHeight - y) * 0.5 - velocityY * 0.5
    if observation[6] != 0 || observation[7] != 0 {
      // With a leg on the ground only the fall is left to brake.
      turn = 0
      lift = -velocityY * 0.5
    }

    if lift > abs(turn) && lift > 0.05 { return LunarLander.Action.main.rawValue }
    if turn < -0.05 { return LunarLander.Action.right.rawValue }
    if turn > 0.05 { return LunarLander.Action.left.rawValue }
    return LunarLander.Action.nothing.rawValue
  }
}
