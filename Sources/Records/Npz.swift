/// NumPy's .npz: an uncompressed zip of .npy files, which `numpy.load` reads. Written whole or not at all, and read back.
import Foundation

/// An array of one of the two types that evaluations need.
public enum NpzArray: Equatable, Sendable {
  /// Row-major.
  case int64([Int64], shape: [Int])
  /// Row-major.
  case float64([Double], shape: [Int])

  /// The .npy file: magic, version 1.0, a header padded to 64 bytes, little-endian data.
  fileprivate var npy: [UInt8] {
    let (type, shape, data): (String, [Int], [UInt8])
    switch self {
    case .int64(let values, let s): (type, shape, data) = ("<i8", s, values.withUnsafeBytes { Array($0) })
    case .float64(let values, let s): (type, shape, data) = ("<f8", s, values.withUnsafeBytes { Array($0) })
    }
    precondition(data.count == shape.reduce(8, *), "shape \(shape) of \(data.count / 8) values")
    let tuple = shape.count == 1 ? "(\(shape[0]),)" : "(\(shape.map(String.init).joined(separator: ", ")))"
    var header = Array("{'descr': '\(type)', 'fortran_order': False, 'shape': \(tuple), }".utf8)
    while (10 + header.count + 1) % 64 != 0 { header.append(UInt8(ascii: " ")) }
    header.append(UInt8(ascii: "\n"))
    return [0x93] + Array("NUMPY".utf8) + [1, 0, UInt8(header.count & 255), UInt8(header.count >> 8)] + header + data
  }

  /// The same read back; nil where it is something else.
  fileprivate init?(npy bytes: UnsafeRawBufferPointer) {
    guard bytes.count >= 10 else { return nil }
    let start = 10 + Int(bytes[8]) + Int(bytes[9]) << 8
    guard start <= bytes.count else { return nil }
    let header = String(decoding: bytes[10..<start], as: UTF8.self), data = UnsafeRawBufferPointer(rebasing: bytes[start...])
    guard let tuple = header.firstMatch(of: /'fortran_order': False, 'shape': \(([0-9, ]*)\)/)?.1 else { return nil }
    let shape = tuple.split(separator: ",").compactMap { Int($0.trimmingPrefix(" ")) }
    guard shape.reduce(8, { $0.multipliedReportingOverflow(by: $1).partialValue }) == data.count else { return nil }
    func values<Value>(_ type: Value.Type) -> [Value] {
      (0..<data.count / 8).map { data.loadUnaligned(fromByteOffset: 8 * $0, as: type) }
    }
    if header.contains("'<i8'") {
      self = .int64(values(Int64.self), shape: shape)
    } else if header.contains("'<f8'") {
      self = .float64(values(Double.self), shape: shape)
    } else {
      return nil
    }
  }
}

/// NumPy's archives of arrays.
public enum Npz {
  /// Stored, without time stamps: equal arrays give equal files.
  public static func write(_ arrays: [(name: String, array: NpzArray)], to path: String) throws {
    var zip: [UInt8] = [], directory: [UInt8] = []
    func put16(_ value: Int, _ bytes: inout [UInt8]) { bytes += [UInt8(value & 255), UInt8(value >> 8 & 255)] }
    func put32(_ value: Int, _ bytes: inout [UInt8]) {
      put16(value & 0xffff, &bytes)
      put16(value >> 16 & 0xffff, &bytes)
    }
    for (name, array) in arrays {
      let data = array.npy, file = Array("\(name).npy".utf8), offset = zip.count
      // Version 2.0, no flags, stored, no time stamp (1980-01-01): equal arrays give equal files.
      var common: [UInt8] = []
      for value in [20, 0, 0, 0, 0x21] { put16(value, &common) }
      put32(Int(CRC.zip(data)), &common)
      put32(data.count, &common)
      put32(data.count, &common)
      put16(file.count, &common)
      put16(0, &common)
      zip += [0x50, 0x4b, 3, 4] + common + file + data
      directory += [0x50, 0x4b, 1, 2, 20, 0] + common + [UInt8](repeating: 0, count: 10)
      put32(offset, &directory)
      directory += file
    }
    let start = zip.count
    zip += directory + [0x50, 0x4b, 5, 6, 0, 0, 0, 0]
    put16(arrays.count, &zip)
    put16(arrays.count, &zip)
    put32(directory.count, &zip)
    put32(start, &zip)
    put16(0, &zip)
    try AtomicFile.write(Data(zip), to: path)
  }

  /// Reads what `write` wrote: stored entries of 64-bit numbers. Anything else is refused.
  public static func read(_ path: String) throws -> [String: NpzArray] {
    let file = try MappedFile(path: path), bytes = file.bytes
    let wrong = FileError(path, "is no .npz file as this program writes them")
    var arrays: [String: NpzArray] = [:], at = 0
    func number<Value: FixedWidthInteger>(_ offset: Int, _ type: Value.Type) throws -> Int {
      guard offset + MemoryLayout<Value>.size <= bytes.count else { throw wrong }
      return Int(truncatingIfNeeded: bytes.loadUnaligned(fromByteOffset: offset, as: type))
    }
    while try number(at, UInt32.self) == 0x0403_4b50 {
      let size = try number(at + 22, UInt32.self), nameLength = try number(at + 26, UInt16.self)
      let name = at + 30, data = name + nameLength + (try number(at + 28, UInt16.self))
      guard try number(at + 8, UInt16.self) == 0, data + size <= bytes.count else { throw wrong }
      let text = String(decoding: bytes[name..<name + nameLength], as: UTF8.self)
      guard text.hasSuffix(".npy"), let array = NpzArray(npy: UnsafeRawBufferPointer(rebasing: bytes[data..<data + size])) else {
        throw wrong
      }
      arrays[String(text.dropLast(4))] = array
      at = data + size
    }
    return arrays
  }
}
