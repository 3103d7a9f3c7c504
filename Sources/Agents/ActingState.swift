/// One actor's memory and the network's answer to the present observation: a window of recent observations, or a recurrent
/// state. Nothing is allocated after the first answer.
///
/// While a learner changes the parameters, work cached under older parameters would be wrong: then a whole window is
/// evaluated, which costs a hundredth of an update. With fixed parameters (evaluation, an app) `stepping` does one token's
/// work an observation. A recurrent state always moves by one step.
import Autograd
import Networks
import Records

/// One actor: what it remembers of its episode, and the network's answer to the present observation.
public final class ActingState {
  let network: QNetwork
  /// What makes the network's input of an observation.
  public let encoder: ObservationEncoder
  private let memory: Memory
  /// The network's present input [inputSize], and the observation that it was made of.
  private let input: Buffer
  private var previous: [Float]

  private enum Memory {
    case window(Window)
    case stepping(WindowStepper)
    case recurrent(RecurrentStepper, state: Buffer, before: Buffer)
  }
  /// A window whose parameters may change, evaluated whole.
  private final class Window {
    let values: Buffer
    let tape = Tape()
    init(_ count: Int) { values = Buffer(count: count) }
  }
  private var answer: (q: UnsafeMutablePointer<Float>, latent: UnsafeMutablePointer<Float>)?

  /// - Parameters:
  ///   - stepping: promises that the parameters do not change until the next `begin`.
  ///   - recurrent: remembers by a recurrent state, without an end, instead of a window.
  public init(_ network: QNetwork, encoder: ObservationEncoder? = nil, stepping: Bool = false, recurrent: Bool = false) {
    let sizes = network.sizes
    self.network = network
    self.encoder =
      encoder
      ?? ObservationEncoder(observationSize: sizes.observationSize, actionCount: sizes.actionCount, inputs: InputDescription())
    precondition(
      self.encoder.inputSize == sizes.observationSize,
      "inputs of \(self.encoder.inputSize) numbers; the network reads \(sizes.observationSize)")
    if recurrent {
      guard let stepper = RecurrentStepper(network) else { preconditionFailure("\(sizes.encoder.rawValue) only knows windows") }
      memory = .recurrent(stepper, state: Buffer(count: stepper.stateSize), before: Buffer(count: stepper.stateSize))
    } else if stepping, let stepper = WindowStepper(network) {
      memory = .stepping(stepper)
    } else {
      memory = .window(Window(sizes.windowLength * sizes.observationSize))
    }
    input = Buffer(count: sizes.observationSize)
    previous = Array(repeating: 0, count: self.encoder.observationSize)
  }

  /// A trained agent from its weights file, which says what it reads and how it remembers. Its parameters stay as they are.
  public convenience init(_ file: Safetensors) throws {
    let trained = try TrainedNetwork(file)
    self.init(trained.network, encoder: trained.encoder, stepping: true, recurrent: trained.isRecurrent)
  }

  private var size: Int { network.sizes.observationSize }
  private var length: Int { network.sizes.windowLength }

  /// The present network input [inputSize]: the observation as the encoder makes it.
  public var presentInput: UnsafeBufferPointer<Float> { UnsafeBufferPointer(start: input.pointer, count: size) }

  /// Floats of the latent.
  public var latentSize: Int { network.sizes.modelSize }
  /// Actions that the network values.
  public var actionCount: Int { network.sizes.actionCount }
  /// The recurrent state after the last answer [stateSize], and what moved it on; nil for windows.
  var recurrence: (stepper: RecurrentStepper, state: UnsafePointer<Float>)? {
    if case .recurrent(let stepper, let state, _) = memory { (stepper, UnsafePointer(state.pointer)) } else { nil }
  }
  /// Floats of the recurrent state; nil for windows.
  var stateSize: Int? { if case .recurrent(let stepper, _, _) = memory { stepper.stateSize } else { nil } }

  /// The recurrent state before the present observation, [stateSize]; nil for windows.
  public var stateBefore: UnsafePointer<Float>? {
    if case .recurrent(_, _, let before) = memory { UnsafePointer(before.pointer) } else { nil }
  }

  /// An episode begins: the window becomes `observation` repeated, a recurrent state zero.
  public func begin(_ observation: UnsafeBufferPointer<Float>) {
    encode(observation, isFirst: true, action: 0, reward: 0)
    switch memory {
    case .window(let window):
      for position in 0..<length { (window.values.pointer + position * size).update(from: input.pointer, count: size) }
    case .stepping(let stepper): stepper.begin(input.pointer)
    case .recurrent(_, let state, _): state.pointer.update(repeating: 0, count: state.count)
    }
    answer = nil
  }

  /// Time moves on by one observation, after `action` brought `reward` (which count only where the network reads them).
  public func observe(_ observation: UnsafeBufferPointer<Float>, after action: Int = 0, reward: Float = 0) {
    if answer == nil, case .recurrent = memory { _ = evaluate() }  // a state moves on by every observation
    encode(observation, isFirst: false, action: action, reward: reward)
    switch memory {
    case .window(let window):
      let values = window.values.pointer
      values.update(from: values + size, count: (length - 1) * size)
      (values + (length - 1) * size).update(from: input.pointer, count: size)
    case .stepping(let stepper): stepper.push(input.pointer)
    case .recurrent: break
    }
    answer = nil
  }

