/// Rows of observations: floats, or the bytes that images are made of, which take a quarter of the memory.
import Records

/// How a replay keeps observations.
public enum ObservationStorage: Equatable, Sendable {
  case floats
  /// Whole numbers from 0 to 255, of which an observation is this multiple. They come back bit for bit.
  case bytes(scale: Float)

  var size: Int { self == .floats ? 4 : 1 }
}

/// Written and read by number of row; zero until written.
struct ObservationRows {
  let width: Int
  private let rows: Rows

  private enum Rows {
    case floats(Ring<Float>)
    case bytes(Ring<UInt8>, scale: Float)
  }

  init(count: Int, width: Int, _ storage: ObservationStorage) {
    self.width = width
    rows =
      switch storage {
      case .floats: .floats(Ring(count: count * width))
      case .bytes(let scale): .bytes(Ring(count: count * width), scale: scale)
      }
  }
  func deallocate() {
    switch rows {
    case .floats(let ring): ring.deallocate()
    case .bytes(let ring, _): ring.deallocate()
    }
  }

  func write(_ observation: UnsafePointer<Float>, row: Int) {
    switch rows {
    case .floats(let ring): (ring.pointer + row * width).update(from: observation, count: width)
    case .bytes(let ring, let scale):
      let target = ring.pointer + row * width
      for i in 0..<width { target[i] = UInt8(max(0, min(255, (observation[i] / scale).rounded()))) }
    }
  }

  func read(_ row: Int, to destination: UnsafeMutablePointer<Float>) {
    switch rows {
    case .floats(let ring): destination.update(from: ring.pointer + row * width, count: width)
    case .bytes(let ring, let scale):
      let source = ring.pointer + row * width
      for i in 0..<width { destination[i] = Float(source[i]) * scale }
    }
  }

  /// Of the first rows.
  func bytes(_ count: Int) -> UnsafeRawBufferPointer {
    switch rows {
    case .floats(let ring): ring.bytes(count * width)
    case .bytes(let ring, _): ring.bytes(count * width)
    }
  }

  func restore(_ name: String, _ count: Int, from source: some CheckpointSource) throws {
    switch rows {
    case .floats(let ring): try ring.restore(name, count * width, from: source)
    case .bytes(let ring, _): try ring.restore(name, count * width, from: source)
    }
  }
}
