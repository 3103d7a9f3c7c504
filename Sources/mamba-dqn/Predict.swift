import ArgumentParser
import Experiments
import Foundation
import Networks
import Records

struct Predict: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Q-values and latents of given windows, as JSON.",
    discussion: """
      FILE holds a network under the published names: one of ours, or a PyTorch state dict saved as safetensors.
      INPUT holds the tensor `input` of shape [batch, time, feature]. Prints {"q": [[…]], "latent": [[…]]}.
      """)

  @Argument(help: "The network, a .safetensors file.")
  var file: String
  @Option(help: "The windows, a .safetensors file.")
  var input: String

  func run() throws {
    let windows = try Safetensors(path: input).finiteTensor("input")
    guard windows.shape.count == 3, windows.shape.allSatisfy({ $0 > 0 }) else {
      throw FileError(input, "input has shape \(windows.shape); [batch, time, feature] is needed")
    }
    let (batch, time, features) = (windows.shape[0], windows.shape[1], windows.shape[2])
    let network = try QNetwork(Safetensors(path: file), windowLength: time)
    guard features == network.sizes.observationSize else {
      throw FileError(input, "input has \(features) features; the network reads \(network.sizes.observationSize)")
    }
    let (q, latent) = network.evaluate(windows.values, batch: batch, time: time)
    try output("{\"q\":\(rows(q, network.sizes.actionCount)),\"latent\":\(rows(latent, network.sizes.modelSize))}")
  }

  private func rows(_ values: [Float], _ width: Int) -> String {
    let rows = stride(from: 0, to: values.count, by: width).map { start in
      "[" + values[start..<start + width].map { $0.isFinite ? "\($0)" : "null" }.joined(separator: ",") + "]"
    }
    return "[" + rows.joined(separator: ",") + "]"
  }
}
