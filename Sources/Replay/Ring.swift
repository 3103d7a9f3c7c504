/// An array of plain values that is zero and takes no resident memory until it is written.
import Records

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

struct Ring<Element: BitwiseCopyable> {
  let pointer: UnsafeMutablePointer<Element>
  let count: Int

  init(count: Int) {
    // calloc, not allocate + initialize: pages that were never written stay untouched.
    guard let memory = calloc(max(count, 1), MemoryLayout<Element>.stride) else {
      fatalError("out of memory: \(count * MemoryLayout<Element>.stride) bytes for the replay")
    }
    pointer = memory.bindMemory(to: Element.self, capacity: max(count, 1))
    self.count = count
  }
  func deallocate() { free(pointer) }

  func bytes(_ elements: Int) -> UnsafeRawBufferPointer {
    UnsafeRawBufferPointer(start: pointer, count: elements * MemoryLayout<Element>.stride)
  }

  /// Fills the first elements from a checkpoint's section of exactly `elements`.
  func restore(_ name: String, _ elements: Int, from source: some CheckpointSource) throws {
    let bytes = try source.bytes(name)
    guard bytes.count == elements * MemoryLayout<Element>.stride else {
      throw ReplayError(
        description: "the checkpoint's \(name) has \(bytes.count) bytes; a replay of these sizes needs "
          + "\(elements * MemoryLayout<Element>.stride)")
    }
    if let base = bytes.baseAddress { UnsafeMutableRawPointer(pointer).copyMemory(from: base, byteCount: bytes.count) }
  }
}

public struct ReplayError: Error, CustomStringConvertible {
  public var description: String
}
