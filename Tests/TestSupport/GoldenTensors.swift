/// Reads the golden .safetensors files of the tests. Deliberately not `Records.Safetensors`: a reader must not be its own
/// witness.
import Foundation

public struct GoldenTensors {
  public let metadata: [String: String]
  private let entries: [String: (dtype: String, shape: [Int], range: Range<Int>)]
  private let data: Data

  public init(_ url: URL) throws {
    let file = try Data(contentsOf: url)
    let length = file.prefix(8).enumerated().reduce(0) { $0 | Int($1.element) << (8 * $1.offset) }
    let header = try JSONSerialization.jsonObject(with: file[8..<8 + length]) as? [String: [String: Any]] ?? [:]
    metadata = header["__metadata__"] as? [String: String] ?? [:]
    data = file[(8 + length)...]
    let start = 8 + length
    var entries: [String: (String, [Int], Range<Int>)] = [:]
    for (name, entry) in header where name != "__metadata__" {
      guard let dtype = entry["dtype"] as? String, let shape = entry["shape"] as? [Int],
        let offsets = entry["data_offsets"] as? [Int]
      else { throw CocoaError(.fileReadCorruptFile) }
      entries[name] = (dtype, shape, start + offsets[0]..<start + offsets[1])
    }
    self.entries = entries
  }

  public var names: [String] { entries.keys.sorted() }
  public func shape(_ name: String) -> [Int]? { entries[name]?.shape }

  /// Any numeric tensor as doubles; empty where the name is unknown.
  public func doubles(_ name: String) -> [Double] {
    guard let entry = entries[name] else { return [] }
    let bytes = [UInt8](data[entry.range])
    return bytes.withUnsafeBytes { raw in
      switch entry.dtype {
      case "F32": stride(from: 0, to: raw.count, by: 4).map { Double(raw.loadUnaligned(fromByteOffset: $0, as: Float.self)) }
      case "F64": stride(from: 0, to: raw.count, by: 8).map { raw.loadUnaligned(fromByteOffset: $0, as: Double.self) }
      case "I64": stride(from: 0, to: raw.count, by: 8).map { Double(raw.loadUnaligned(fromByteOffset: $0, as: Int64.self)) }
      default: []
      }
    }
  }
  public func floats(_ name: String) -> [Float] { doubles(name).map(Float.init) }
}

/// Largest absolute difference over the largest absolute value of `expected`.
public func relativeDifference(_ actual: [Double], _ expected: [Double]) -> Double {
  guard actual.count == expected.count, !expected.isEmpty else { return .infinity }
  let scale = expected.map(abs).max() ?? 0
  return (zip(actual, expected).map { abs($0 - $1) }.max() ?? 0) / max(scale, .leastNormalMagnitude)
}
public func relativeDifference(_ actual: [Float], _ expected: [Double]) -> Double {
  relativeDifference(actual.map(Double.init), expected)
}
