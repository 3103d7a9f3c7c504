/// Two processes never write one thing at once: a lock that the kernel releases however its holder ends.
import Foundation

/// A lock on a file (`flock`), held for as long as this object lives.
public final class FileLock {
  private let path: String
  private let descriptor: Int32
  private let isTemporary: Bool
  /// False where the file system has no locks: then nobody is kept from anything.
  public let isHeld: Bool

  /// Takes the lock on `path`, or throws an error that says who holds it. Held for as long as this object lives.
  ///
  /// - Parameters:
  ///   - what: what it guards, for the error: "the task".
  ///   - isTemporary: the file goes with the lock.
  public init(path: String, what: String = "the task", isTemporary: Bool = false) throws {
    (self.path, self.isTemporary) = (path, isTemporary)
    try makeFolder(URL(fileURLWithPath: path).deletingLastPathComponent().path)
    // `holder` borrows the lock for a moment, so that one refusal proves nothing.
    var attempts = 10
    while true {
      let descriptor = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0o644)
      guard descriptor >= 0 else { throw FileError.system(path, "create it") }
      let isTaken = flock(descriptor, LOCK_EX | LOCK_NB) == 0, problem = errno
      if !isTaken && problem != EWOULDBLOCK && problem != EINTR {
        (self.descriptor, isHeld) = (descriptor, false)
        return
      }
      if isTaken && Self.isSame(descriptor, path) {
        let text = "process \(getpid()) on \(ProcessInfo.processInfo.hostName)"
        ftruncate(descriptor, 0)
        _ = text.withCString { pwrite(descriptor, $0, strlen($0), 0) }
        (self.descriptor, isHeld) = (descriptor, true)
        return
      }
      // Held by another, or the file went with another's lock while we waited for it.
      close(descriptor)
      attempts -= isTaken ? 0 : 1
      if attempts == 0 { throw FileError(path, "\(what) is being run by \(Self.holder(of: path) ?? "another process")") }
      usleep(20_000)
    }
  }

  deinit {
    if isTemporary && Self.isSame(descriptor, path) { unlink(path) }
    close(descriptor)
  }

  /// Whether the open file is still the one of that name.
  private static func isSame(_ descriptor: Int32, _ path: String) -> Bool {
    var open = stat(), named = stat()
    return fstat(descriptor, &open) == 0 && lstat(path, &named) == 0 && open.st_ino == named.st_ino && open.st_dev == named.st_dev
  }

  /// Who holds the lock on `path`, or nil where nobody does.
  public static func holder(of path: String) -> String? {
    let descriptor = open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { return nil }
    defer { close(descriptor) }
    guard flock(descriptor, LOCK_SH | LOCK_NB) != 0, errno == EWOULDBLOCK else { return nil }
    let text = (try? String(contentsOfFile: path, encoding: .utf8)) ?? ""
    return text.isEmpty ? "another process" : text
  }
}
