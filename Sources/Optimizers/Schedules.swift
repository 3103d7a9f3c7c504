/// Schedules are functions of the environment step.

/// From `start` to `end` over `duration` steps, then `end`.
public func linearSchedule(from start: Double, to end: Double, over duration: Int, at step: Int) -> Double {
  guard duration > 0 else { return end }
  return start + min(1, max(0, Double(step) / Double(duration))) * (end - start)
}
