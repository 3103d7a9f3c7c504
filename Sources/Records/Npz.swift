/// NumPy's .npz: an uncompressed zip of .npy files, which `numpy.load` reads. Written whole or not at all.
import Foundation

public enum NpzArray {
  case int64([Int64], shape: [Int])
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
}

public enum Npz {
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
}
