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

/// Runs a program to its end; `signal` is sent as soon as `ready` holds. A moment named by what the program has written
/// is the same moment on every machine; one named in seconds is over before it comes on a fast one.
public func run(
  _ program: String, _ arguments: [String], signal: Int32? = nil, when ready: () -> Bool = { true }
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
    while process.isRunning && !ready() { usleep(1_000) }
    kill(process.processIdentifier, signal)
  }
  process.waitUntilExit()
  func text(_ name: String) -> String { (try? String(contentsOfFile: workspace.file(name), encoding: .utf8)) ?? "" }
  return ProcessResult(status: process.terminationStatus, output: text("output"), error: text("error"))
}

/// The steps of the newest checkpoint in a run folder; 0 before the first. (A `CheckpointStore` would make the folder.)
public func savedSteps(_ run: String) -> Int {
  let names = (try? FileManager.default.contentsOfDirectory(atPath: run + "/checkpoints")) ?? []
  return names.compactMap { $0.hasSuffix(".checkpoint") ? Int($0.dropFirst("step-".count).prefix(10)) : nil }.max() ?? 0
}

/// The lines of a file that grows; 0 where there is none yet.
public func lineCount(_ file: String) -> Int {
  FileManager.default.contents(atPath: file)?.count { $0 == UInt8(ascii: "\n") } ?? 0
}

/// How many processes were started with this `NAME=value` in their environment.
public func processCount(with assignment: String) -> Int {
  let processes = (try? FileManager.default.contentsOfDirectory(atPath: "/proc")) ?? []
  return processes.filter { name in
    Int(name) != nil
      && FileManager.default.contents(atPath: "/proc/\(name)/environ").map {
        String(decoding: $0, as: UTF8.self).contains(assignment)
      } == true
  }.count
}

/// The package's root, from where this file was compiled.
public let packageRoot = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
  .deletingLastPathComponent().path

/// The built `mamba-dqn`, beside the test bundle.
public let builtProgram = URL(fileURLWithPath: CommandLine.arguments[0]).deletingLastPathComponent()
  .appendingPathComponent("mamba-dqn").path

/// Runs `mamba-dqn`; arguments are split at spaces.
public func mamba(_ arguments: String..., signal: Int32? = nil, when ready: () -> Bool = { true }) throws -> ProcessResult {
  try run(builtProgram, arguments.flatMap { $0.split(separator: " ").map(String.init) }, signal: signal, when: ready)
}

/// Runs Python with the packages that `make test` installs (`make python`, `make exporters`); a missing one fails the test and
/// says so.
public func python(_ script: String, _ arguments: [String]) throws -> ProcessResult {
  let own = packageRoot + "/.venv/bin/python"
  let interpreter = FileManager.default.isExecutableFile(atPath: own) ? own : "/usr/bin/python3"
  return try run(interpreter, ["-c", script] + arguments)
}

/// A program that runs beside the test, its output in files; ended with its owner at the latest.
public final class RunningProgram {
  private let process = Process()
  private let workspace: Workspace

  public init(_ program: String, _ arguments: [String]) throws {
    workspace = try Workspace()
    process.executableURL = URL(fileURLWithPath: program)
    process.arguments = arguments
    for name in ["output", "error"] { _ = FileManager.default.createFile(atPath: workspace.file(name), contents: nil) }
    process.standardOutput = FileHandle(forWritingAtPath: workspace.file("output"))
    process.standardError = FileHandle(forWritingAtPath: workspace.file("error"))
    try process.run()
  }
  deinit { if process.isRunning { process.terminate() } }

  public var isRunning: Bool { process.isRunning }
  public var processIdentifier: Int32 { process.processIdentifier }
  public var output: String { (try? String(contentsOfFile: workspace.file("output"), encoding: .utf8)) ?? "" }
  public var error: String { (try? String(contentsOfFile: workspace.file("error"), encoding: .utf8)) ?? "" }

  /// The first line that it prints; nil where it ends before.
  public func firstLine() -> String? {
    while true {
      if let end = output.firstIndex(of: "\n") { return String(output[..<end]) }
      guard process.isRunning else { return nil }
      usleep(1_000)
    }
  }

  /// Sends the signal and waits for the end.
  public func end(_ signal: Int32 = SIGTERM) -> Int32 {
    if process.isRunning { kill(process.processIdentifier, signal) }
    process.waitUntilExit()
    return process.terminationStatus
  }
}
