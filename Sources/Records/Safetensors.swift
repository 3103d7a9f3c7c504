/// The safetensors format: u64 header length, JSON header, data. Reading trusts nothing: every length, offset, shape and
/// type is checked before a byte of data is touched. Writing is atomic and, for equal input, byte for byte equal.
import Foundation

public struct Safetensors {
  public struct Tensor: Equatable, Sendable {
    public var shape: [Int]
    public var values: [Float]
    public init(shape: [Int], values: [Float]) {
      precondition(shape.reduce(1, *) == values.count, "shape \(shape) of \(values.count) values")
      (self.shape, self.values) = (shape, values)
    }
  }

  public let path: String
  public let metadata: [String: String]
  private let file: MappedFile
  private let entries: [String: Entry]

  private struct Entry {
    var dtype: String
    var shape: [Int]
    var range: Range<Int>
  }
  /// Bytes per element of the types the format knows.
  private static let sizes = [
    "BOOL": 1, "U8": 1, "I8": 1, "F8_E4M3": 1, "F8_E5M2": 1, "U16": 2, "I16": 2, "F16": 2, "BF16": 2, "U32": 4, "I32": 4,
    "F32": 4, "U64": 8, "I64": 8, "F64": 8,
  ]

  public init(path: String) throws {
    self.path = path
    file = try MappedFile(path: path)
    func wrong(_ problem: String) -> FileError { FileError(path, problem) }
    let bytes = file.bytes
    guard bytes.count >= 8 else { throw wrong("is not a safetensors file: only \(bytes.count) bytes") }
    let length = bytes.loadUnaligned(as: UInt64.self)
    guard length >= 2, length <= 100_000_000 else {
      throw wrong("is not a safetensors file: its first 8 bytes give a header of \(length) bytes")
    }
    guard Int(length) <= bytes.count - 8 else {
      throw wrong("is truncated: the header should have \(length) bytes, the file has \(bytes.count)")
    }
    let start = 8 + Int(length), dataCount = bytes.count - start
    let text = Data(bytes[8..<start])
    guard text.first == UInt8(ascii: "{"), let object = try? JSONSerialization.jsonObject(with: text),
      let header = object as? [String: Any]
    else { throw wrong("is not a safetensors file: its header is not a JSON object") }

    var entries: [String: Entry] = [:]
    var metadata: [String: String] = [:]
    for (name, value) in header {
      if name == "__metadata__" {
        guard let strings = value as? [String: String] else { throw wrong("__metadata__ is not an object of strings") }
        metadata = strings
        continue
      }
      guard let fields = value as? [String: Any], let dtype = fields["dtype"] as? String,
        let shape = fields["shape"] as? [Int], let offsets = fields["data_offsets"] as? [Int]
      else { throw wrong("tensor \(name) lacks dtype, shape or data_offsets") }
      guard let size = Self.sizes[dtype] else { throw wrong("tensor \(name) has the unknown type \(dtype)") }
      guard offsets.count == 2, offsets[0] >= 0, offsets[0] <= offsets[1], offsets[1] <= dataCount else {
        throw wrong("tensor \(name) lies at \(offsets), outside the \(dataCount) bytes of data")
      }
      var count = 1
      for dimension in shape {
        let (product, overflow) = count.multipliedReportingOverflow(by: dimension)
        guard dimension >= 0, !overflow else { throw wrong("tensor \(name) has the impossible shape \(shape)") }
        count = product
      }
      let (byteCount, overflow) = count.multipliedReportingOverflow(by: size)
      guard !overflow, byteCount == offsets[1] - offsets[0] else {
        throw wrong("tensor \(name) of shape \(shape) and type \(dtype) does not fill its \(offsets[1] - offsets[0]) bytes")
      }
      entries[name] = Entry(dtype: dtype, shape: shape, range: start + offsets[0]..<start + offsets[1])
    }
    let ranges = entries.values.map(\.range).filter { !$0.isEmpty }.sorted { $0.lowerBound < $1.lowerBound }
    for (a, b) in zip(ranges, ranges.dropFirst()) where a.upperBound > b.lowerBound {
      throw wrong("two tensors overlap at byte \(b.lowerBound)")
    }
    self.entries = entries
    self.metadata = metadata
  }

  public var names: [String] { entries.keys.sorted() }
  public func shape(of name: String) -> [Int]? { entries[name]?.shape }

  /// A tensor of float values (F32, F64, F16, BF16), converted to float32.
  public func tensor(_ name: String) throws -> Tensor {
    guard let entry = entries[name] else {
      throw FileError(
        path, "has no tensor \(name); it has \(names.prefix(8).joined(separator: ", "))\(names.count > 8 ? ", …" : "")")
    }
    let bytes = UnsafeRawBufferPointer(rebasing: file.bytes[entry.range])
    func read<T>(_ type: T.Type, _ convert: (T) -> Float) -> [Float] {
      stride(from: 0, to: bytes.count, by: MemoryLayout<T>.size).map {
        convert(bytes.loadUnaligned(fromByteOffset: $0, as: type))
      }
    }
    let values: [Float]
    switch entry.dtype {
    case "F32": values = read(Float.self) { $0 }
    case "F64": values = read(Double.self) { Float($0) }
    case "BF16": values = read(UInt16.self) { Float(bitPattern: UInt32($0) << 16) }
    #if !(os(macOS) && arch(x86_64))
      case "F16": values = read(Float16.self) { Float($0) }
    #endif
    default: throw FileError(path, "tensor \(name) has type \(entry.dtype); float values are needed")
    }
    return Tensor(shape: entry.shape, values: values)
  }

  /// Writes float32 tensors in the given order, as the reference implementation lays them out: data 8-byte aligned.
  public static func write(
    _ tensors: [(name: String, tensor: Tensor)], metadata: [String: String] = [:], to path: String
  ) throws {
    func quoted(_ text: String) -> String {
      let data = (try? JSONEncoder().encode(text)) ?? Data("\"\"".utf8)
      return String(decoding: data, as: UTF8.self)
    }
    var fields: [String] = []
    if !metadata.isEmpty {
      let pairs = metadata.sorted { $0.key < $1.key }.map { "\(quoted($0.key)):\(quoted($0.value))" }
      fields.append("\"__metadata__\":{\(pairs.joined(separator: ","))}")
    }
    var offset = 0
    for (name, tensor) in tensors {
      let end = offset + tensor.values.count * 4
      let shape = tensor.shape.map(String.init).joined(separator: ",")
      fields.append("\(quoted(name)):{\"dtype\":\"F32\",\"shape\":[\(shape)],\"data_offsets\":[\(offset),\(end)]}")
      offset = end
    }
    var header = Array("{\(fields.joined(separator: ","))}".utf8)
    while header.count % 8 != 0 { header.append(UInt8(ascii: " ")) }
    let file = try AtomicFile(path: path)
    try withUnsafeBytes(of: UInt64(header.count).littleEndian) { try file.write($0) }
    try header.withUnsafeBytes { try file.write($0) }
    for (_, tensor) in tensors { try tensor.values.withUnsafeBytes { try file.write($0) } }
    try file.commit()
  }
}
