/// Writes the rows of one sequence of a batch, one step after another.

struct RowWriter {
  private let batch: Batch
  private let index: Int
  private let layout: SequenceLayout
  private let nStep: NStep
  private var position = 0

  init(_ batch: Batch, _ index: Int, _ layout: SequenceLayout, _ nStep: NStep) {
    (self.batch, self.index, self.layout, self.nStep) = (batch, index, layout, nStep)
  }

  var isFull: Bool { position == batch.burnIn + batch.time }

  /// Steps from `first` on, until the sequence is full, the store has no newer one, or, not `crossing`, an episode ends.
  mutating func write(_ store: StepStore, from first: Int, crossing: Bool) {
    var step = first
    while !isFull {
      guard step < store.appended else { break }
      let (inputs, begins) = batch.place(index, position)
      store.copyObservation(step, to: inputs)
      begins.pointee = store.step(step) == 0 || (position > 0 && step == first) ? 1 : 0
      learn(from: step, in: store)
      position += 1
      let ends = store.isLast(step)
      if (ends || step == store.appended - 1) && !isFull { writeFollowing(step, store) }
      if ends && !crossing { return }
      step += 1
    }
  }

  /// What is left: rows of zeros, each an episode of its own, that nothing is learned from.
  mutating func pad() {
    while !isFull {
      let (inputs, begins) = batch.place(index, position)
      inputs.update(repeating: 0, count: batch.observationSize)
      begins.pointee = 1
      leaveOut()
      position += 1
    }
  }

  /// The observation after a step that no further step follows.
  private mutating func writeFollowing(_ step: Int, _ store: StepStore) {
    let (inputs, begins) = batch.place(index, position)
    store.copyFollowing(step, to: inputs)
    begins.pointee = 0
    leaveOut()
    position += 1
  }

  private func learn(from step: Int, in store: StepStore) {
    guard position >= batch.burnIn, position < batch.burnIn + layout.length else { return leaveOut() }
    let row = index * batch.time + position - batch.burnIn
    let outcome = nStep.outcome(of: step, in: store)
    batch.actions[row] = store.action(step)
    batch.returns[row] = outcome.return
    batch.discounts[row] = outcome.discount
    // Within the sequence: `time` is length + n, and a step's row is followed by the next step's or by the last observation's.
    batch.nextRows[row] = Int32(row + (outcome.discount == 0 ? 0 : outcome.steps))
    if let masks = batch.nextMasks {
      store.copyNextMask(step + outcome.steps - 1, to: masks + row * store.actionCount)
    }
    batch.weights[row] = batch.itemWeights[index]
    batch.learnedRows += 1
  }

  private func leaveOut() {
    guard position >= batch.burnIn else { return }
    let row = index * batch.time + position - batch.burnIn
    (batch.actions[row], batch.nextRows[row]) = (0, Int32(row))
    (batch.returns[row], batch.discounts[row], batch.weights[row]) = (0, 0, 0)
  }
}
