/// A run folder that this process alone writes: made or found, locked, and, where the run comes to nothing, rid of what was
/// made here and of nothing else.
import Foundation

/// A run folder that this process holds.
public final class RunClaim {
  /// Which one.
  public let folder: RunFolder
  private let lock: FileLock
  /// Whether the folder itself was made here.
  private let isOurs: Bool

  private static let lockName = ".lock"

  /// A folder for a new run: one that is not there yet, or is empty. Two that ask for one at the same moment do not both get it.
  public convenience init(new folder: RunFolder) throws {
    try self.init(folder, isOurs: makeFolder(folder.path))
    let content = try folder.content.filter { $0 != Self.lockName && !Self.isTemporary($0) }
    guard content.isEmpty else {
      throw FileError(
        folder.path,
        "exists and is not empty; choose another folder with --out, or go on with: \(programName) resume \(shellQuoted(folder.path))"
      )
    }
  }

  /// A folder of that name, or with a number behind it where there is one already: names made of the time are not unique.
  public convenience init(unique path: String) throws {
    for number in 1... {
      let folder = RunFolder(path: number == 1 ? path : "\(path)-\(number)")
      guard try makeFolder(folder.path) else { continue }
      try self.init(folder, isOurs: true)
      return
    }
    preconditionFailure("the numbers do not end")
  }

  /// A folder that somebody else made and keeps something in, or that holds a run to go on with.
  public convenience init(existing folder: RunFolder) throws {
    try self.init(folder, isOurs: false)
    for name in ["", "/checkpoints"] { Self.removeLeftovers(in: folder.path + name) }
  }

  private init(_ folder: RunFolder, isOurs: Bool) throws {
    (self.folder, self.isOurs) = (folder, isOurs)
    lock = try FileLock(path: "\(folder.path)/\(Self.lockName)", what: "the run", isTemporary: true)
  }

  /// What a person should know: where the file system has no locks, nobody is kept from starting a second process.
  public var warning: String? {
    lock.isHeld ? nil : "\(folder.path): this file system has no locks; see to it yourself that nothing else writes this run"
  }

  /// Removes what a run writes before it learns, and the folder where it was made here and is empty then.
  public func abandon() {
    for path in folder.written + CheckpointStore.paths(in: folder.checkpoints) { unlink(path) }
    for name in ["", "/checkpoints"] { Self.removeLeftovers(in: folder.path + name) }
    rmdir(folder.checkpoints)
    unlink("\(folder.path)/\(Self.lockName)")
    if isOurs { rmdir(folder.path) }
  }

  private static func isTemporary(_ name: String) -> Bool { name.hasPrefix(".") && name.hasSuffix(".partial") }

  /// Temporary files (`AtomicFile`) whose process is no more.
  private static func removeLeftovers(in folder: String) {
    for name in (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? [] where isTemporary(name) {
      let owner = pid_t(name.dropFirst().prefix { $0 != "-" }) ?? 0
      if owner == getpid() || kill(owner, 0) != 0 && errno == ESRCH { unlink("\(folder)/\(name)") }
    }
  }
}

extension RunFolder {
  fileprivate var content: [String] {
    get throws {
      do { return try FileManager.default.contentsOfDirectory(atPath: path) } catch { throw FileError(path, "cannot be read") }
    }
  }
  /// Every file that a run begins with.
  fileprivate var written: [String] { [config, command, provenance, progress, monitor, events, status] }
}

/// Makes the folder and those above it, as far as they are not there. True where the folder itself was made here: of several
/// processes that make one at once, one is told so.
///
/// - Throws: `FileError` with the system's reason.
@discardableResult
public func makeFolder(_ path: String) throws -> Bool {
  let parts = path.split(separator: "/")
  var isMade = false, attempts = 100, number = 1
  while number <= max(parts.count, 1) {
    let part = (path.hasPrefix("/") ? "/" : "") + parts.prefix(number).joined(separator: "/")
    isMade = mkdir(part, 0o755) == 0
    if !isMade && errno == ENOENT && number > 1 && attempts > 0 {
      // One above it was removed again: a start that failed beside this one.
      (number, attempts) = (1, attempts - 1)
      continue
    }
    guard isMade || errno == EEXIST else { throw FileError.system(path, "create the folder") }
    number += 1
  }
  var status = stat()
  guard stat(path, &status) == 0, status.st_mode & S_IFMT == S_IFDIR else { throw FileError(path, "is a file, not a folder") }
  return isMade
}

/// This program as it was called, for commands that can be pasted: `make` calls it by its path.
public var programName: String {
  let called = CommandLine.arguments.first ?? ""
  return called.hasSuffix("/mamba-dqn") ? shellQuoted(called) : "mamba-dqn"
}

/// As a shell takes it back.
public func shellQuoted(_ text: String) -> String {
  let plain = text.allSatisfy { $0.isASCII && ($0.isLetter || $0.isNumber || "/._-+:@%,=".contains($0)) }
  return plain && !text.isEmpty ? text : "'" + text.replacingOccurrences(of: "'", with: "'\\''") + "'"
}
