/// A block of floats on its own cache lines, zeroed, freed with its last owner.
public final class Buffer {
  public let pointer: UnsafeMutablePointer<Float>
  public let count: Int

  /// `count` floats; the block is padded with zeros to a multiple of 16 floats.
  public init(count: Int) {
    let padded = (max(count, 1) + 15) / 16 * 16
    pointer = allocateOnLargePages(padded * 4).base.bindMemory(to: Float.self, capacity: padded)
    pointer.initialize(repeating: 0, count: padded)
    self.count = count
  }
  deinit { pointer.deallocate() }

  public var bytes: UnsafeRawBufferPointer { UnsafeRawBufferPointer(start: pointer, count: count * 4) }
}
