/// For C: one header that needs nothing, and one weights file.
import Foundation
import Records

extension ExportedAgent {
  private static let nameCount = 80, rank = 4, version: Int32 = 1

  /// Writes `agent.h` and `agent.weights` into a folder, and returns their paths.
  ///
  /// The weights file, all of it little-endian: `MDQN`, a version, `sizes` and the reward scale, then of each tensor its name
  /// [80] and shape [4], then their values as float32.
  public func writeStep(to folder: String) throws -> [String] {
    try makeFolder(folder)
    let tensors = try tensors()
    var data = Data("MDQN".utf8)
    func append(_ value: Int) throws {
      guard let value = Int32(exactly: value) else { throw FileError(file.path, "has a size of \(value), too large for C") }
      withUnsafeBytes(of: value.littleEndian) { data.append(contentsOf: $0) }
    }
    try append(Int(Self.version))
    for (_, value) in sizes { try append(value) }
    withUnsafeBytes(of: encoder.rewardScale.bitPattern.littleEndian) { data.append(contentsOf: $0) }
    try append(tensors.count)
    for (name, tensor) in tensors {
      guard name.utf8.count < Self.nameCount, tensor.shape.count <= Self.rank else {
        throw FileError(file.path, "has the tensor \(name) of shape \(tensor.shape): too long for agent.h")
      }
      data.append(contentsOf: Array(name.utf8) + Array(repeating: 0, count: Self.nameCount - name.utf8.count))
      for i in 0..<Self.rank { try append(i < tensor.shape.count ? tensor.shape[i] : 1) }
    }
    for (_, tensor) in tensors {
      for value in tensor.values { withUnsafeBytes(of: value.bitPattern.littleEndian) { data.append(contentsOf: $0) } }
    }
    let header = "\(folder)/agent.h", weights = "\(folder)/agent.weights"
    try AtomicFile.write(Data(PackageResources.agent_h), to: header)
    try AtomicFile.write(data, to: weights)
    return [header, weights]
  }
}
