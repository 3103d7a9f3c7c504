/// A trained network with what stands before it and how it remembers: all that acting needs.
import Networks
import Records

/// A network that only acts: with what stands before it, and how it remembers.
public struct TrainedNetwork {
  /// Its parameters stay as they are.
  public let network: QNetwork
  /// What makes the network's input of an observation.
  public let encoder: ObservationEncoder
  /// Whether it remembers by a recurrent state instead of a window.
  public let isRecurrent: Bool

  /// `isRecurrent` needs a network with a state (`QNetwork.stateLayout`).
  public init(_ network: QNetwork, encoder: ObservationEncoder, isRecurrent: Bool) {
    (self.network, self.encoder, self.isRecurrent) = (network, encoder, isRecurrent)
  }

  /// As its weights file says (`DQNAgent.writeWeights`).
  ///
  /// - Throws: `FileError` where the file holds no network of ours, or one that cannot remember as it says.
  public init(_ file: Safetensors) throws {
    let network = try QNetwork(file, windowLength: file.metadata["windowLength"].flatMap { Int($0) }), sizes = network.sizes
    self.init(
      network, encoder: try ObservationEncoder(file, inputSize: sizes.observationSize, actionCount: sizes.actionCount),
      isRecurrent: file.metadata["replay"] == ReplayKind.sequence.rawValue)
    guard !isRecurrent || network.stateLayout != nil else {
      throw FileError(file.path, "says replay=sequence, and \(sizes.encoder.rawValue) without a norm only knows windows")
    }
  }

  /// A greedy actor of its own, with its own memory. The parameters stay as they are.
  public func makeActor() -> ActingState {
    ActingState(network, encoder: encoder, stepping: true, recurrent: isRecurrent)
  }
}
