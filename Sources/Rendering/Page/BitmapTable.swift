/// Bitmaps as PNG files of what changed: of most frames of a film little does.
///
/// An entry is [width, height, base, x, y, file]: the bitmap before it (`base` is its number), with the file laid over it at
/// (x, y) from the upper left corner; base -1 is nothing, so that a reader who jumps need not begin at the first.
import Environments

struct BitmapTable {
  /// After so many a whole one follows.
  private static let keyInterval = 64

  let shrinking: Int
  /// JSON of each.
  private(set) var entries: [String] = []
  private(set) var byteCount = 0
  private var last: Scene.Bitmap?

  init(shrinking: Int) { self.shrinking = shrinking }

  /// Its number.
  mutating func add(_ bitmap: Scene.Bitmap) -> Int {
    let bitmap = bitmap.shrunk(by: shrinking)
    let isKey = entries.count % Self.keyInterval == 0 || last?.width != bitmap.width || last?.height != bitmap.height
    let area = isKey ? Area(0, 0, bitmap.width, bitmap.height) : last.map { Area(of: bitmap, unlike: $0) } ?? Area(0, 0, 1, 1)
    let base = isKey ? -1 : entries.count - 1
    let file = JSONText.quoted(bitmap.cropped(to: area).dataURL)
    entries.append("[\(bitmap.width),\(bitmap.height),\(base),\(area.left),\(area.top),\(file)]")
    byteCount += file.utf8.count
    last = bitmap
    return entries.count - 1
  }
}

/// A rectangle of at least one pixel.
private struct Area {
  var left, top, right, bottom: Int
  init(_ left: Int, _ top: Int, _ right: Int, _ bottom: Int) {
    (self.left, self.top, self.right, self.bottom) = (left, top, right, bottom)
  }

  /// Around everything that differs between two bitmaps of one size.
  init(of bitmap: Scene.Bitmap, unlike other: Scene.Bitmap) {
    let (width, height) = (bitmap.width, bitmap.height)
    var (left, top, right, bottom) = (width, height, 0, 0)
    bitmap.pixels.withUnsafeBufferPointer { new in
      other.pixels.withUnsafeBufferPointer { old in
        for y in 0..<height {
          let row = y * width * 3
          guard let first = (row..<row + width * 3).first(where: { new[$0] != old[$0] }),
            let last = (row..<row + width * 3).last(where: { new[$0] != old[$0] })
          else { continue }
          (top, bottom) = (min(top, y), y + 1)
          (left, right) = (min(left, (first - row) / 3), max(right, (last - row) / 3 + 1))
        }
      }
    }
    self.init(min(left, width - 1), min(top, height - 1), max(right, 1), max(bottom, 1))
  }
}

extension Scene.Bitmap {
  /// The mean of `factor` × `factor` pixels; what is left over at the right and below is dropped.
  fileprivate func shrunk(by factor: Int) -> Scene.Bitmap {
    guard factor > 1, width >= factor, height >= factor else { return self }
    let (newWidth, newHeight) = (width / factor, height / factor)
    var small = [UInt8](repeating: 0, count: newWidth * newHeight * 3)
    for y in 0..<newHeight {
      for x in 0..<newWidth {
        for channel in 0..<3 {
          var sum = 0
          for dy in 0..<factor {
            for dx in 0..<factor { sum += Int(pixels[((y * factor + dy) * width + x * factor + dx) * 3 + channel]) }
          }
          small[(y * newWidth + x) * 3 + channel] = UInt8(sum / (factor * factor))
        }
      }
    }
    return Scene.Bitmap(width: newWidth, height: newHeight, pixels: small)
  }

  fileprivate func cropped(to area: Area) -> Scene.Bitmap {
    var part: [UInt8] = []
    part.reserveCapacity((area.right - area.left) * (area.bottom - area.top) * 3)
    for y in area.top..<area.bottom { part += pixels[(y * width + area.left) * 3..<(y * width + area.right) * 3] }
    return Scene.Bitmap(width: area.right - area.left, height: area.bottom - area.top, pixels: part)
  }
}
