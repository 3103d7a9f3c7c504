/// The checkpoint's file: named sections of bytes, then their index, then a footer with a checksum of all that stands
/// before. Written in one go beside its place and renamed; refused when a single bit of it has changed.
///
///     "LMDQNCK1"  sections, each padded to 8 bytes  index (JSON)  footer: index offset, index length, checksum (u64 each)
import Foundation

/// Writes named sections, then all their checksums.
public struct CheckpointWriter: CheckpointSink {
  private let file: AtomicFile
  private var index: [String: [Int]] = [:]
  private var checksum = Checksum()

  /// The file is there once `finish` was called.
  public init(path: String) throws {
    file = try AtomicFile(path: path)
    try put(CheckpointReader.magic)
  }

  /// One section.
  public mutating func write(_ name: String, _ bytes: UnsafeRawBufferPointer) throws {
    precondition(index[name] == nil, "section \(name) is written twice")
    index[name] = [file.offset, bytes.count]
    try put(bytes)
    if bytes.count % 8 != 0 { try put(Array(repeating: 0, count: 8 - bytes.count % 8)) }
  }

  /// The file is there after this, and only after this.
  public mutating func commit() throws {
    let start = file.offset
    let encoder = JSONEncoder()
    encoder.outputFormatting = .sortedKeys
    var json = try encoder.encode(index)
    while json.count % 8 != 0 { json.append(UInt8(ascii: " ")) }
    try put(Array(json))
    try [UInt64(start), UInt64(json.count), checksum.value].withUnsafeBytes { try file.write($0) }
    try file.commit()
  }

  private mutating func put(_ bytes: [UInt8]) throws { try bytes.withUnsafeBytes { try put($0) } }
  private mutating func put(_ bytes: UnsafeRawBufferPointer) throws {
    checksum.add(bytes)
    try file.write(bytes)
  }
}

/// A checkpoint whose checksums are right.
public struct CheckpointReader: CheckpointSource {
  static let magic = Array("LMDQNCK1".utf8)
  private let file: MappedFile
  private let index: [String: Range<Int>]

  /// The file's.
  public var path: String { file.path }

  /// - Throws: `FileError` where the file is none, or is damaged.
  public init(path: String) throws {
    file = try MappedFile(path: path)
    let bytes = file.bytes
    guard bytes.count >= 32, bytes.prefix(8).elementsEqual(Self.magic) else {
      throw FileError(path, "is not a checkpoint of this program")
    }
    let footer = (0..<3).map { bytes.loadUnaligned(fromByteOffset: bytes.count - 24 + 8 * $0, as: UInt64.self) }
    let body = UnsafeRawBufferPointer(rebasing: bytes[..<(bytes.count - 24)])
    guard footer[0] <= body.count, footer[1] <= UInt64(body.count) - footer[0],
      Int(footer[0] + footer[1]) == body.count
    else { throw FileError(path, "is truncated: its end is missing") }
    var checksum = Checksum()
    checksum.add(body)
    guard checksum.value == footer[2] else { throw FileError(path, "is corrupted: its checksum does not match") }
    index = try Self.index(body[Int(footer[0])...], before: Int(footer[0]), path)
  }

  /// The checksum guards against damage; what the index says is checked all the same.
  private static func index(_ json: Slice<UnsafeRawBufferPointer>, before end: Int, _ path: String) throws -> [String: Range<Int>]
  {
    let fields: [JSONField]
    do { fields = try JSONValue(json).fields ?? [] } catch {
      throw FileError(path, "is corrupted: its index is not JSON: \(error)")
    }
    var index: [String: Range<Int>] = [:]
    for field in fields {
      let numbers = field.value.elements?.compactMap(\.count) ?? []
      guard numbers.count == 2, numbers[0] <= end, numbers[1] <= end - numbers[0] else {
        throw FileError(path, "is corrupted: its section \(field.key) lies outside of it")
      }
      index[field.key] = numbers[0]..<numbers[0] + numbers[1]
    }
    return index
  }

