/// What stateful objects write themselves into and read themselves from. The file format behind it is `Checkpoint`.

/// Takes named sections of bytes in order; each name once.
public protocol CheckpointSink {
  mutating func write(_ name: String, _ bytes: UnsafeRawBufferPointer) throws
}

/// Gives the bytes of a section back, or throws an error that names the missing section.
public protocol CheckpointSource {
  func bytes(_ name: String) throws -> UnsafeRawBufferPointer
}
