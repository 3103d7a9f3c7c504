/// Recurrent states and beginnings of episodes between files and layers.
import Kernels
import Layers
import Records

enum StateRows {
  /// The parts of a layout, each a tensor [batch, part's shape], as rows [batch, layout.count]; nil where there is none of them.
  ///
  /// Throws `FileError` where only some are there, or one has another shape or holds what no layer makes.
  static func read(
    _ layout: StateLayout, batch: Int, path: String, _ tensor: (String) throws -> Safetensors.Tensor?
  ) throws -> [Float]? {
    let tensors = try layout.parts.map { try tensor($0.name) }
    guard tensors.contains(where: { $0 != nil }) else { return nil }
    var rows = [Float](repeating: 0, count: batch * layout.count), start = 0
    for (part, tensor) in zip(layout.parts, tensors) {
      guard let tensor, tensor.shape == [batch] + part.shape else {
        throw FileError(
          path, "has the state \(part.name) \(tensor.map { "of shape \($0.shape)" } ?? "not"); \([batch] + part.shape) is needed")
      }
      for b in 0..<batch {
        for i in 0..<part.count { rows[b * layout.count + start + i] = tensor.values[b * part.count + i] }
      }
      start += part.count
    }
    for b in 0..<batch {
      let flaw = rows.withUnsafeBufferPointer { rows in rows.baseAddress.flatMap { layout.flaw(in: $0 + b * layout.count) } }
      if let flaw { throw FileError(path, flaw) }
    }
    return rows
  }

  /// The way back: rows [batch, layout.count] as tensors [batch, part's shape].
  static func parts(_ rows: [Float], _ layout: StateLayout, batch: Int) -> [(name: String, tensor: Safetensors.Tensor)] {
    var start = 0
    return layout.parts.map { part in
      defer { start += part.count }
      let values = (0..<batch).flatMap { b in rows[b * layout.count + start..<b * layout.count + start + part.count] }
      return (part.name, Safetensors.Tensor(shape: [batch] + part.shape, values: values))
    }
  }
}

/// Where episodes begin inside sequences: a tensor `reset` [batch, time] of zeros and ones.
final class EpisodeBeginnings {
  let pointer: UnsafePointer<UInt8>?
  private let storage: UnsafeMutableBufferPointer<UInt8>

  /// Throws `FileError` for another shape and other numbers.
  convenience init(_ reset: Safetensors.Tensor?, batch: Int, time: Int, _ path: String) throws {
    if let reset {
      guard reset.shape == [batch, time] else {
        throw FileError(path, "reset has shape \(reset.shape); \([batch, time]) is needed")
      }
      if let bad = reset.values.first(where: { $0 != 0 && $0 != 1 }) {
        throw FileError(path, "reset contains \(bad); 1 where an episode begins and 0 elsewhere are needed")
      }
    }
    self.init(reset?.values.map { $0 != 0 })
  }

  init(_ begins: [Bool]?) {
    storage = .allocate(capacity: begins?.count ?? 0)
    _ = storage.initialize(from: (begins ?? []).map { $0 ? 1 : 0 })
    pointer = begins == nil ? nil : UnsafePointer(storage.baseAddress)
  }
  deinit { storage.deallocate() }

  subscript(row: Int) -> Bool { pointer.map { $0[row] != 0 } ?? false }
}
