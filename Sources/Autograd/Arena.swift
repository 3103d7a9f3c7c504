#if os(Linux)
  import Glibc
#endif

/// A bump allocator for everything one update needs and the next one does not. It grows while it warms up; after that
/// `reset` and `allocate` only move an offset.
struct Arena {
  private var chunks: [(base: UnsafeMutableRawPointer, size: Int)] = []
  private var offset = 0

  /// `byteCount` bytes at a 64-byte boundary, not initialised, valid until `reset`.
  mutating func allocate(_ byteCount: Int) -> UnsafeMutableRawPointer {
    let size = (byteCount + 63) & ~63
    if chunks.isEmpty || offset + size > chunks[chunks.count - 1].size {
      chunks.append(Self.makeChunk(max(size, 1 << 20)))
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
      chunks = [Self.makeChunk(total)]
    }
    offset = 0
  }

  /// On pages of 2 MB where they are to be had: an update walks through more 4 KB pages than the processor can look up fast.
  private static func makeChunk(_ byteCount: Int) -> (base: UnsafeMutableRawPointer, size: Int) {
    let page = 1 << 21
    guard byteCount >= page else { return (.allocate(byteCount: byteCount, alignment: 64), byteCount) }
    let size = (byteCount + page - 1) & ~(page - 1)
    let base = UnsafeMutableRawPointer.allocate(byteCount: size, alignment: page)
    #if os(Linux)
      madvise(base, size, MADV_HUGEPAGE)
    #endif
    return (base, size)
  }

  mutating func release() {
    for chunk in chunks { chunk.base.deallocate() }
    chunks = []
  }

  var byteCount: Int { chunks.reduce(0) { $0 + $1.size } }
}
