/// A folder for one test, gone afterwards; the built program; and the Python that reads our files back.
import Foundation

public final class Workspace {
  public let path: String

  public init() throws {
    path = NSTemporaryDirectory() + "/mamba-dqn-test-\(UUID().uuidString)"
    try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
  }
  deinit { try? FileManager.default.removeItem(atPath: path) }

  public func file(_ name: String) -> String { "\(path)/\(name)" }
  public func write(_ name: String, _ bytes: [UInt8]) throws -> String {
    try Data(bytes).write(to: URL(fileURLWithPath: file(name)))
    return file(name)
  }
}

public struct ProcessResult: Sendable {
  public var status: Int32
  public var output, error: String
}

/// Runs a program to its end; `killAfter` sends SIGKILL after so many seconds.
public func run(
  _ program: String, _ arguments: [String], signal: Int32? = nil, after seconds: Double = 0
) throws -> ProcessResult {
  let process = Process()
  process.executableURL = URL(fileURLWithPath: program)
  process.arguments = arguments
  let workspace = try Workspace()
  // Files, not pipes: a full pipe would block the program.
  for name in ["output", "error"] { _ = FileManager.default.createFile(atPath: workspace.file(name), contents: nil) }
  process.standardOutput = FileHandle(forWritingAtPath: workspace.file("output"))
  process.standardError = FileHandle(forWritingAtPath: workspace.file("error"))
  try process.run()
  if let signal {
    Thread.sleep(forTimeInterval: seconds)
    kill(process.processIdentifier, signal)
  }
  process.waitUntilExit()
  func text(_ name: String) -> String { (try? String(contentsOfFile: workspace.file(name), encoding: .utf8)) ?? "" }
  return ProcessResult(status: process.terminationStatus, output: text("output"), error: text("error"))
}

/// The package's root, from where this file was compiled.
public let packageRoot = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
  .deletingLastPathComponent().path

/// The built `mamba-dqn`, beside the test bundle.
public let builtProgram = URL(fileURLWithPath: CommandLine.arguments[0]).deletingLastPathComponent()
  .appendingPathComponent("mamba-dqn").path

/// Runs Python with the packages that `make test` installs; a missing one fails the test and says so.
public func python(_ script: String, _ arguments: [String]) throws -> ProcessResult {
  let own = packageRoot + "/.venv/bin/python"
  let interpreter = FileManager.default.isExecutableFile(atPath: own) ? own : "/usr/bin/python3"
  return try run(interpreter, ["-c", script] + arguments)
}
