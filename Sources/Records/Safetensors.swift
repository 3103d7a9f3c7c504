/// The safetensors format: u64 header length, JSON header, data. Reading trusts nothing: every length, offset, shape and
/// type is checked before a byte of data is touched, and every byte of the file must belong to a tensor. Writing is atomic and, for equal input, byte for byte equal.
import Foundation

/// A file of named float32 tensors.
public struct Safetensors {
  /// Values with a shape.
  public struct Tensor: Equatable, Sendable {
    /// Dimensions, the slowest first.
    public var shape: [Int]
    /// Row-major.
    public var values: [Float]
    /// As many values as the shape has.
    public init(shape: [Int], values: [Float]) {
      precondition(shape.reduce(1, *) == values.count, "shape \(shape) of \(values.count) values")
      (self.shape, self.values) = (shape, values)
    }
  }

  /// The file's.
  public let path: String
  /// What the file says of itself.
  public let metadata: [String: String]
  private let file: MappedFile
  private var entries: [String: Entry]

  private struct Entry {
    var dtype: String
    var shape: [Int]
    var range: Range<Int>

    /// One field of the header; its range counts from the header's end.
    init(_ field: JSONField, _ wrong: (String) -> FileError) throws {
      let name = field.key
      guard let fields = field.value.fields, let type = field.value["dtype"]?.text, let numbers = field.value["shape"]?.elements,
        let offsets = field.value["data_offsets"]?.elements, !fields.isEmpty
      else { throw wrong("tensor \(name) lacks dtype, shape or data_offsets") }
      guard let bits = Safetensors.bits[type] else { throw wrong("tensor \(name) has the unknown type \(type)") }
      let shape = numbers.compactMap(\.count)
      guard shape.count == numbers.count, let count = Safetensors.product(shape), let size = Safetensors.product([count, bits]),
        size % 8 == 0
      else { throw wrong("tensor \(name) has the impossible shape \(numbers.map(\.written))") }
      guard offsets.count == 2, let start = offsets[0].count, let end = offsets[1].count, start <= end else {
        throw wrong("tensor \(name) lies at \(offsets.map(\.written)), outside the data")
      }
      guard size / 8 == end - start else {
        throw wrong("tensor \(name) of shape \(shape) and type \(type) does not fill its \(end - start) bytes")
      }
      (dtype, self.shape, range) = (type, shape, start..<end)
    }

    func moved(by offset: Int) -> Entry {
      var entry = self
      entry.range = range.lowerBound + offset..<range.upperBound + offset
      return entry
    }
  }

  /// Nil where it lies beyond every integer, whatever follows.
  private static func product(_ factors: [Int]) -> Int? {
    var result = 1
    for factor in factors {
      let (product, overflow) = result.multipliedReportingOverflow(by: factor)
      guard !overflow else { return nil }
      result = product
    }
    return result
  }
  /// Bits per element of the types the format knows.
  private static let bits = [
    "F4": 4, "F6_E2M3": 6, "F6_E3M2": 6, "BOOL": 8, "U8": 8, "I8": 8, "F8_E4M3": 8, "F8_E5M2": 8, "F8_E8M0": 8,
    "F8_E4M3FNUZ": 8, "F8_E5M2FNUZ": 8, "U16": 16, "I16": 16, "F16": 16, "BF16": 16, "U32": 32, "I32": 32, "F32": 32, "U64": 64,
    "I64": 64, "F64": 64, "C64": 64,
  ]

  /// What the `safetensors` package refuses is refused; beyond it, a key given twice, which the format forbids.
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
    let start = 8 + Int(length)
    let header: JSONValue
    do { header = try JSONValue(bytes[8..<start]) } catch {
      throw wrong("is not a safetensors file: its header is not a JSON object: \(error)")
    }
    guard let fields = header.fields else { throw wrong("is not a safetensors file: its header is not a JSON object") }