  /// The same from arrays, for an app.
  public func begin(_ observation: [Float]) { observation.withUnsafeBufferPointer { begin($0) } }
  /// The next observation [features] of the episode, the action that led to it and its reward as the environment gave it.
  public func observe(_ observation: [Float], after action: Int = 0, reward: Float = 0) {
    observation.withUnsafeBufferPointer { observe($0, after: action, reward: reward) }
  }

  private func encode(_ observation: UnsafeBufferPointer<Float>, isFirst: Bool, action: Int, reward: Float) {
    precondition(
      observation.count == encoder.observationSize,
      "an observation of \(observation.count) floats; the network reads \(encoder.observationSize)")
    previous.withUnsafeMutableBufferPointer { previous in
      encoder.encode(
        observation.baseAddress!, previous: isFirst ? nil : UnsafePointer(previous.baseAddress!), action: action,
        reward: reward, into: input.pointer)  // an observation is never empty
      _ = previous.update(fromContentsOf: observation)
    }
  }

  /// The network has learned since: its last answer no longer holds. A recurrent state that has moved on stays.
  public func parametersChanged() {
    switch memory {
    case .window: answer = nil
    case .stepping: preconditionFailure("the parameters were promised not to change")
    case .recurrent(let stepper, _, _): stepper.parametersChanged()
    }
  }

  /// Q-values [actions] and the latent [modelSize] at the present observation, valid until the next call.
  public func evaluate() -> (q: UnsafeMutablePointer<Float>, latent: UnsafeMutablePointer<Float>) {
    if let answer { return answer }
    let result: (q: UnsafeMutablePointer<Float>, latent: UnsafeMutablePointer<Float>)
    switch memory {
    case .window(let window):
      window.tape.reset()
      let (q, latent) = window.tape.withoutGradient {
        network(Tensor(data: window.values.pointer, rows: length, columns: size), time: length, on: window.tape)
      }
      result = (q.values, latent.values)
    case .stepping(let stepper):
      guard let latent = stepper.latent else { preconditionFailure("no episode has begun") }
      result = (stepper.values, latent)
    case .recurrent(let stepper, let state, let before):
      before.pointer.update(from: state.pointer, count: state.count)
      result = stepper.step(input.pointer, state: state.pointer)
    }
    answer = result
    return result
  }

  // MARK: - Answered from outside (`ActingBatch`)

  var isAnswered: Bool { answer != nil }

  /// Q-values [actions] and latent [modelSize] at the present observation, valid until the next pass of whoever gives them.
  func answer(q: UnsafeMutablePointer<Float>, latent: UnsafeMutablePointer<Float>) { answer = (q, latent) }

  /// The window [windowLength, inputSize], or the recurrent state before the present observation [stateSize].
  func writeRemembered(to values: UnsafeMutablePointer<Float>) {
    switch memory {
    case .window(let window): values.update(from: window.values.pointer, count: window.values.count)
    case .stepping: preconditionFailure("an actor of a fixed network answers by itself")
    case .recurrent(_, let state, _): values.update(from: state.pointer, count: state.count)
    }
  }

  /// The recurrent state after the present observation [stateSize].
  func moveOn(to next: UnsafePointer<Float>) {
    guard case .recurrent(_, let state, let before) = memory else { preconditionFailure("a window has no state") }
    before.pointer.update(from: state.pointer, count: state.count)
    state.pointer.update(from: next, count: state.count)
  }

  /// The action of largest value, of those that are `allowed` (an environment's `actionMask`; nil: all are).
  public func greedyAction(allowed: [Bool]? = nil) -> Int { argmax(evaluate().q, allowed) }

  func argmax(_ q: UnsafeMutablePointer<Float>, _ allowed: [Bool]?) -> Int {
    bestAction(q, count: network.sizes.actionCount) { allowed?[$0] ?? true }
  }

  // MARK: - Checkpoints

  /// What must be kept: the window or the recurrent state, and the last observation and input where the encoder needs them.
  var bytes: [Float] {
    var values: [Float] = []
    switch memory {
    case .window(let window): values = (0..<window.values.count).map { window.values.pointer[$0] }
    case .stepping: preconditionFailure("an actor of a fixed network is not saved")
    // As it was before the present observation, which whoever goes on from here reads again.
    case .recurrent(_, let state, let before):
      let source = answer == nil ? state : before
      values = (0..<source.count).map { source.pointer[$0] }
    }
    guard keepsInput else { return values }
    return values + previous + presentInput
  }

  private var keepsInput: Bool {
    if case .recurrent = memory { true } else { !encoder.changesNothing }
  }

  func restore(_ bytes: UnsafeRawBufferPointer) throws {
    let remembered: Buffer
    switch memory {
    case .window(let window): remembered = window.values
    case .stepping: preconditionFailure("an actor of a fixed network is not restored")
    case .recurrent(_, let state, _): remembered = state
    }
    let count = remembered.count + (keepsInput ? previous.count + size : 0)
    guard bytes.count == count * 4 else {
      throw LearningError(
        description: "the checkpoint's window has \(bytes.count) bytes; this network needs \(count * 4)")
    }
    let values = (0..<count).map { bytes.loadUnaligned(fromByteOffset: $0 * 4, as: Float.self) }
    if case .recurrent = memory, let flaw = network.stateLayout?.flaw(in: values) {
      throw LearningError(description: "in the checkpoint's memory of an actor \(flaw)")
    }
    remembered.pointer.update(from: values, count: remembered.count)
    if keepsInput {
      previous = Array(values[remembered.count..<remembered.count + previous.count])
      for i in 0..<size { input.pointer[i] = values[remembered.count + previous.count + i] }
    }
    answer = nil
  }
}
