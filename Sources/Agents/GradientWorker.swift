/// One thread's part of a gradient step: target forward, online forward, loss and backward of some rows of the batch.
import Autograd
import Kernels
import Networks
import Replay

final class GradientWorker {
  private(set) var loss: Float = 0
  private let network, target: QNetwork
  private let rule: LearningRule
  private let tape: Tape
  /// Of each member, in the pass that runs.
  private var results: [(q: Tensor, latent: Tensor, loss: TDLoss)] = []
  /// Of each member, in `sharedTargets`.
  private var votes: [Tensor] = []
  /// Of the last `run`, laid out as the network's parameters.
  let gradient: Buffer

  /// Any number of workers may share the networks: the gradient is on this worker's own tape.
  init(_ network: QNetwork, target: QNetwork, rule: LearningRule) {
    (self.network, self.target, self.rule) = (network, target, rule)
    gradient = Buffer(count: network.block.values.count)
    tape = Tape(differentiating: network.block.values, into: gradient)
  }

  /// Leaves the gradient of these windows' mean loss in `gradient`; of several members, the sum of each one's, as if alone.
  /// Writes `tdErrors`, target − Q(s, a), and `values`, Q(s, a), [rows] each (of several members, the mean of |δ| and of Q),
  /// and `latents` [rows, modelSize] where wanted.
  func run(
    _ batch: LearningBatch, tdErrors: UnsafeMutablePointer<Float>, values: UnsafeMutablePointer<Float>,
    latents: UnsafeMutablePointer<Float>?
  ) {
    tape.reset()
    tape.zeroParameterGradients()
    results.removeAll(keepingCapacity: true)
    let shared = rule.pessimism > 0 ? sharedTargets(batch) : nil
    for (online, target) in zip(network.members, target.members) {
      results.append(forward(batch, online, targets: shared ?? targets(batch, online, target: target)))
    }
    tape.backward()
    let first = results[0], share = 1 / Float(results.count)
    for row in 0..<batch.count {
      let action = Int(batch.actions[row])
      (tdErrors[row], values[row]) = (first.loss.tdErrors[row], first.q[row, action])
      guard results.count > 1 else { continue }
      tdErrors[row] = results.reduce(0) { $0 + abs($1.loss.tdErrors[row]) } * share
      values[row] = results.reduce(0) { $0 + $1.q[row, action] } * share
    }
    if let latents { latents.update(from: first.latent.values, count: batch.count * network.sizes.modelSize) }
    loss = results.count == 1 ? first.loss.loss : results.reduce(0) { $0 + $1.loss.loss } * share
  }

  /// One member's loss.
  private func forward(
    _ batch: LearningBatch, _ online: QFunction, targets: UnsafeMutablePointer<Float>
  ) -> (q: Tensor, latent: Tensor, loss: TDLoss) {
    let time = network.sizes.windowLength
    return online(
      Tensor(data: batch.states, rows: batch.count * time, columns: network.sizes.observationSize), time: time,
      actions: batch.actions, targets: targets, weights: batch.weights, limit: rule.limit, on: tape)
  }

  /// What one member learns towards, as if alone.
  private func targets(
    _ batch: LearningBatch, _ online: QFunction, target: QFunction
  ) -> UnsafeMutablePointer<Float> {
    tape.withoutGradient {
      let next =
        batch.nextLatents.map {
          target.head(Tensor(data: $0, rows: batch.count, columns: network.sizes.modelSize), on: tape)
        } ?? values(of: target, in: batch)
      return targets(batch, next: next, chooser: rule.doubleQ ? values(of: online, in: batch) : nil)
    }
  }

