/// One actor's window of recent observations and the network's answer to it. Nothing is allocated after the first answer.
///
/// While a learner changes the parameters after every step, work cached under older parameters would be wrong: then the
/// whole window is evaluated, which costs a hundredth of an update. With fixed parameters (evaluation, an app) `stepping`
/// does one token's work an observation.
import Autograd
import Networks

public final class ActingState {
  private let network: QNetwork
  private let window: Buffer
  private let tape = Tape()
  private var isFresh = false
  private var answer: (q: UnsafeMutablePointer<Float>, latent: UnsafeMutablePointer<Float>)?

  /// Nil: the whole window is evaluated.
  private let stepper: WindowStepper?

  /// `stepping` promises that the parameters do not change until the next `begin`.
  public init(_ network: QNetwork, stepping: Bool = false) {
    self.network = network
    stepper = stepping ? WindowStepper(network) : nil
    window = Buffer(count: network.sizes.windowLength * network.sizes.observationSize)
  }

  private var size: Int { network.sizes.observationSize }
  private var length: Int { network.sizes.windowLength }

  /// An episode begins: the window becomes `observation` repeated.
  public func begin(_ observation: UnsafeBufferPointer<Float>) {
    precondition(observation.count == size, "an observation of \(observation.count) floats; the network reads \(size)")
    if let stepper { return stepper.begin(observation.baseAddress!) }  // not empty: its size was checked
    for position in 0..<length { (window.pointer + position * size).update(from: observation.baseAddress!, count: size) }
    isFresh = false
  }

  /// The window moves on by one observation.
  public func observe(_ observation: UnsafeBufferPointer<Float>) {
    precondition(observation.count == size, "an observation of \(observation.count) floats; the network reads \(size)")
    if let stepper { return stepper.push(observation.baseAddress!) }
    window.pointer.update(from: window.pointer + size, count: (length - 1) * size)
    (window.pointer + (length - 1) * size).update(from: observation.baseAddress!, count: size)
    isFresh = false
  }

  /// The same from arrays, for an app.
  public func begin(_ observation: [Float]) { observation.withUnsafeBufferPointer { begin($0) } }
  public func observe(_ observation: [Float]) { observation.withUnsafeBufferPointer { observe($0) } }

  /// The network has learned since: its last answer no longer holds.
  public func parametersChanged() { isFresh = false }

  /// Q-values [actions] and the latent [modelSize] of the present window, valid until the next call.
  public func evaluate() -> (q: UnsafeMutablePointer<Float>, latent: UnsafeMutablePointer<Float>) {
    if let stepper, let latent = stepper.latent { return (stepper.values, latent) }
    if isFresh, let answer { return answer }
    tape.reset()
    let (q, latent) = tape.withoutGradient {
      network(Tensor(data: window.pointer, rows: length, columns: size), time: length, on: tape)
    }
    isFresh = true
    answer = (q.values, latent.values)
    return (q.values, latent.values)
  }

  public func greedyAction() -> Int { argmax(evaluate().q) }

  func argmax(_ q: UnsafeMutablePointer<Float>) -> Int {
    (1..<network.sizes.actionCount).reduce(0) { q[$1] > q[$0] ? $1 : $0 }
  }

  var windowBytes: UnsafeRawBufferPointer { window.bytes }
  func restoreWindow(_ bytes: UnsafeRawBufferPointer) throws {
    guard bytes.count == window.bytes.count else {
      throw LearningError(
        description: "the checkpoint's window has \(bytes.count) bytes; this network needs \(window.bytes.count)")
    }
    UnsafeMutableRawPointer(window.pointer).copyMemory(from: bytes.baseAddress!, byteCount: bytes.count)  // never empty
    isFresh = false
  }
}
