/// A sampled batch, with a time axis. Windows are learned from at their last position and bootstrap from other windows;
/// sequences at every position behind the burn-in, and they bootstrap from their own later rows. Its memory is allocated once
/// and filled again and again.

public final class Batch {
  /// Else of sequences.
  public let isOfWindows: Bool
  /// Windows or sequences; positions of each, without the burn-in.
  public let count, time: Int
  /// Rows before each sequence that only warm its state up; floats of an observation, and of a recurrent state.
  public let burnIn, observationSize, stateSize: Int
  /// Positions of each that have a target: the last, or all.
  public var positions: Int { isOfWindows ? 1 : time }
  /// What has a target, of all windows or sequences.
  public var rows: Int { count * positions }

  /// [count, time, observation], row-major.
  public let inputs: UnsafeMutablePointer<Float>
  /// [count, time, observation]: the windows that n-step returns end in. Sequences have none.
  public let nextInputs: UnsafeMutablePointer<Float>
  /// [rows], from 0.
  public let actions: UnsafeMutablePointer<Int32>
  /// [rows] each: n-step returns; what the value of the state after them is multiplied by, 0 where nothing is bootstrapped;
  /// importance weights, 0 where nothing is learned (a last observation, what lies beyond the length, padding).
  public let returns, discounts, weights: UnsafeMutablePointer<Float>
  /// [rows]: the row, of all, whose next window (of windows: its own) or whose input holds the state after the n-step return.
  public let nextRows: UnsafeMutablePointer<Int32>
  /// [rows, actions]: what the state after the n-step return allows; nil: everything.
  public var nextMasks: UnsafeMutablePointer<UInt8>? { masks.pointer }
  let masks: BatchMasks
  /// [count, modelSize], owned by the caller: stand in for the target network's pass over the next windows; nil: none do.
  public var nextLatents: UnsafePointer<Float>?

  /// Where episodes begin in sequences, [count, time], and in the rows before, [count, burnIn].
  public let begins, burnInBegins: UnsafeMutablePointer<UInt8>
  /// Of the rows before, [count, burnIn, observation].
  public let burnInInputs: UnsafeMutablePointer<Float>
  /// The recurrent states that sequences begin from, [count, stateSize].
  public let states: UnsafeMutablePointer<Float>
  /// Rows with a weight.
  public package(set) var learnedRows: Int

  /// [count]: the replay's items, and their importance weights.
  let items: UnsafeMutablePointer<Int>
  let itemWeights: UnsafeMutablePointer<Float>

  /// Windows of `length` observations, each with one target.
  public convenience init(windows count: Int, length: Int, observationSize: Int, actionCount: Int = 0) {
    self.init(ofWindows: true, count, length, observationSize: observationSize, actionCount: actionCount)
    for row in 0..<count { nextRows[row] = Int32(row) }
    learnedRows = count
  }

  /// Sequences of `burnIn` rows that only warm the state up, then `time` rows that are learned from or looked ahead to.
  public convenience init(
    sequences count: Int, burnIn: Int, time: Int, observationSize: Int, stateSize: Int, actionCount: Int = 0
  ) {
    self.init(
      ofWindows: false, count, time, burnIn: burnIn, observationSize: observationSize, stateSize: stateSize,
      actionCount: actionCount)
  }

  private init(
    ofWindows: Bool, _ count: Int, _ time: Int, burnIn: Int = 0, observationSize: Int, stateSize: Int = 0, actionCount: Int
  ) {
    (isOfWindows, self.count, self.time, self.burnIn) = (ofWindows, count, time, burnIn)
    (self.observationSize, self.stateSize, learnedRows) = (observationSize, stateSize, 0)
    let rows = count * (ofWindows ? 1 : time)
    inputs = zeros(count * time * observationSize)
    nextInputs = zeros(ofWindows ? count * time * observationSize : 0)
    (actions, nextRows) = (zeros(rows), zeros(rows))
    (returns, discounts, weights) = (zeros(rows), zeros(rows), zeros(rows))
    masks = BatchMasks(rows: rows, actionCount: actionCount)
    (begins, burnInBegins) = (zeros(count * time), zeros(count * burnIn))
    burnInInputs = zeros(count * burnIn * observationSize)
    states = zeros(count * stateSize)
    (items, itemWeights) = (zeros(count), zeros(count))
  }
  deinit {
    for p in [inputs, nextInputs, returns, discounts, weights, burnInInputs, states, itemWeights] { p.deallocate() }
    for p in [actions, nextRows] { p.deallocate() }
    for p in [begins, burnInBegins] { p.deallocate() }
    items.deallocate()
  }

  /// The network's input at a position of a sequence, counted from the burn-in's first.
  public func input(_ index: Int, _ position: Int) -> UnsafePointer<Float> { UnsafePointer(place(index, position).inputs) }

  /// A position of sequence `index`, counted from the burn-in's first.
  func place(_ index: Int, _ position: Int) -> (inputs: UnsafeMutablePointer<Float>, begins: UnsafeMutablePointer<UInt8>) {
    if position < burnIn {
      let row = index * burnIn + position
      return (burnInInputs + row * observationSize, burnInBegins + row)
    }
    let row = index * time + position - burnIn
    return (inputs + row * observationSize, begins + row)
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
