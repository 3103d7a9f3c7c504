/// A bump allocator for everything one update needs and the next one does not. It grows while it warms up; after that
/// `reset` and `allocate` only move an offset.
struct Arena {
  private var chunks: [(base: UnsafeMutableRawPointer, size: Int)] = []
  private var offset = 0

  /// `byteCount` bytes at a 64-byte boundary, not initialised, valid until `reset`.
  mutating func allocate(_ byteCount: Int) -> UnsafeMutableRawPointer {
    let size = (byteCount + 63) & ~63
    if chunks.isEmpty || offset + size > chunks[chunks.count - 1].size {
      chunks.append(allocateOnLargePages(max(size, 1 << 20)))
      offset = 0
    }
    defer { offset += size }
    return chunks[chunks.count - 1].base + offset
  }

  /// Forgets every allocation. What took several chunks gets one chunk of their total size.
  mutating func reset() {
    if chunks.count > 1 {
      let total = chunks.reduce(0) { $0 + $1.size }
      release()
      chunks = [allocateOnLargePages(total)]
    }
    offset = 0
  }

  mutating func release() {
    for chunk in chunks { chunk.base.deallocate() }
    chunks = []
  }

  var byteCount: Int { chunks.reduce(0) { $0 + $1.size } }
}
