/// Where a run was made: what a report must say so that somebody else can judge its wall-clock times and repeat it.
import Foundation

/// Commit, machine and system of a run.
public struct Provenance: Codable, Equatable, Sendable, ReadableJSON {
  /// The preset and what was set beside it; nil in runs of earlier versions.
  public var recipe: String?
  /// Of the checkout that the program was built in, with `-dirty` where it had changes; nil where that is no git checkout.
  public var commit: String?
  /// Its name, as the system has it.
  public var processor: String
  /// That this process may use.
  public var cores: Int
  /// Name and version.
  public var system: String

  /// Of this process.
  public static func current(recipe: String) -> Provenance {
    let information = ProcessInfo.processInfo
    return Provenance(
      recipe: recipe, commit: commit(of: Bundle.main.executableURL?.deletingLastPathComponent()), processor: processorName,
      cores: information.activeProcessorCount, system: information.operatingSystemVersionString)
  }

  private static var processorName: String {
    let lines = (try? String(contentsOfFile: "/proc/cpuinfo", encoding: .utf8))?.split(separator: "\n") ?? []
    let name = lines.first { $0.hasPrefix("model name") }?.split(separator: ":").last
    return name.map { $0.trimmingCharacters(in: .whitespaces) } ?? "unknown"
  }

  /// Asks git, once a run; whatever keeps git from answering only leaves the commit out.
  private static func commit(of folder: URL?) -> String? {
    guard let folder else { return nil }
    let git = Process(), output = Pipe()
    git.executableURL = URL(fileURLWithPath: "/usr/bin/env")
    git.arguments = ["git", "-C", folder.path, "describe", "--always", "--dirty", "--exclude=*"]
    git.standardOutput = output
    git.standardError = FileHandle.nullDevice
    guard (try? git.run()) != nil else { return nil }
    let text = String(decoding: output.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
    git.waitUntilExit()
    return git.terminationStatus == 0 ? text.trimmingCharacters(in: .whitespacesAndNewlines) : nil
  }
}
