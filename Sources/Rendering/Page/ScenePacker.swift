/// Scenes as few and small numbers: tables of colours and sprites, and of every frame only what differs from the one before.
///
/// A length is a whole number of `unit`s, an angle of 1/4096 rad, a scale of 1/1024. A frame is a flat list of groups: a
/// code, slot × 64 + mask, then the change of each field whose bit is set in the mask, lowest bit first. Slot 0 is the
/// viewport (item count, x, y, -, width, height), slot i > 0 the i-th item (sprite, x, y, angle, scale x - 1, scale y - 1).
/// All fields start at 0; sprite 0 is the empty one. `player.js` reads it.
import Environments

struct ScenePacker {
  static let angleUnits = 4096.0, scaleUnits = 1024.0

  /// World units; a page's pictures are at most this fine.
  let unit: Double
  private(set) var colours: [Scene.Colour] = []
  /// JSON of each sprite.
  private(set) var sprites: [String] = ["[]"]
  private(set) var bitmaps: BitmapTable

  private var colourIndex: [Scene.Colour: Int] = [:]
  private var spriteIndex: [[Scene.Shape]: Int] = [[]: 0]
  /// The same for sprites seen before; they are held, so that no other gets their identity.
  private var known: [ObjectIdentifier: (Scene.Sprite, Int)] = [:]
  private var slots: [[Int]] = []

  /// - Parameter viewport: the first one; it decides how fine the pictures are.
  /// - Parameter shrinking: pixels of a bitmap that become one, each way.
  init(viewport: Scene.Viewport, shrinking: Int = 1) {
    unit = max(viewport.width, viewport.height) / 8192
    bitmaps = BitmapTable(shrinking: shrinking)
  }

  /// The next episode's first frame differs from nothing.
  mutating func beginEpisode() { slots = [] }

  /// A JSON list of whole numbers.
  mutating func frame(_ scene: Scene) -> String {
    let view = scene.viewport
    var row: [Int] = []
    change(0, to: [scene.items.count, length(view.x), length(view.y), 0, length(view.width), length(view.height)], &row)
    for (index, item) in scene.items.enumerated() {
      let place = item.placement
      let fields = [
        sprite(item.sprite), length(place.x), length(place.y), Self.whole(place.angle * Self.angleUnits),
        Self.whole((place.scaleX - 1) * Self.scaleUnits), Self.whole((place.scaleY - 1) * Self.scaleUnits),
      ]
      change(index + 1, to: fields, &row)
    }
    return "[\(row.map(String.init).joined(separator: ","))]"
  }

  private mutating func change(_ slot: Int, to fields: [Int], _ row: inout [Int]) {
    while slots.count <= slot { slots.append([0, 0, 0, 0, 0, 0]) }
    let old = slots[slot]
    guard fields != old else { return }
    row.append(slot * 64 + fields.indices.reduce(0) { $0 | (fields[$1] == old[$1] ? 0 : 1 << $1) })
    for (new, old) in zip(fields, old) where new != old { row.append(new - old) }
    slots[slot] = fields
  }

  private func length(_ value: Double) -> Int { Self.whole(value / unit) }
  /// A number that is none, or far out of sight, is drawn far out of sight.
  private static func whole(_ value: Double) -> Int { Int(max(-1e9, min(1e9, value.isNaN ? 1e9 : value.rounded()))) }

  // MARK: - Sprites

  private mutating func sprite(_ sprite: Scene.Sprite) -> Int {
    if let (_, index) = known[ObjectIdentifier(sprite)] { return index }
    let index: Int
    if let same = spriteIndex[sprite.shapes] {
      index = same
    } else {
      index = sprites.count
      sprites.append("[\(sprite.shapes.map { shape($0) }.joined(separator: ","))]")
      spriteIndex[sprite.shapes] = index
    }
    known[ObjectIdentifier(sprite)] = (sprite, index)
    return index
  }

  /// [kind, numbers, fill, stroke, what else the kind needs]
  private mutating func shape(_ shape: Scene.Shape) -> String {
    func list(_ points: [Scene.Point]) -> String { numbers(points.flatMap { [$0.x, $0.y] }) }
    let fill = paint(shape.fill)
    let stroke = shape.stroke.map { "[\(colour($0.colour)),\(length($0.width))]" } ?? "0"
    switch shape.outline {
    case .polygon(let points): return "[\"p\",\(list(points)),\(fill),\(stroke)]"
    case .line(let points): return "[\"l\",\(list(points)),\(fill),\(stroke)]"
    case .circle(let centre, let radius): return "[\"c\",\(numbers([centre.x, centre.y, radius])),\(fill),\(stroke)]"
    case .rectangle(let corner, let width, let height, let rounding):
      return "[\"r\",\(numbers([corner.x, corner.y, width, height, rounding])),\(fill),\(stroke)]"
    case .text(let text, let at, let height, let anchor):
      return "[\"t\",\(numbers([at.x, at.y, height])),\(fill),\(stroke),\(JSONText.quoted(text)),\(anchor.rawValue)]"
    case .bitmap(let bitmap, let corner, let width, let height):
      return "[\"b\",\(numbers([corner.x, corner.y, width, height])),\(fill),\(stroke),\(bitmaps.add(bitmap))]"
    }
  }

  private func numbers(_ lengths: [Double]) -> String { "[\(lengths.map { String(length($0)) }.joined(separator: ","))]" }

  /// -1: none; a colour's number; or [1, top, bottom], [2, centre, edge].
  private mutating func paint(_ paint: Scene.Paint?) -> String {
    switch paint {
    case nil: return "-1"
    case .solid(let colour)?: return "\(self.colour(colour))"
    case .vertical(let top, let bottom)?: return "[1,\(colour(top)),\(colour(bottom))]"
    case .radial(let centre, let edge)?: return "[2,\(colour(centre)),\(colour(edge))]"
    }
  }

  private mutating func colour(_ colour: Scene.Colour) -> Int {
    if let index = colourIndex[colour] { return index }
    colourIndex[colour] = colours.count
    colours.append(colour)
    return colours.count - 1
  }

  /// ["#rrggbbaa", …], as a light and a dark page have them.
  var coloursJSON: String {
    func list(_ values: [UInt32]) -> String { "[\(values.map { "\"\(JSONText.colour($0))\"" }.joined(separator: ","))]" }
    return "[\(list(colours.map(\.light))),\(list(colours.map(\.dark)))]"
  }
}
