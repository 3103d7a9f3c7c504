/// A trained network and the environment it acts in, from a run folder or a weights file.
import Agents
import Environments
import Foundation
import Networks
import Records

public struct TrainedActor {
  public let environment: String
  public let network: QNetwork
  public let entry: EnvironmentEntry
  private let encoder: ObservationEncoder
  private let isRecurrent: Bool

  /// - Parameters:
  ///   - environment: overrides the one the run or the file names.
  ///   - isTrusted: whether the code that the file's environment may bring is imported (`gymnasium:MODULE:ID`).
  ///   - timeout: seconds that a reset or step of a `gymnasium:` environment may take; nil for the usual ones.
  public init(path: String, environment: String?, isTrusted: Bool = false, timeout: Double? = nil) throws {
    var isFolder: ObjCBool = false
    guard FileManager.default.fileExists(atPath: path, isDirectory: &isFolder) else {
      throw FileError(path, "does not exist")
    }
    let folder = RunFolder(path: path)
    let weights = isFolder.boolValue ? folder.weights : path
    guard FileManager.default.fileExists(atPath: weights) else {
      throw FileError(path, "has no model.safetensors: the run has not finished; go on with: mamba-dqn resume \(path)")
    }
    let file = try Safetensors(path: weights)
    try Settings.check(metadata: file.metadata, of: weights)
    guard let name = environment ?? file.metadata["environment"] else {
      throw UsageError("\(weights) does not say which environment it was trained in; give --env ENVIRONMENT")
    }
    entry = try EnvironmentCatalog.entry(
      name, from: environment == nil ? .file(weights, isTrusted: isTrusted) : .commandLine, timeout: timeout)
    self.environment = name
    network = try QNetwork(file, windowLength: file.metadata["windowLength"].flatMap { Int($0) })
    let world = try entry.make()
    encoder = try ObservationEncoder(file, inputSize: network.sizes.observationSize, actionCount: network.sizes.actionCount)
    isRecurrent = file.metadata["replay"] == ReplayKind.sequence.rawValue
    guard encoder.observationSize == world.observationSpace.count, network.sizes.actionCount == world.actionSpace.count
    else {
      throw FileError(
        weights,
        "reads \(encoder.observationSize) features and has \(network.sizes.actionCount) actions; \(name) has "
          + "\(world.observationSpace.count) and \(world.actionSpace.count)")
    }
  }

  public func makeActor() -> ActingState {
    ActingState(network, encoder: encoder, stepping: true, recurrent: isRecurrent)
  }
}
