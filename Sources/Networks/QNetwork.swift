/// The Q-network: usually one Q-function; or several members, initialised apart, whose mean is acted on (an ensemble; Averaged
/// DQN, Anschel et al. 2017, averages over time instead). Each member learns as if alone.
import Autograd
import Layers
import Randomness

/// One Q-function, or several that learn side by side and whose mean counts.
public final class QNetwork: Layer {
  /// Of each member.
  public let sizes: NetworkSizes
  /// At least one.
  public let members: [QFunction]
  /// All parameters, in one piece.
  public private(set) lazy var block = ParameterBlock(self)

  /// Initial parameters out of `generator`.
  public init(_ sizes: NetworkSizes, _ generator: inout SplitMix64) {
    self.sizes = sizes
    members = (0..<sizes.members).map { _ in QFunction(sizes, &generator) }
    _ = block
  }

  /// windows [batch × time, observationSize] → q [batch, actions], the members' mean; latent [batch, modelSize], the first
  /// member's.
  public func callAsFunction(_ windows: Tensor, time: Int, on tape: Tape) -> (q: Tensor, latent: Tensor) {
    let (q, latent) = members[0](windows, time: time, on: tape)
    return (mean(q, on: tape) { $0(windows, time: time, on: tape).q }, latent)
  }

  /// The members' mean of Q-values: the first's, and what `others` says of each other one.
  func mean(_ first: Tensor, on tape: Tape, _ others: (QFunction) -> Tensor) -> Tensor {
    guard members.count > 1 else { return first }
    return tape.scale(members.dropFirst().reduce(first) { tape.add($0, others($1)) }, by: 1 / Float(members.count))
  }

  /// What a row of recurrent state consists of; nil for a network that only knows windows, as all with several members do.
  public var stateLayout: StateLayout? { members.count == 1 ? members[0].stateLayout : nil }

  /// The first member's parameters as alone, the others' under `members.K.`.
  public func forEachParameter(_ body: (String, Parameter) -> Void) {
    members[0].forEachParameter(body)
    for (index, member) in members.enumerated().dropFirst() { forward("\(Self.memberPrefix)\(index)", member, body) }
  }
  static let memberPrefix = "members."

  /// The encoders' parameters within the block, where there are any.
  public lazy var encoderRanges: [Range<Int>] = members.compactMap { member in
    var parameters: [Parameter] = []
    member.encoder.forEachParameter { parameters.append($1) }
    guard let first = parameters.first, let last = parameters.last else { return nil }
    let start = first.pointer - block.values.pointer
    return start..<(last.pointer - block.values.pointer + (last.count + 15) / 16 * 16)
  }
}
