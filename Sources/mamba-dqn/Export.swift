import ArgumentParser
import Experiments
import Export
import Foundation
import GymnasiumBridge
import Records

struct ExportCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "export",
    abstract: "A trained agent for other programs: C, PyTorch or ONNX.",
    discussion: """
      step   the folder OUT with agent.h, a C header that needs nothing, and agent.weights
      torch  the folder OUT with agent.py, which needs torch and safetensors and plays in Gymnasium, and agent.safetensors
      onnx   the file OUT: observation, state, begin → q, latent, next_state (made by a Python that has torch and onnx:
             MAMBA_DQN_PYTHON, or the one that `make exporters` sets up)
      """)

  private static let targets = ["onnx", "torch", "step"]

  @Argument(help: "A run folder, or a .safetensors file.")
  var subject: String
  @Option(name: .customLong("to"), help: "onnx, torch or step.")
  var target: String
  @OptionGroup var weights: WeightsOptions
  @Option(help: "What is written: a folder, or for onnx a file.")
  var out: String
  @OptionGroup var trust: TrustOptions

  func run() throws {
    guard Self.targets.contains(target) else {
      throw UsageError(
        "--to \(target): there are \(Self.targets.joined(separator: ", "))\(suggestion(for: target, in: Self.targets))")
    }
    if target == "onnx" && isSameFile(subject, out) { throw UsageError("--out \(out): is read; another file is needed") }
    let agent = try ExportedAgent(TrainedActor.weights(subject, weights.choice(), isTrusted: trust.trust))
    switch target {
    case "step": try agent.writeStep(to: out).forEach { try output($0) }
    case "torch": try agent.writeTorch(to: out).forEach { try output($0) }
    default:
      guard let python = try? PythonInterpreter.path() else {
        throw UsageError(
          "--to onnx needs Python: run `make exporters` in the folder where mamba-dqn was built, or let MAMBA_DQN_PYTHON name a "
            + "Python that has torch, onnx and safetensors")
      }
      try agent.writeONNX(to: out, python: python)
      try output(out)
    }
  }
}