  /// Valid as long as this reader.
  public func bytes(_ name: String) throws -> UnsafeRawBufferPointer {
    guard let range = index[name] else {
      throw FileError(file.path, "has no section \(name): it was written by another version of this program")
    }
    return UnsafeRawBufferPointer(rebasing: file.bytes[range])
  }

  /// Sections, sorted.
  public var names: [String] { index.keys.sorted() }
  /// Whether there is such a section.
  public func contains(_ name: String) -> Bool { index[name] != nil }
}

extension CheckpointSink {
  /// A section of JSON.
  public mutating func write(_ name: String, json value: some Encodable) throws {
    let encoder = JSONEncoder()
    encoder.outputFormatting = .sortedKeys
    try encoder.encode(value).withUnsafeBytes { try write(name, $0) }
  }
}
extension CheckpointSource {
  /// - Throws: `CheckpointError` where the section is not such a value.
  public func json<Value: Decodable>(_ name: String, as type: Value.Type) throws -> Value {
    let data = Data(try bytes(name))
    do { return try JSONDecoder().decode(type, from: data) } catch {
      throw CheckpointError("the checkpoint's \(name) cannot be read back")
    }
  }

  /// A section of so many values.
  ///
  /// - Throws: `CheckpointError` where it is longer or shorter.
  public func values<Value: BitwiseCopyable>(_ name: String, _ count: Int? = nil, as type: Value.Type = Value.self) throws
    -> [Value]
  {
    let bytes = try bytes(name), size = MemoryLayout<Value>.stride
    guard bytes.count % size == 0, count.map({ $0 == bytes.count / size }) ?? true else {
      throw CheckpointError(
        "the checkpoint's \(name) has \(bytes.count) bytes, not \(count.map { "\($0) values" } ?? "a whole number of values") of \(size)"
      )
    }
    return (0..<bytes.count / size).map { bytes.loadUnaligned(fromByteOffset: $0 * size, as: type) }
  }
}

/// Four interleaved multiply-xor lanes over 64-bit words (the construction of wyhash and FNV-1a, made parallel): several
/// GB/s, and any flipped bit changes it. A guard against damage, not against an adversary.
struct Checksum {
  private var lanes: [UInt64] = [0x9e37_79b9_7f4a_7c15, 0xbf58_476d_1ce4_e5b9, 0x94d0_49bb_1331_11eb, 0xd6e8_feb8_6659_fd93]
  private var length: UInt64 = 0
  /// The bytes of a word that is not whole yet.
  private var pending: UInt64 = 0

  /// Where the calls cut the stream makes no difference.
  mutating func add(_ bytes: UnsafeRawBufferPointer) {
    var offset = 0
    while offset < bytes.count {
      if length % 8 == 0 && offset + 8 <= bytes.count {
        offset += addWords(UnsafeRawBufferPointer(rebasing: bytes[offset...]))
        continue
      }
      pending |= UInt64(bytes[offset]) << (8 * (length % 8))
      offset += 1
      length += 1
      guard length % 8 == 0 else { continue }
      Self.mix(&lanes[Int(length / 8 - 1) & 3], pending)
      pending = 0
    }
  }

  /// All whole words of `bytes`; returns how many bytes they are.
  private mutating func addWords(_ bytes: UnsafeRawBufferPointer) -> Int {
    var index = Int(length / 8), offset = 0
    lanes.withUnsafeMutableBufferPointer { lanes in
      while offset + 8 <= bytes.count {
        Self.mix(&lanes[index & 3], bytes.loadUnaligned(fromByteOffset: offset, as: UInt64.self))
        offset += 8
        index += 1
      }
    }
    length += UInt64(offset)
    return offset
  }

  @inline(__always) private static func mix(_ lane: inout UInt64, _ word: UInt64) {
    lane = (lane ^ word) &* 0x0000_0100_0000_01b3
    lane ^= lane >> 29
  }

  var value: UInt64 { lanes.reduce(length ^ pending) { ($0 ^ $1) &* 0x9e37_79b9_7f4a_7c15 ^ ($0 >> 31) } }
}
