/// Scalars in TensorBoard's event format: TFRecord framing (length, masked CRC-32C, payload, masked CRC-32C) around
/// `Event` messages, whose few fields are encoded here by hand (tensorflow/core/util/event.proto, summary.proto).
import Foundation

/// An event file that TensorBoard reads.
public final class TensorBoardLog {
  private let log: CSVLog
  /// Bytes written, those in memory included.
  public var offset: Int { log.offset }

  /// `path` should contain "tfevents". A new file begins with the version event.
  public init(path: String, resumingAt offset: Int = 0, wallTime: Double) throws {
    log = try CSVLog(path: path, resumingAt: offset)
    if offset == 0 {
      var event = ProtobufMessage()
      event.double(1, wallTime)
      event.string(3, "brain.Event:2")
      try append(event)
    }
  }

  /// One event with all scalars of a step. Values that are not finite are left out.
  public func append(step: Int, wallTime: Double, _ scalars: [(tag: String, value: Double)]) throws {
    var summary = ProtobufMessage()
    for (tag, value) in scalars where value.isFinite {
      var entry = ProtobufMessage()
      entry.string(1, tag)
      entry.float(2, Float(value))
      summary.message(1, entry)
    }
    var event = ProtobufMessage()
    event.double(1, wallTime)
    event.varint(2, UInt64(step))
    event.message(5, summary)
    try append(event)
  }

  /// Hands everything to the system.
  public func flush() { log.flush() }

  private func append(_ message: ProtobufMessage) throws {
    func little<T: FixedWidthInteger>(_ value: T) -> [UInt8] { withUnsafeBytes(of: value.littleEndian) { Array($0) } }
    let length = little(UInt64(message.bytes.count))
    try log.append(length + little(CRC.masked(length)) + message.bytes + little(CRC.masked(message.bytes)))
  }
}

private struct ProtobufMessage {
  var bytes: [UInt8] = []
  private mutating func key(_ field: UInt64, _ wireType: UInt64) { raw(field << 3 | wireType) }
  private mutating func raw(_ value: UInt64) {
    var rest = value
    while rest >= 0x80 {
      bytes.append(UInt8(rest & 0x7f) | 0x80)
      rest >>= 7
    }
    bytes.append(UInt8(rest))
  }
  mutating func varint(_ field: UInt64, _ value: UInt64) {
    key(field, 0)
    raw(value)
  }
  mutating func double(_ field: UInt64, _ value: Double) {
    key(field, 1)
    withUnsafeBytes(of: value.bitPattern.littleEndian) { bytes += $0 }
  }
  mutating func float(_ field: UInt64, _ value: Float) {
    key(field, 5)
    withUnsafeBytes(of: value.bitPattern.littleEndian) { bytes += $0 }
  }
  mutating func string(_ field: UInt64, _ value: String) { data(field, Array(value.utf8)) }
  mutating func message(_ field: UInt64, _ value: ProtobufMessage) { data(field, value.bytes) }
  private mutating func data(_ field: UInt64, _ value: [UInt8]) {
    key(field, 2)
    raw(UInt64(value.count))
    bytes += value
  }
}
