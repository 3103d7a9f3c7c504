/// A trained agent for programs that are not ours: everything that acting needs, read off its weights file. The files beside
/// this one write it for C, for PyTorch and, through Python, as ONNX.
import Agents
import Foundation
import Networks
import Records

public struct ExportedAgent {
  let file: Safetensors
  private let trained: TrainedNetwork
  var encoder: ObservationEncoder { trained.encoder }

  /// - Throws: `FileError` where the file holds no network of ours.
  public init(_ file: Safetensors) throws {
    self.file = file
    trained = try TrainedNetwork(file)
    guard trained.network.sizes.parts == 1 else {
      throw FileError(file.path, "has a network over an observation's parts (perAction=true), which is not exported yet")
    }
  }

  /// What the tensors' names and shapes do not tell, in the order of agent.h's `mdqn_sizes`. A window of 0 is a recurrent state.
  var sizes: KeyValuePairs<String, Int> {
    let network = trained.network, sizes = network.sizes
    var blocks = 0
    while file.shape(of: "layers.\(blocks).norm.weight") != nil { blocks += 1 }
    return [
      "observation": encoder.observationSize, "actions": sizes.actionCount, "model": sizes.modelSize,
      "window": trained.isRecurrent ? 0 : sizes.windowLength, "heads": sizes.attention.heads, "context": sizes.attention.context,
      "entities": sizes.entities, "entity_features": sizes.entityFeatures, "members": sizes.members, "blocks": blocks,
      "residual": network.members[0].isResidual ? 1 : 0, "reads_differences": encoder.inputs.differences ? 1 : 0,
      "reads_action": encoder.inputs.action ? 1 : 0, "reads_reward": encoder.inputs.reward ? 1 : 0,
    ]
  }

  func tensors() throws -> [(name: String, tensor: Safetensors.Tensor)] {
    try file.names.map { ($0, try file.finiteTensor($0)) }
  }
}
