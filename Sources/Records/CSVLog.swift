/// A CSV file that only grows, and that a resumed run cuts back to where its checkpoint was taken.
import Foundation

/// A table that grows by a row, and can be cut back to where it was.
public final class CSVLog {
  private let path: String
  private let descriptor: Int32
  /// Bytes written, those in memory included.
  public private(set) var offset: Int

  /// Opens or creates the file, keeps its first `offset` bytes and drops the rest.
  public init(path: String, resumingAt offset: Int = 0) throws {
    self.path = path
    self.offset = offset
    descriptor = open(path, O_WRONLY | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0o644)
    guard descriptor >= 0 else { throw FileError.system(path, "create it") }
    var status = stat()
    guard fstat(descriptor, &status) == 0, offset >= 0, Int(status.st_size) >= offset else {
      close(descriptor)
      throw FileError(path, "is shorter than the checkpoint says (\(offset) bytes): it was changed by hand")
    }
    guard ftruncate(descriptor, off_t(offset)) == 0, lseek(descriptor, off_t(offset), SEEK_SET) == off_t(offset) else {
      throw FileError.system(path, "write it")
    }
  }
  deinit { close(descriptor) }

  /// Text as it is, and a line's end.
  public func append(line: String) throws { try append(Array((line + "\n").utf8)) }

  /// Cells, which must hold no commas.
  public func append(row: [String]) throws { try append(line: row.joined(separator: ",")) }

  func append(_ bytes: [UInt8]) throws {
    var written = 0
    while written < bytes.count {
      let count = bytes.withUnsafeBytes { Foundation.write(descriptor, $0.baseAddress! + written, bytes.count - written) }
      if count < 0 && errno == EINTR { continue }
      guard count > 0 else { throw FileError.system(path, "write it") }
      written += count
    }
    offset += bytes.count
  }

  /// Until the disk has it: before a checkpoint that names its length.
  public func flush() { fsync(descriptor) }
}
