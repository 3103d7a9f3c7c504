/// A sampled batch. Its memory is allocated once and filled again and again.

public final class ReplayBatch {
  public let count: Int
  /// [count, window, observation], row-major.
  public let states, nextStates: UnsafeMutablePointer<Float>
  /// [count] each.
  public let rewards, weights: UnsafeMutablePointer<Float>
  public let actions: UnsafeMutablePointer<Int32>
  public let terminated, truncated: UnsafeMutablePointer<Bool>
  /// Slots of the replay, for `updatePriorities`.
  let slots: UnsafeMutablePointer<Int>

  public init(count: Int, windowLength: Int, observationSize: Int) {
    self.count = count
    func floats(_ n: Int) -> UnsafeMutablePointer<Float> {
      let p = UnsafeMutablePointer<Float>.allocate(capacity: n)
      p.initialize(repeating: 0, count: n)
      return p
    }
    states = floats(count * windowLength * observationSize)
    nextStates = floats(count * windowLength * observationSize)
    rewards = floats(count)
    weights = floats(count)
    actions = .allocate(capacity: count)
    actions.initialize(repeating: 0, count: count)
    terminated = .allocate(capacity: count)
    terminated.initialize(repeating: false, count: count)
    truncated = .allocate(capacity: count)
    truncated.initialize(repeating: false, count: count)
    slots = .allocate(capacity: count)
    slots.initialize(repeating: 0, count: count)
  }
  deinit {
    for p in [states, nextStates, rewards, weights] { p.deallocate() }
    actions.deallocate()
    terminated.deallocate()
    truncated.deallocate()
    slots.deallocate()
  }
}
