/// For PyTorch: one Python file and one weights file; and, made of them by Python's `onnx`, one step as an ONNX graph.
import Foundation
import Records

extension ExportedAgent {
  /// Writes `agent.py` and `agent.safetensors` into a folder, and returns their paths.
  public func writeTorch(to folder: String) throws -> [String] {
    try makeFolder(folder)
    let program = "\(folder)/agent.py", weights = "\(folder)/agent.safetensors"
    var metadata = file.metadata
    metadata["rewardScale"] = "\(encoder.rewardScale)"
    metadata["sizes"] = "{" + sizes.map { "\"\($0)\":\($1)" }.joined(separator: ",") + "}"
    try Safetensors.write(tensors(), metadata: metadata, to: weights)
    try AtomicFile.write(Data(PackageResources.agent_py), to: program)
    return [program, weights]
  }

  /// Writes one step of the agent as an ONNX graph.
  ///
  /// Inputs `observation` [batch, features], `state` [batch, …], `begin` [batch] (1 where an episode begins: the state does not
  /// count there) and, where the agent reads them, the last `action` [batch] and its `reward` [batch]; outputs `q`
  /// [batch, actions], `latent` [batch, model] and `next_state`.
  ///
  /// - Parameter python: a path or a command that has torch, onnx and safetensors.
  /// - Throws: `FileError` with Python's reason.
  public func writeONNX(to path: String, python: String) throws {
    let folder = NSTemporaryDirectory() + "/mamba-dqn-export-\(UUID().uuidString)"
    defer { try? FileManager.default.removeItem(atPath: folder) }
    _ = try writeTorch(to: folder)
    let script = "\(folder)/to_onnx.py", made = "\(folder)/agent.onnx", log = "\(folder)/log"
    try AtomicFile.write(Data(PackageResources.to_onnx_py), to: script)
    _ = FileManager.default.createFile(atPath: log, contents: nil)
    let process = Process()
    process.executableURL = URL(fileURLWithPath: "/usr/bin/env")  // which looks a command up
    process.arguments = [python, script, folder, made]
    process.standardInput = FileHandle.nullDevice
    process.standardOutput = FileHandle.nullDevice
    process.standardError = FileHandle(forWritingAtPath: log)
    do { try process.run() } catch { throw FileError(python, "cannot be started") }
    process.waitUntilExit()
    guard process.terminationStatus == 0, let graph = FileManager.default.contents(atPath: made) else {
      let told = (try? String(contentsOfFile: log, encoding: .utf8)) ?? ""
      throw FileError(python, told.split(separator: "\n").last.map(String.init) ?? "wrote no ONNX file")
    }
    try AtomicFile.write(graph, to: path)
  }
}
