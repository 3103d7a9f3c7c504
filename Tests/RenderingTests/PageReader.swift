/// Reads a page's data back, as `player.js` does, without any of the code that wrote it.
import Foundation

struct PageReader {
  struct Episode {
    let fields: [String: Any]
    /// Six numbers a slot; slot 0 is the viewport.
    let opening: [[Int]]
    let frames: [[[[Int]]]]
  }
  let unit: Double
  let sprites: [[[Any]]]
  let colours: [[String]]
  let bitmaps: [[Any]]
  let episodes: [Episode]

  init(_ json: String) throws {
    let root = try JSONSerialization.jsonObject(with: Data(json.utf8)) as? [String: Any] ?? [:]
    unit = (root["unit"] as? NSNumber)?.doubleValue ?? 0
    sprites = root["sprites"] as? [[[Any]]] ?? []
    colours = root["colours"] as? [[String]] ?? []
    bitmaps = root["bitmaps"] as? [[Any]] ?? []
    episodes = (root["episodes"] as? [[String: Any]] ?? []).map { fields in
      var slots: [[Int]] = []
      func read(_ row: [Int]) -> [[Int]] {
        var rest = row[...]
        while let code = rest.popFirst() {
          while slots.count <= code / 64 { slots.append([0, 0, 0, 0, 0, 0]) }
          for field in 0..<6 where code >> field & 1 == 1 { slots[code / 64][field] += rest.popFirst() ?? 0 }
        }
        return Array(slots.prefix(slots[0][0] + 1))
      }
      let opening = read(fields["opening"] as? [Int] ?? [])
      return Episode(
        fields: fields, opening: opening, frames: (fields["frames"] as? [[[Int]]] ?? []).map { $0.map(read) })
    }
  }

  static func numbers(_ value: Any?) -> [Double] { (value as? [NSNumber] ?? []).map(\.doubleValue) }
}
