/// A checkpoint in memory.
import Records

/// Sections as they were written, and read back as often as wanted.
public final class CheckpointMemory: CheckpointSink, CheckpointSource {
  private var sections: [String: UnsafeMutableRawBufferPointer] = [:]

  public init() {}
  deinit { for section in sections.values { section.deallocate() } }

  public func write(_ name: String, _ bytes: UnsafeRawBufferPointer) throws {
    guard !contains(name) else { throw CheckpointError("a second section \(name)") }
    let copy = UnsafeMutableRawBufferPointer.allocate(byteCount: bytes.count, alignment: 8)
    copy.copyBytes(from: bytes)
    sections[name] = copy
  }
  public func bytes(_ name: String) throws -> UnsafeRawBufferPointer {
    guard let section = sections[name] else { throw CheckpointError("no section \(name)") }
    return UnsafeRawBufferPointer(section)
  }
  public func contains(_ name: String) -> Bool { sections[name] != nil }
}
