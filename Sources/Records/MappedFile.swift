/// A whole file, read-only, mapped into memory: a 60 MB checkpoint costs no copy.
import Foundation

/// A file's bytes, read as they are touched.
public final class MappedFile {
  /// The file's.
  public let path: String
  /// Valid for as long as this object lives, also once the file has lost its name.
  public let bytes: UnsafeRawBufferPointer

  /// - Throws: `FileError` with the system's reason.
  public init(path: String) throws {
    self.path = path
    let descriptor = open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { throw FileError.system(path, "open it") }
    defer { close(descriptor) }
    var status = stat()
    guard fstat(descriptor, &status) == 0 else { throw FileError.system(path, "read it") }
    guard status.st_mode & S_IFMT == S_IFREG else { throw FileError(path, "is not a file") }
    let size = Int(status.st_size)
    guard size > 0 else {
      bytes = UnsafeRawBufferPointer(start: nil, count: 0)
      return
    }
    guard let memory = mmap(nil, size, PROT_READ, MAP_PRIVATE, descriptor, 0), memory != MAP_FAILED else {
      throw FileError.system(path, "read it")
    }
    bytes = UnsafeRawBufferPointer(start: memory, count: size)
  }
  deinit {
    if let base = bytes.baseAddress { munmap(UnsafeMutableRawPointer(mutating: base), bytes.count) }
  }
}
