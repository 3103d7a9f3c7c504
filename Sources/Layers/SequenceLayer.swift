/// The contract of every layer that reads sequences. A sequence with state is the concept; a window is a sequence that
/// begins at the zero state and is read at its last position.
import Autograd
import Foundation
import Kernels

/// Which positions' outputs are wanted.
public enum Positions: Sendable {
  /// [batch × time, outputSize].
  case all
  /// [batch, outputSize]. What a layer saves by it is its own affair.
  case last
}

/// What one row of recurrent state consists of: flat floats, part after part, each row-major in the shape and under the
/// name of the reference implementation (`conv` [channels, taps] newest last and `ssm` [channels, states] for Mamba-1, …).
public struct StateLayout: Equatable, Sendable {
  public struct Part: Equatable, Sendable {
    public let name: String
    public let shape: [Int]
    /// Which of its floats count something, whole numbers from 0, and what each of them stays below.
    public let counters: [Int: Int]
    public var count: Int { shape.reduce(1, *) }
    public init(_ name: String, _ shape: [Int], counters: [Int: Int] = [:]) {
      (self.name, self.shape, self.counters) = (name, shape, counters)
    }
  }
  public let parts: [Part]
  /// Floats of a row. 0 for a layer without state.
  public let count: Int

  public init(_ parts: [Part] = []) {
    self.parts = parts
    count = parts.reduce(0) { $0 + $1.count }
  }

  /// What of a row [count] no layer would have made: a number that is not finite, or is none of those that its place counts.
  /// Nil for a good row.
  public func flaw(in row: UnsafePointer<Float>) -> String? {
    var start = 0
    for part in parts {
      for i in 0..<part.count {
        let value = row[start + i]
        guard value.isFinite else { return "the state \(part.name) contains \(value)" }
        guard let limit = part.counters[i] else { continue }
        guard value >= 0, value < Float(limit), value == value.rounded() else {
          return "the state \(part.name) counts \(value) positions; a whole number from 0 to \(limit - 1) is needed"
        }
      }
      start += part.count
    }
    return nil
  }

  /// The floats of a part within a row.
  public func range(of name: String) -> Range<Int>? {
    var start = 0
    for part in parts {
      if part.name == name { return start..<start + part.count }
      start += part.count
    }
    return nil
  }
}

/// Whatever reads a sequence: for every such layer, to rounding,
/// unrolled steps = one sequence = a sequence cut anywhere with its state handed on = sequences in another order of the batch,
/// episodes that begin inside included.
public protocol SequenceLayer: Layer {
  var inputSize: Int { get }
  var outputSize: Int { get }
  var stateLayout: StateLayout { get }
  /// Floating-point operations of the forward pass at one position: 2mn of every product, and of a recurrence what its
  /// multiply-adds and exponentials' polynomials take. Backward is twice as much. Norms and activations are not counted.
  var workPerPosition: Int { get }

  /// x [batch × time, inputSize], dense → the outputs at the positions asked for, and the state [batch, stateLayout.count]
  /// after the last position: nil for a layer without state, and from one that reads a window (`.last`, from nil, no episode
  /// beginning inside) by a form that knows no state.
  ///
  /// `state` is what the sequences begin from; nil is zero. It is differentiated where it has a gradient. The state that
  /// comes out is a constant: no gradient goes back through it.
  func callAsFunction(
    _ x: Tensor, _ shape: SequenceShape, from state: Tensor?, reading: Positions, on tape: Tape
  ) -> (output: Tensor, state: Tensor?)

  /// One position at a time at constant cost, for one actor.
  func makeStepper() -> any SequenceStepper
}

extension SequenceLayer {
  /// What every such layer asks of its caller.
  func checkInput(_ x: Tensor, _ shape: SequenceShape, _ state: Tensor?) {
    precondition(
      shape.time > 0 && x.isDense && x.rows == shape.rows && x.columns == inputSize,
      "x is [\(x.rows), \(x.columns)]; \(shape.batch) sequences of \(shape.time) positions need "
        + "[\(shape.batch) × time > 0, \(inputSize)], dense")
    precondition(
      state.map { $0.rows == shape.batch && $0.columns == stateLayout.count } ?? true,
      "the state is [\(state?.rows ?? 0), \(state?.columns ?? 0)]; it must be [\(shape.batch), \(stateLayout.count)]")
  }
}

/// A layer one position at a time: constant cost and memory, and no allocation.
public protocol SequenceStepper: AnyObject {
  /// Reads the parameters anew: to be called after they have changed.
  func parametersChanged()

  /// x [inputSize] → the output at it [outputSize], valid until the next call; `state` [stateLayout.count] moves on in place.
  /// An episode begins with a state of zeros.
  func step(_ x: UnsafePointer<Float>, state: UnsafeMutablePointer<Float>) -> UnsafeMutablePointer<Float>

  /// Δ of the last step, the mean over channels or heads, of every Mamba block inside, the first one first. It is worked out
  /// when asked for: a step costs nothing more.
  var meanSteps: [Float] { get }
}

extension SequenceStepper {
  public var meanSteps: [Float] { [] }
}

/// The mean of softplus(x + bias), [count] each.
func meanSoftplus(_ x: UnsafePointer<Float>, bias: UnsafePointer<Float>, count: Int) -> Float {
  let sum = (0..<count).reduce(Float(0)) { sum, i in
    let value = x[i] + bias[i]
    return sum + max(value, 0) + log1p(exp(-abs(value)))
  }
  return sum / Float(count)
}
