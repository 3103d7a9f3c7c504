/// A sampled batch of sequences: rows that only warm the state up, then rows that are learned from or looked ahead to. Its
/// memory is allocated once and filled again and again.

public final class SequenceBatch {
  public let count, burnIn, time, observationSize, stateSize: Int
  /// Of the rows before: [count, burnIn, observation], and where episodes begin in them, [count, burnIn].
  public let burnInInputs: UnsafeMutablePointer<Float>
  public let burnInBegins: UnsafeMutablePointer<UInt8>
  /// [count, time, observation].
  public let inputs: UnsafeMutablePointer<Float>
  /// [count, time] each. `nextRows`: the row, of all count · time, that holds the state after the n-step return. `weights`: 0
  /// where nothing is learned (a last observation, what lies beyond the length, padding), else the importance weight.
  public let begins: UnsafeMutablePointer<UInt8>
  public let actions, nextRows: UnsafeMutablePointer<Int32>
  public let returns, discounts, weights: UnsafeMutablePointer<Float>
  /// [count × time, actions]: what the state after each row's n-step return allows; nil: everything.
  public var nextMasks: UnsafeMutablePointer<UInt8>? { masks.pointer }
  let masks: BatchMasks
  /// The recurrent states that the sequences begin from, [count, stateSize].
  public let states: UnsafeMutablePointer<Float>
  /// Rows with a weight.
  public package(set) var learnedRows = 0
  /// [count]: the replay's items, and their importance weights.
  let items: UnsafeMutablePointer<Int>
  let itemWeights: UnsafeMutablePointer<Float>

  public init(count: Int, burnIn: Int, time: Int, observationSize: Int, stateSize: Int, actionCount: Int = 0) {
    (self.count, self.burnIn, self.time) = (count, burnIn, time)
    (self.observationSize, self.stateSize) = (observationSize, stateSize)
    let rows = count * time
    burnInInputs = zeros(count * burnIn * observationSize)
    burnInBegins = zeros(count * burnIn)
    inputs = zeros(rows * observationSize)
    begins = zeros(rows)
    actions = zeros(rows)
    nextRows = zeros(rows)
    returns = zeros(rows)
    masks = BatchMasks(rows: rows, actionCount: actionCount)
    discounts = zeros(rows)
    weights = zeros(rows)
    states = zeros(count * stateSize)
    items = zeros(count)
    itemWeights = zeros(count)
  }
  deinit {
    for p in [burnInInputs, inputs, returns, discounts, weights, states, itemWeights] { p.deallocate() }
    for p in [burnInBegins, begins] { p.deallocate() }
    for p in [actions, nextRows] { p.deallocate() }
    items.deallocate()
  }

  /// The network's input at row `position` of a sequence, counted from the burn-in's first.
  public func input(_ index: Int, _ position: Int) -> UnsafePointer<Float> { UnsafePointer(place(index, position).inputs) }
  /// Whether an episode begins with the sequence.
  public func beginsEpisode(_ index: Int) -> Bool { place(index, 0).begins.pointee != 0 }

  /// Row `position` of sequence `index`, counted from the burn-in's first.
  func place(_ index: Int, _ position: Int) -> (inputs: UnsafeMutablePointer<Float>, begins: UnsafeMutablePointer<UInt8>) {
    if position < burnIn {
      let row = index * burnIn + position
      return (burnInInputs + row * observationSize, burnInBegins + row)
    }
    let row = index * time + position - burnIn
    return (inputs + row * observationSize, begins + row)
  }
}
