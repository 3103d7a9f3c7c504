/// What a weights file may hold, read at every position: a Q-network, a bare block, a residual stack, a language model. The file
/// is recognised by names and shapes alone.
import Autograd
import Kernels
import Layers
import Records

/// What a weights file holds, read at every position of a sequence.
public protocol SequenceModel: AnyObject {
  /// Features of a position.
  var inputSize: Int { get }
  /// What a row of recurrent state consists of; nil where no state is kept from call to call.
  var stateLayout: StateLayout? { get }
  /// All parameters, in one piece.
  var block: ParameterBlock { get }

  /// x [batch × time, inputSize] → what comes out at every position, [batch × time, …] each under its name and the result first,
  /// and the state after the last position (`SequenceLayer`).
  func outputs(
    _ x: Tensor, _ shape: SequenceShape, from state: Tensor?, on tape: Tape
  ) -> (outputs: [NamedTensor], state: Tensor?)

  /// The result one position at a time at constant cost; nil where no state is kept.
  func makeStepper() -> (any SequenceStepper)?
}

/// An output with its name.
public struct NamedTensor {
  /// Such as q or latent.
  public let name: String
  /// [batch × time, width].
  public let tensor: Tensor
  init(_ name: String, _ tensor: Tensor) { (self.name, self.tensor) = (name, tensor) }
}

/// A layer by itself: its result is `output`.
public final class LayerModel: SequenceModel {
  /// What reads the sequence.
  public let layer: any SequenceLayer
  /// All parameters, in one piece.
  public let block: ParameterBlock
  public var inputSize: Int { layer.inputSize }
  public var stateLayout: StateLayout? { layer.stateLayout }

  /// Its parameters are gathered in a block.
  public init(_ layer: some SequenceLayer) { (self.layer, block) = (layer, ParameterBlock(layer)) }

  public func outputs(
    _ x: Tensor, _ shape: SequenceShape, from state: Tensor?, on tape: Tape
  ) -> (outputs: [NamedTensor], state: Tensor?) {
    let (output, final) = layer(x, shape, from: state, reading: .all, on: tape)
    return ([NamedTensor("output", output)], final)
  }
  public func makeStepper() -> (any SequenceStepper)? { layer.makeStepper() }
}

/// Its results are `q` and `latent`, as of windows: the members' mean and the first member's.
extension QNetwork: SequenceModel {
  public var inputSize: Int { sizes.observationSize }

  /// False for a Transformer whose positions are learned for one length of windows.
  public var readsSequences: Bool { members.allSatisfy { $0.stateLayout != nil } }

  public func outputs(
    _ x: Tensor, _ shape: SequenceShape, from state: Tensor?, on tape: Tape
  ) -> (outputs: [NamedTensor], state: Tensor?) {
    let (q, latent, final) = members[0](x, shape, from: state, on: tape)
    let mean = self.mean(q, on: tape) { $0(x, shape, from: nil, on: tape).q }
    return ([NamedTensor("q", mean), NamedTensor("latent", latent)], members.count == 1 ? final : nil)
  }

  public func makeStepper() -> (any SequenceStepper)? { RecurrentStepper(self).map { QStepper($0) } }

  private final class QStepper: SequenceStepper {
    private let stepper: RecurrentStepper
    init(_ stepper: RecurrentStepper) { self.stepper = stepper }
    func parametersChanged() { stepper.parametersChanged() }
    func step(_ x: UnsafePointer<Float>, state: UnsafeMutablePointer<Float>) -> UnsafeMutablePointer<Float> {
      stepper.step(x, state: state).q
    }
  }
}