  /// What all members learn towards.
  private func sharedTargets(_ batch: LearningBatch) -> UnsafeMutablePointer<Float> {
    func bound(_ network: QNetwork, _ pessimism: Float) -> Tensor {
      votes.removeAll(keepingCapacity: true)
      for member in network.members { votes.append(values(of: member, in: batch)) }
      let bound = tape.floats(votes[0].rows * votes[0].columns)
      Targets.lowerBound(votes, pessimism: pessimism, into: bound)
      return Tensor(data: bound, rows: votes[0].rows, columns: votes[0].columns)
    }
    return tape.withoutGradient {
      targets(batch, next: bound(target, rule.pessimism), chooser: rule.doubleQ ? bound(network, 0) : nil)
    }
  }

  /// Q(s′, ·) [rows, actions].
  private func values(of member: QFunction, in batch: LearningBatch) -> Tensor {
    let time = network.sizes.windowLength
    return member(
      Tensor(data: batch.nextStates, rows: batch.count * time, columns: network.sizes.observationSize), time: time, on: tape
    ).q
  }

  private func targets(_ batch: LearningBatch, next: Tensor, chooser: Tensor?) -> UnsafeMutablePointer<Float> {
    let targets = tape.floats(batch.count)
    Targets.write(
      rows: batch.count, returns: batch.returns, discounts: batch.discounts, next: next, chooser: chooser,
      masks: batch.nextMasks, rescaled: rule.rescaled, into: targets)
    return targets
  }

  /// Leaves these sequences' part of the gradient of the batch's mean loss in `gradient`. Writes `tdErrors` and `values`,
  /// [batch × time] each; rows that nothing is learned from get 0.
  func run(
    _ sequences: Range<Int>, of batch: SequenceBatch, tdErrors: UnsafeMutablePointer<Float>,
    values: UnsafeMutablePointer<Float>
  ) {
    let count = sequences.count, first = sequences.lowerBound * batch.time, rows = count * batch.time
    tape.reset()
    tape.zeroParameterGradients()
    let shape = SequenceShape(batch: count, time: batch.time, begins: UnsafePointer(batch.begins) + first)
    let x = Tensor(data: batch.inputs + first * batch.observationSize, rows: rows, columns: batch.observationSize)
    let targets = tape.floats(rows)
    let next = tape.withoutGradient { target.members[0](x, shape, from: start(target.members[0], sequences, batch), on: tape).q }
    let q = network.members[0](x, shape, from: start(network.members[0], sequences, batch), on: tape).q
    Targets.write(
      rows: rows, returns: batch.returns + first, discounts: batch.discounts + first,
      nextRows: UnsafePointer(batch.nextRows) + first, firstRow: first, next: next, chooser: rule.doubleQ ? q : nil,
      masks: batch.nextMasks.map { UnsafePointer($0) + first * q.columns }, rescaled: rule.rescaled, into: targets)
    let actions = batch.actions + first, weights = batch.weights + first
    let result = tape.tdLoss(
      q: q, actions: actions, targets: targets, weights: weights, limit: rule.limit, count: batch.learnedRows)
    tape.backward()
    for row in 0..<rows {
      tdErrors[first + row] = weights[row] > 0 ? result.tdErrors[row] : 0
      values[first + row] = weights[row] > 0 ? q[row, Int(actions[row])] : 0
    }
    loss = result.loss
  }

  /// The stored states, or zeros where none are stored, moved on by the burn-in, of which no gradient is wanted; nil is zero.
  private func start(_ network: QFunction, _ sequences: Range<Int>, _ batch: SequenceBatch) -> Tensor? {
    let count = sequences.count, first = sequences.lowerBound
    let stored =
      batch.stateSize > 0
      ? Tensor(data: batch.states + first * batch.stateSize, rows: count, columns: batch.stateSize) : nil
    guard batch.burnIn > 0, network.stateLayout?.count ?? 0 > 0 else { return stored }
    return tape.withoutGradient {
      network(
        Tensor(
          data: batch.burnInInputs + first * batch.burnIn * batch.observationSize, rows: count * batch.burnIn,
          columns: batch.observationSize),
        SequenceShape(batch: count, time: batch.burnIn, begins: UnsafePointer(batch.burnInBegins) + first * batch.burnIn),
        from: stored, on: tape
      ).state
    }
  }
}
