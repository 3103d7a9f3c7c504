/// How the rows of a matrix are sequences: row b · time + t is position t of sequence b.
///
/// `begins` says where episodes begin inside the sequences, so that one of them may hold several: at a position with 1,
/// every recurrent state of that sequence (the convolution's tail included) is zero *before* the position is read. A 1 at
/// position 0 discards the state that was handed in.
public struct SequenceShape: BitwiseCopyable {
  public let batch, time: Int
  /// [batch, time], 0 or 1; nil: no episode begins. Somebody else's memory, which must outlive the tape's pass.
  public let begins: UnsafePointer<UInt8>?

  public init(batch: Int, time: Int, begins: UnsafePointer<UInt8>? = nil) {
    precondition(batch >= 0 && time >= 0, "\(batch) sequences of \(time) positions")
    (self.batch, self.time, self.begins) = (batch, time, begins)
  }

  public var rows: Int { batch * time }

  @inline(__always) public func beginsEpisode(_ row: Int) -> Bool { begins.map { $0[row] != 0 } ?? false }

  /// The rows of position t of all sequences, out of [batch × time, width] into [batch, width]: a step's own memory, since rows
  /// `time` apart often fall into the same few sets of a cache.
  public func copyRows(at t: Int, of values: UnsafePointer<Float>, width: Int, to rows: UnsafeMutablePointer<Float>) {
    for b in 0..<batch { (rows + b * width).update(from: values + (b * time + t) * width, count: width) }
  }
  /// And back.
  public func copyRows(_ rows: UnsafePointer<Float>, width: Int, to values: UnsafeMutablePointer<Float>, at t: Int) {
    for b in 0..<batch { (values + (b * time + t) * width).update(from: rows + b * width, count: width) }
  }
}
