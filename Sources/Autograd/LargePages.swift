#if os(Linux)
  import Glibc
#endif

/// Memory at a 64-byte boundary; from 2 MB on, whole pages of 2 MB where they are to be had: an update, or a step of a large network,
/// walks through more pages of 4 KB than the processor can look up fast.
func allocateOnLargePages(_ byteCount: Int) -> (base: UnsafeMutableRawPointer, size: Int) {
  let page = 1 << 21
  guard byteCount >= page else { return (.allocate(byteCount: byteCount, alignment: 64), byteCount) }
  let size = (byteCount + page - 1) & ~(page - 1)
  let base = UnsafeMutableRawPointer.allocate(byteCount: size, alignment: page)
  #if os(Linux)
    madvise(base, size, MADV_HUGEPAGE)
  #endif
  return (base, size)
}
