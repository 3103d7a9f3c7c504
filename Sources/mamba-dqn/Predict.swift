import ArgumentParser
import Experiments
import Foundation
import Networks
import Records

struct Predict: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "What a model says of given windows or sequences, as JSON or as a file.",
    discussion: """
      FILE is recognised by names and shapes: a Q-network (one of ours, or a PyTorch state dict under the published names), a bare
      block of Mamba-1, -2 or -3, a residual stack of them, or a language model, under the names of mamba-ssm or transformers, or
      PyTorch's nn.LSTM or nn.GRU.
      INPUT holds the tensor `input` of shape [batch, time, feature], or a language model's `input_ids` [batch, time], and perhaps
      `reset` [batch, time]: 1 where an episode begins.

      Prints what comes out at the last position: {"q": [[…]], "latent": [[…]]} of a Q-network, `output` of blocks and stacks,
      `logits` and `output` of a language model. With --out every position's goes to a file, and the recurrent state after the last
      one as `state.…`; with --state IN reading goes on from the state in such a file. A stack's attention sees as many positions
      back as the model's metadata `windowLength` say. What is not finite is printed as null, with a warning.
      """)

  @Argument(help: "The model, a .safetensors file.")
  var file: String
  @Option(help: "The windows or sequences, a .safetensors file.")
  var input: String
  @Option(help: "Write every position's outputs and the state there, a .safetensors file.")
  var out: String?
  @Option(help: ArgumentHelp("Begin from the state in this file, as --out writes it.", valueName: "in"))
  var state: String?

  func run() throws {
    if let out, let read = [self.file, self.input].first(where: { isSameFile($0, out) }) {
      throw UsageError("--out \(out): is \(read), which is read; another file is needed")
    }
    let input = try Safetensors(path: self.input), file = try ModelFile.unwrapped(Safetensors(path: self.file))
    // Windows are read by the encoder's own short cuts.
    if out == nil && state == nil && input.shape(of: "reset") == nil && ModelFile.isQNetwork(file) {
      return try printWindows(file, input)
    }
    let reading = try SequenceReading(
      ModelFile.read(file), input, from: state.map { try Safetensors(path: $0) }, reading: out == nil ? .last : .all)
    if let out {
      let tensors = reading.outputs + reading.state.map { ("state." + $0.name, $0.tensor) }
      for (name, tensor) in tensors { warn(name, tensor.values) }
      try Safetensors.write(tensors, to: out)
    } else {
      try write(reading.outputs.map { ($0.name, $0.tensor.values, $0.tensor.shape[2]) })
    }
  }

  private func printWindows(_ file: Safetensors, _ input: Safetensors) throws {
    let windows = try input.finiteTensor("input")
    guard windows.shape.count == 3, windows.shape.allSatisfy({ $0 > 0 }) else {
      throw FileError(input.path, "input has shape \(windows.shape); [batch, time, feature] is needed")
    }
    let (batch, time, features) = (windows.shape[0], windows.shape[1], windows.shape[2])
    let network = try QNetwork(file)
    guard features == network.sizes.observationSize else {
      throw FileError(input.path, "input has \(features) features; the network reads \(network.sizes.observationSize)")
    }
    guard network.readsSequences || time == network.sizes.windowLength else {
      throw FileError(
        input.path, "input has windows of \(time); the network's positions were learned for \(network.sizes.windowLength)")
    }
    let (q, latent) = network.evaluate(windows.values, batch: batch, time: time)
    try write([("q", q, network.sizes.actionCount), ("latent", latent, network.sizes.modelSize)])
  }

  private func warn(_ name: String, _ values: [Float]) {
    let count = values.count { !$0.isFinite }
    if count > 0 { say("warning: \(file): \(count) of the \(values.count) values of \(name) are not finite") }
  }

  /// Rows of numbers, each under its name, as one JSON object.
  private func write(_ results: [(name: String, values: [Float], width: Int)]) throws {
    for (name, values, _) in results { warn(name, values) }
    let fields = results.map { name, values, width in
      let rows = stride(from: 0, to: values.count, by: width).map { start in
        "[" + values[start..<start + width].map { $0.isFinite ? "\($0)" : "null" }.joined(separator: ",") + "]"
      }
      return "\"\(name)\":[\(rows.joined(separator: ","))]"
    }
    try output("{\(fields.joined(separator: ","))}")
  }
}
