/// One thread's part of a gradient step: target forward, online forward, loss and backward of some rows of the batch.
import Autograd
import Networks

final class GradientWorker {
  private(set) var loss: Float = 0
  private let network, target: QNetwork
  private let rule: LearningRule
  private let tape: Tape
  /// Of the last `run`, laid out as the network's parameters.
  let gradient: Buffer

  /// Any number of workers may share the networks: the gradient is on this worker's own tape.
  init(_ network: QNetwork, target: QNetwork, rule: LearningRule) {
    (self.network, self.target, self.rule) = (network, target, rule)
    gradient = Buffer(count: network.block.values.count)
    tape = Tape(differentiating: network.block.values, into: gradient)
  }

  /// Leaves the gradient of these rows' mean loss in `gradient` and returns the loss. Writes `tdErrors`,
  /// target − Q(s, a), and `values`, Q(s, a), [rows] each.
  @discardableResult func run(
    _ batch: LearningBatch, tdErrors: UnsafeMutablePointer<Float>, values: UnsafeMutablePointer<Float>
  ) -> Float {
    let time = network.sizes.windowLength, rows = batch.count * time, features = network.sizes.observationSize
    tape.reset()
    tape.zeroParameterGradients()
    let targets = tape.floats(batch.count)
    tape.withoutGradient {
      let windows = Tensor(data: batch.nextStates, rows: rows, columns: features)
      let next = target(windows, time: time, on: tape).q
      let chooser = rule.doubleQ ? network(windows, time: time, on: tape).q : nil
      Targets.write(
        rows: batch.count, returns: batch.returns, discounts: batch.discounts, next: next, chooser: chooser,
        rescaled: rule.rescaled, into: targets)
    }
    let (q, _, result) = network(
      Tensor(data: batch.states, rows: rows, columns: features), time: time, actions: batch.actions, targets: targets,
      weights: batch.weights, limit: rule.limit, on: tape)
    tape.backward()
    for row in 0..<batch.count {
      tdErrors[row] = result.tdErrors[row]
      values[row] = q[row, Int(batch.actions[row])]
    }
    loss = result.loss
    return loss
  }
}
