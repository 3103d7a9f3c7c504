/// What a network remembers, in a few numbers an observation: each Mamba block's mean Δ and how large its state has grown. For
/// recorded episodes; an actor that is not recorded pays nothing for it.
import Autograd
import Layers
import Networks

/// Follows one actor through its episodes.
///
/// A window is read once more from the zero state at every observation: what is told of it is what its last position finds.
public final class MemoryTracer {
  private let actor: ActingState
  private let norms: [Norm]
  private let window: Window?

  private struct Norm {
    let name: String
    /// Within the state.
    let range: Range<Int>
  }
  private final class Window {
    let stepper: RecurrentStepper
    let state: Buffer
    /// Network inputs [inputSize], the newest last.
    var inputs: [[Float]] = []

    init(_ stepper: RecurrentStepper) { (self.stepper, state) = (stepper, Buffer(count: stepper.stateSize)) }
  }

  /// The actor's parameters must stay as they are.
  public init(_ actor: ActingState) {
    self.actor = actor
    norms = Self.norms(in: actor.network.stateLayout ?? StateLayout())
    window = actor.recurrence == nil && !norms.isEmpty ? RecurrentStepper(actor.network).map { Window($0) } : nil
  }

  /// Names and numbers of the present observation, of blocks and layers counted from 1. To be asked once an observation, after
  /// `evaluate`; `isFirst`: an episode has begun. Empty for a network without a state.
  public func traces(isFirst: Bool) -> [(name: String, value: Float)] {
    guard let (stepper, state) = window.map({ read($0, isFirst) }) ?? actor.recurrence else { return [] }
    let steps = stepper.meanSteps.enumerated().map { ("block \($0.offset + 1): mean Δ", $0.element) }
    return steps
      + norms.map { norm in
        (norm.name, norm.range.reduce(Float(0)) { $0 + state[$1] * state[$1] }.squareRoot())
      }
  }

  private func read(_ window: Window, _ isFirst: Bool) -> (RecurrentStepper, UnsafePointer<Float>) {
    let input = Array(actor.presentInput), state = window.state.pointer
    if isFirst {
      window.inputs = Array(repeating: input, count: actor.network.sizes.windowLength)
    } else {
      window.inputs.removeFirst()
      window.inputs.append(input)
    }
    state.update(repeating: 0, count: window.state.count)
    for input in window.inputs { _ = input.withUnsafeBufferPointer { window.stepper.step($0.baseAddress!, state: state) } }
    return (window.stepper, UnsafePointer(state))
  }

  /// What is worth looking at: not a convolution's last inputs, nor the angles and the last key and value of a Mamba-3.
  private static func norms(in layout: StateLayout) -> [Norm] {
    let names = Set(layout.parts.map(\.name))
    var norms: [Norm] = [], counts: [String: Int] = [:], start = 0
    for part in layout.parts {
      let kind = part.name.split(separator: ".").last.map(String.init) ?? part.name
      let prefix = part.name.dropLast(kind.count), range = start..<start + part.count
      start = range.upperBound
      func add(_ owner: String, _ what: String, rows: Int = 1) {
        let size = range.count / rows
        for row in 0..<rows {
          counts[kind, default: 0] += 1
          norms.append(
            Norm(
              name: "\(owner) \(counts[kind, default: 0]): ‖\(what)‖",
              range: range.lowerBound + row * size..<range.lowerBound + (row + 1) * size))
        }
      }
      let isAttention = names.contains("\(prefix)count")
      switch kind {
      case "ssm": add("block", "state")
      case "h": add("layer", "hidden", rows: part.shape.count > 1 ? part.shape[0] : 1)
      case "c": add("layer", "cell", rows: part.shape.count > 1 ? part.shape[0] : 1)
      case "k" where isAttention: add("layer", "keys")
      case "v" where isAttention: add("layer", "values")
      case "parts": norms.append(Norm(name: "all parts: ‖state‖", range: range))
      default: break
      }
    }
    return norms
  }
}
