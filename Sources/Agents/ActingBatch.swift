/// Several actors' present observations in one forward pass.
import Autograd
import Kernels
import Networks

/// Several actors' answers to their present observations in one forward pass of the network.
public final class ActingBatch {
  private let network: QNetwork
  private let tape = Tape()

  /// Of actors of this network, none of them `stepping`, either all recurrent or all with windows.
  public init(_ network: QNetwork) { self.network = network }

  /// Afterwards `evaluate` of each of these actors has its answer, valid until the next call; those that had one keep it.
  public func evaluate(_ states: [ActingState]) {
    let open = states.filter { !$0.isAnswered }
    guard open.count > 1 else { return }
    tape.reset()
    tape.withoutGradient {
      if open[0].stateSize == nil { evaluateWindows(open) } else { evaluateRecurrent(open) }
    }
  }

  private func evaluateWindows(_ states: [ActingState]) {
    let time = network.sizes.windowLength, width = network.sizes.observationSize
    let x = tape.constant(rows: states.count * time, columns: width)
    for (index, state) in states.enumerated() { state.writeRemembered(to: x.values + index * time * width) }
    let (q, latent) = network(x, time: time, on: tape)
    for (index, state) in states.enumerated() {
      state.answer(q: q.values + index * q.stride, latent: latent.values + index * latent.stride)
    }
  }

  private func evaluateRecurrent(_ states: [ActingState]) {
    let width = network.sizes.observationSize, size = states[0].stateSize ?? 0
    let x = tape.constant(rows: states.count, columns: width)
    let before = tape.constant(rows: states.count, columns: size)
    for (index, state) in states.enumerated() {
      (x.values + index * width).update(from: state.presentInput.baseAddress!, count: width)  // never empty
      state.writeRemembered(to: before.values + index * size)
    }
    let (q, latent, after) = network.members[0](
      x, SequenceShape(batch: states.count, time: 1), from: size > 0 ? before : nil, on: tape)
    for (index, state) in states.enumerated() {
      if let after { state.moveOn(to: after.values + index * after.stride) }
      state.answer(q: q.values + index * q.stride, latent: latent.values + index * latent.stride)
    }
  }
}
