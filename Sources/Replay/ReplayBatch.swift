/// A sampled batch of windows. Its memory is allocated once and filled again and again.

public final class ReplayBatch {
  public let count: Int
  /// [count, window, observation], row-major.
  public let states, nextStates: UnsafeMutablePointer<Float>
  /// [count] each: n-step returns, what the value of the next state is multiplied by, importance weights.
  public let returns, discounts, weights: UnsafeMutablePointer<Float>
  public let actions: UnsafeMutablePointer<Int32>
  /// [count, actions]: what the next states allow; nil: everything.
  public let nextMasks: UnsafeMutablePointer<UInt8>?
  /// Items of the replay, for `updatePriorities`.
  let items: UnsafeMutablePointer<Int>

  public init(count: Int, windowLength: Int, observationSize: Int, maskSize: Int = 0) {
    self.count = count
    states = zeros(count * windowLength * observationSize)
    nextStates = zeros(count * windowLength * observationSize)
    returns = zeros(count)
    discounts = zeros(count)
    weights = zeros(count)
    actions = zeros(count)
    nextMasks = maskSize > 0 ? zeros(count * maskSize) : nil
    items = zeros(count)
  }
  deinit {
    for p in [states, nextStates, returns, discounts, weights] { p.deallocate() }
    actions.deallocate()
    nextMasks?.deallocate()
    items.deallocate()
  }
}

func zeros<Value: BinaryInteger>(_ count: Int) -> UnsafeMutablePointer<Value> {
  let pointer = UnsafeMutablePointer<Value>.allocate(capacity: count)
  pointer.initialize(repeating: 0, count: count)
  return pointer
}
func zeros(_ count: Int) -> UnsafeMutablePointer<Float> {
  let pointer = UnsafeMutablePointer<Float>.allocate(capacity: count)
  pointer.initialize(repeating: 0, count: count)
  return pointer
}
