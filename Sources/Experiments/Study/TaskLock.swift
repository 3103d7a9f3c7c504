/// Two processes never run one task at once: a lock that the kernel releases however its holder ends.
import Foundation
import Records

public final class TaskLock {
  private let descriptor: Int32

  /// Takes the lock on `path`, or throws an error that says who holds it. Held for as long as this object lives.
  public init(path: String) throws {
    try? FileManager.default.createDirectory(
      atPath: URL(fileURLWithPath: path).deletingLastPathComponent().path, withIntermediateDirectories: true)
    let descriptor = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0o644)
    guard descriptor >= 0 else { throw FileError(path, "cannot create it: \(String(cString: strerror(errno)))") }
    // `holder` borrows the lock for a moment, so that one refusal proves nothing.
    var attempts = 10
    while flock(descriptor, LOCK_EX | LOCK_NB) != 0 {
      attempts -= 1
      if attempts == 0 {
        close(descriptor)
        throw FileError(path, "the task is being run by \(Self.holder(of: path) ?? "another process")")
      }
      usleep(20_000)
    }
    let text = "process \(getpid()) on \(ProcessInfo.processInfo.hostName)"
    ftruncate(descriptor, 0)
    _ = text.withCString { pwrite(descriptor, $0, strlen($0), 0) }
    self.descriptor = descriptor
  }

  deinit { close(descriptor) }

  /// The lock of a run that lies in a study's folder; nil for any other run.
  public static func ofStudy(_ run: RunFolder) throws -> TaskLock? {
    guard isOfStudy(run) else { return nil }
    return try TaskLock(path: "\(locks(run))/\(URL(fileURLWithPath: run.path).lastPathComponent).lock")
  }

  static func isOfStudy(_ run: RunFolder) -> Bool { FileManager.default.fileExists(atPath: locks(run)) }

  private static func locks(_ run: RunFolder) -> String {
    URL(fileURLWithPath: run.path).deletingLastPathComponent().appendingPathComponent(".locks").path
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
