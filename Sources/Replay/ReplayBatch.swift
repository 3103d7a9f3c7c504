/// A sampled batch of windows. Its memory is allocated once and filled again and again.

public final class ReplayBatch {
  public let count: Int
  /// [count, window, observation], row-major.
  public let states, nextStates: UnsafeMutablePointer<Float>
  /// [count] each: n-step returns, what the value of the next state is multiplied by, importance weights.
  public let returns, discounts, weights: UnsafeMutablePointer<Float>
  public let actions: UnsafeMutablePointer<Int32>
  /// [count, actions]: what the next states allow; nil: everything.
  public var nextMasks: UnsafeMutablePointer<UInt8>? { masks.pointer }
  let masks: BatchMasks
  /// Items of the replay, for `updatePriorities`.
  let items: UnsafeMutablePointer<Int>

  public init(count: Int, windowLength: Int, observationSize: Int, actionCount: Int = 0) {
    self.count = count
    states = zeros(count * windowLength * observationSize)
    nextStates = zeros(count * windowLength * observationSize)
    returns = zeros(count)
    discounts = zeros(count)
    weights = zeros(count)
    actions = zeros(count)
    masks = BatchMasks(rows: count, actionCount: actionCount)
    items = zeros(count)
  }
  deinit {
    for p in [states, nextStates, returns, discounts, weights] { p.deallocate() }
    actions.deallocate()
    items.deallocate()
  }
}

/// What the states of a batch's targets allow, [rows, actions], where anything drawn from ever masked an action.
final class BatchMasks {
  private let rows, actionCount: Int
  private var memory: UnsafeMutablePointer<UInt8>?
  private var isUsed = false

  init(rows: Int, actionCount: Int) { (self.rows, self.actionCount) = (rows, actionCount) }
  deinit { memory?.deallocate() }

  /// Nil: everything is allowed.
  var pointer: UnsafeMutablePointer<UInt8>? { isUsed ? memory : nil }

  /// To be called before a batch is drawn from these.
  func apply(_ streams: [StepStore]) {
    isUsed = streams.contains(where: \.isMasked)
    guard isUsed, memory == nil else { return }
    precondition(streams[0].actionCount == actionCount, "masks of \(streams[0].actionCount) actions, not \(actionCount)")
    memory = zeros(rows * actionCount)
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
