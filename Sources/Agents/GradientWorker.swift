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

  /// Leaves some windows' gradient of their mean loss in `gradient` (of several members the sum of each one's, as if alone), or
  /// some sequences' part of that of the batch's. Writes, at their rows, `tdErrors`, target − Q(s, a), and `values`, Q(s, a)
  /// (of several members the means of |δ| and of Q; 0 where nothing is learned), and the `latents` of windows where wanted.
  func run(
    _ part: Range<Int>, of batch: Batch, tdErrors: UnsafeMutablePointer<Float>, values: UnsafeMutablePointer<Float>,
    latents: UnsafeMutablePointer<Float>?
  ) {
    let first = part.lowerBound * batch.positions
    tape.reset()
    tape.zeroParameterGradients()
    if batch.isOfWindows {
      windows(part, batch, tdErrors + first, values + first, latents.map { $0 + first * network.sizes.modelSize })
    } else {
      sequences(part, batch, tdErrors + first, values + first)
    }
  }

  // MARK: - Windows

  private func windows(
    _ part: Range<Int>, _ batch: Batch, _ tdErrors: UnsafeMutablePointer<Float>, _ values: UnsafeMutablePointer<Float>,
    _ latents: UnsafeMutablePointer<Float>?
  ) {
    results.removeAll(keepingCapacity: true)
    let shared = rule.pessimism > 0 ? sharedTargets(part, batch) : nil
    for (online, target) in zip(network.members, target.members) {
      results.append(
        online(
          windows(part, batch, of: batch.inputs), time: batch.time, actions: batch.actions + part.lowerBound,
          targets: shared ?? targets(part, batch, online, target: target), weights: batch.weights + part.lowerBound,
          limit: rule.limit, on: tape))
    }
    tape.backward()
    let first = results[0], share = 1 / Float(results.count)
    for row in 0..<part.count {
      let action = Int(batch.actions[part.lowerBound + row])
      (tdErrors[row], values[row]) = (first.loss.tdErrors[row], first.q[row, action])
      guard results.count > 1 else { continue }
      tdErrors[row] = results.reduce(0) { $0 + abs($1.loss.tdErrors[row]) } * share
      values[row] = results.reduce(0) { $0 + $1.q[row, action] } * share
    }
    if let latents { latents.update(from: first.latent.values, count: part.count * network.sizes.modelSize) }
    loss = results.count == 1 ? first.loss.loss : results.reduce(0) { $0 + $1.loss.loss } * share
  }

  /// [part × time, observation], of the batch's inputs or next inputs.
  private func windows(_ part: Range<Int>, _ batch: Batch, of inputs: UnsafePointer<Float>) -> Tensor {
    let size = batch.observationSize
    return Tensor(data: inputs + part.lowerBound * batch.time * size, rows: part.count * batch.time, columns: size)
  }

  /// What one member learns towards, as if alone.
  private func targets(
    _ part: Range<Int>, _ batch: Batch, _ online: QFunction, target: QFunction
  ) -> UnsafeMutablePointer<Float> {
    tape.withoutGradient {
      let width = network.sizes.modelSize
      let next =
        batch.nextLatents.map {
          target.head(Tensor(data: $0 + part.lowerBound * width, rows: part.count, columns: width), on: tape)
        } ?? nextValues(part, batch, of: target)
      return targets(part, batch, next: next, chooser: rule.doubleQ ? nextValues(part, batch, of: online) : nil)
    }
  }

  /// What all members learn towards.
  private func sharedTargets(_ part: Range<Int>, _ batch: Batch) -> UnsafeMutablePointer<Float> {
    func bound(_ network: QNetwork, _ pessimism: Float) -> Tensor {
      votes.removeAll(keepingCapacity: true)
      for member in network.members { votes.append(nextValues(part, batch, of: member)) }
      let bound = tape.floats(votes[0].rows * votes[0].columns)
      Targets.lowerBound(votes, pessimism: pessimism, into: bound)
      return Tensor(data: bound, rows: votes[0].rows, columns: votes[0].columns)
    }
    return tape.withoutGradient {
      targets(part, batch, next: bound(target, rule.pessimism), chooser: rule.doubleQ ? bound(network, 0) : nil)
    }
  }

  /// Q(s′, ·) [part, actions].
  private func nextValues(_ part: Range<Int>, _ batch: Batch, of member: QFunction) -> Tensor {
    member(windows(part, batch, of: batch.nextInputs), time: batch.time, on: tape).q
  }

  // MARK: - Sequences

  private func sequences(
    _ part: Range<Int>, _ batch: Batch, _ tdErrors: UnsafeMutablePointer<Float>, _ values: UnsafeMutablePointer<Float>
  ) {
    let first = part.lowerBound * batch.time, rows = part.count * batch.time
    let shape = SequenceShape(batch: part.count, time: batch.time, begins: UnsafePointer(batch.begins) + first)
    let x = Tensor(data: batch.inputs + first * batch.observationSize, rows: rows, columns: batch.observationSize)
    let next = tape.withoutGradient { target.members[0](x, shape, from: start(target.members[0], part, batch), on: tape).q }
    let q = network.members[0](x, shape, from: start(network.members[0], part, batch), on: tape).q
    let actions = batch.actions + first, weights = batch.weights + first
    let result = tape.tdLoss(
      q: q, actions: actions, targets: targets(part, batch, next: next, chooser: rule.doubleQ ? q : nil), weights: weights,
      limit: rule.limit, count: batch.learnedRows)
    tape.backward()
    for row in 0..<rows {
      tdErrors[row] = weights[row] > 0 ? result.tdErrors[row] : 0
      values[row] = weights[row] > 0 ? q[row, Int(actions[row])] : 0
    }
    loss = result.loss
  }

  /// The stored states, or zeros where none are stored, moved on by the burn-in, of which no gradient is wanted; nil is zero.
  private func start(_ network: QFunction, _ part: Range<Int>, _ batch: Batch) -> Tensor? {
    let count = part.count, first = part.lowerBound
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

  // MARK: - Both

  /// [part × positions], from the Q-values of the rows that are bootstrapped from.
  private func targets(_ part: Range<Int>, _ batch: Batch, next: Tensor, chooser: Tensor?) -> UnsafeMutablePointer<Float> {
    let first = part.lowerBound * batch.positions, rows = part.count * batch.positions, targets = tape.floats(rows)
    Targets.write(
      rows: rows, returns: batch.returns + first, discounts: batch.discounts + first,
      nextRows: UnsafePointer(batch.nextRows) + first, firstRow: first, next: next, chooser: chooser,
      masks: batch.nextMasks.map { UnsafePointer($0) + first * next.columns }, rescaled: rule.rescaled, into: targets)
    return targets
  }
}