    var metadata: [String: String] = [:]
    var found: [(name: String, entry: Entry)] = []
    for field in fields {
      if field.key == "__metadata__" {
        guard field.value != .null else { continue }
        for pair in try field.value.fields.orThrow(wrong("__metadata__ is not an object of strings")) {
          metadata[pair.key] = try pair.value.text.orThrow(wrong("__metadata__ is not an object of strings"))
        }
      } else {
        found.append((field.key, try Entry(field, wrong)))
      }
    }
    // In the order of the data, each tensor begins where the one before ends, and the last ends with the file.
    found.sort { ($0.entry.range.lowerBound, $0.entry.range.upperBound) < ($1.entry.range.lowerBound, $1.entry.range.upperBound) }
    let dataCount = bytes.count - start
    var end = 0
    for (name, entry) in found {
      guard entry.range.upperBound <= dataCount else {
        throw wrong("tensor \(name) lies at \(entry.range), outside the \(dataCount) bytes of data")
      }
      guard entry.range.lowerBound == end else {
        throw wrong(
          entry.range.lowerBound < end
            ? "two tensors overlap at byte \(entry.range.lowerBound)"
            : "nothing says what the bytes \(end) to \(entry.range.lowerBound) are")
      }
      end = entry.range.upperBound
    }
    guard end == dataCount else { throw wrong("has \(dataCount - end) bytes after its last tensor") }
    entries = Dictionary(uniqueKeysWithValues: found.map { ($0.name, $0.entry.moved(by: start)) })
    self.metadata = metadata
  }

  /// Of all tensors, sorted.
  public var names: [String] { entries.keys.sorted() }
  /// Nil where there is no tensor of that name.
  public func shape(of name: String) -> [Int]? { entries[name]?.shape }
  /// Of all tensors together.
  public var elementCount: Int { entries.values.reduce(0) { $0 + $1.shape.reduce(1, *) } }

  /// The same file with its tensors under other names; those renamed to nil are left out.
  public func renamed(_ rename: (String) -> String?) throws -> Safetensors {
    var copy = self
    copy.entries = [:]
    for (name, entry) in entries {
      guard let other = rename(name) else { continue }
      guard copy.entries.updateValue(entry, forKey: other) == nil else {
        throw FileError(path, "has the tensor \(other) under two names, one of them \(name)")
      }
    }
    return copy
  }

  /// A tensor of whole numbers (I64, I32) and its shape.
  public func integers(_ name: String) throws -> (shape: [Int], values: [Int]) {
    let entry = try entry(name)
    let bytes = UnsafeRawBufferPointer(rebasing: file.bytes[entry.range])
    func read<T: FixedWidthInteger>(_ type: T.Type) -> [Int] {
      stride(from: 0, to: bytes.count, by: MemoryLayout<T>.size).map {
        Int(bytes.loadUnaligned(fromByteOffset: $0, as: type))
      }
    }
    switch entry.dtype {
    case "I64": return (entry.shape, read(Int64.self))
    case "I32": return (entry.shape, read(Int32.self))
    default: throw FileError(path, "tensor \(name) has type \(entry.dtype); whole numbers (I64, I32) are needed")
    }
  }

  private func entry(_ name: String) throws -> Entry {
    guard let entry = entries[name] else {
      throw FileError(
        path, "has no tensor \(name); it has \(names.prefix(8).joined(separator: ", "))\(names.count > 8 ? ", …" : "")")
    }
    return entry
  }

  /// A tensor of float values (F32, F64, F16, BF16), converted to float32.
  public func tensor(_ name: String) throws -> Tensor {
    let entry = try entry(name)
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

  /// A tensor all of whose values are finite.
  public func finiteTensor(_ name: String) throws -> Tensor {
    let tensor = try tensor(name)
    if let bad = tensor.values.first(where: { !$0.isFinite }) { throw FileError(path, "\(name) contains \(bad)") }
    return tensor
  }

  /// Writes float32 tensors in the given order, as the reference implementation lays them out: data 8-byte aligned.
  public static func write(
    _ tensors: [(name: String, tensor: Tensor)], metadata: [String: String] = [:], to path: String
  ) throws {
    var fields: [String] = []
    if !metadata.isEmpty {
      let pairs = metadata.sorted { $0.key < $1.key }.map { "\($0.key.jsonQuoted):\($0.value.jsonQuoted)" }
      fields.append("\"__metadata__\":{\(pairs.joined(separator: ","))}")
    }
    var offset = 0
    for (name, tensor) in tensors {
      let end = offset + tensor.values.count * 4
      let shape = tensor.shape.map(String.init).joined(separator: ",")
      fields.append("\(name.jsonQuoted):{\"dtype\":\"F32\",\"shape\":[\(shape)],\"data_offsets\":[\(offset),\(end)]}")
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

extension Optional {
  fileprivate func orThrow(_ error: @autoclosure () -> some Error) throws -> Wrapped {
    guard let self else { throw error() }
    return self
  }
}
