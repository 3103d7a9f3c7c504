/// What stateful objects write themselves into and read themselves from. The file format behind it is `Checkpoint`.

/// Takes named sections of bytes in order; each name once.
public protocol CheckpointSink {
  /// One section, whose name must be new.
  mutating func write(_ name: String, _ bytes: UnsafeRawBufferPointer) throws
}

/// What a checkpoint holds does not fit the run, or itself: every count and index is looked at before it is used.
public struct CheckpointError: Error, CustomStringConvertible {
  public let description: String
  /// One line: which section, and what is wrong with it.
  public init(_ description: String) { self.description = description }
}

/// Gives the bytes of a section back, or throws an error that names the missing section.
public protocol CheckpointSource {
  /// A section as it was written.
  ///
  /// - Throws: `CheckpointError` where there is none.
  func bytes(_ name: String) throws -> UnsafeRawBufferPointer
  /// Whether there is such a section.
  func contains(_ name: String) -> Bool
}
