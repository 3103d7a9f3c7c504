/// A file that appears whole or not at all: written beside its place, flushed to the disk, renamed. Where anything fails
/// (a full disk, say) the new file is removed and what stood there before stays. Only a regular file gives way to it: a device or
/// a pipe that is there is refused.
import Foundation

/// A file that is there whole or not at all.
public final class AtomicFile {
  private let path, temporary: String
  private var descriptor: Int32
  private(set) var offset = 0

  /// Opens a temporary file beside `path`.
  ///
  /// - Throws: `FileError` with the system's reason.
  public init(path: String) throws {
    self.path = path
    (temporary, descriptor) = try Self.temporary(beside: path, replacing: S_IFREG) {
      open($0, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0o644)
    }
  }

  /// A new, empty file beside `path`, for another program to write; to be renamed or removed.
  public static func temporaryFile(beside path: String) throws -> String {
    let file = try temporary(beside: path, replacing: S_IFREG) {
      open($0, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0o644)
    }
    close(file.result)
    return file.path
  }
  /// The same as a folder.
  public static func temporaryFolder(beside path: String) throws -> String {
    try temporary(beside: path, replacing: S_IFDIR) { mkdir($0, 0o755) }.path
  }

  /// `.PID-N.partial`: nobody else's, nothing that was there before, and known for a leftover once its process is gone.
  private static func temporary(
    beside path: String, replacing kind: mode_t, _ make: (String) -> Int32
  ) throws -> (path: String, result: Int32) {
    var status = stat()
    // To rename over a device would take it away from everybody.
    guard stat(path, &status) != 0 || status.st_mode & S_IFMT == kind else {
      throw FileError(path, "is there and \(kind == S_IFDIR ? "no folder" : "no regular file"): it is not replaced")
    }
    let folder = path.lastIndex(of: "/").map { path[...$0] } ?? ""
    for number in 0..<100_000 {
      let name = "\(folder).\(getpid())-\(number).partial", result = make(name)
      if result >= 0 { return (name, result) }
      guard errno == EEXIST else { break }
    }
    throw FileError.system(path, "create it")
  }

  /// Not committed: nothing is left of it.
  deinit {
    guard descriptor >= 0 else { return }
    close(descriptor)
    unlink(temporary)
  }

  /// Appends.
  ///
  /// - Throws: `FileError` with the system's reason.
  public func write(_ bytes: UnsafeRawBufferPointer) throws {
    var rest = bytes
    while let base = rest.baseAddress, rest.count > 0 {
      let written = Foundation.write(descriptor, base, rest.count)
      if written < 0 && errno == EINTR { continue }
      guard written > 0 else { throw FileError.system(path, "write it") }
      rest = UnsafeRawBufferPointer(rebasing: rest[written...])
    }
    offset += bytes.count
  }

  /// Flushes and renames: now the file is there. Without `durable` the disk is not waited for, so that a power cut may lose it.
  public func commit(durable: Bool = true) throws {
    guard !durable || fsync(descriptor) == 0 else { throw FileError.system(path, "write it") }
    close(descriptor)
    descriptor = -1
    guard rename(temporary, path) == 0 else {
      let error = FileError.system(path, "rename it into place")
      unlink(temporary)
      throw error
    }
  }

  /// A whole file at once; `durable` waits for the disk.
  ///
  /// - Throws: `FileError` with the system's reason.
  public static func write(_ data: Data, to path: String, durable: Bool = true) throws {
    let file = try AtomicFile(path: path)
    try data.withUnsafeBytes { try file.write($0) }
    try file.commit(durable: durable)
  }
}

/// Whether two paths lead to one file, which is there.
public func isSameFile(_ a: String, _ b: String) -> Bool {
  var first = stat(), second = stat()
  return stat(a, &first) == 0 && stat(b, &second) == 0 && first.st_ino == second.st_ino && first.st_dev == second.st_dev
}
