/// Playing cards as the memory tasks see them: only what of a card counts is on it.
import Synchronization

package enum CardDrawing {
  enum Colours {
    static let table = (
      top: Scene.Colour(light: 0xe6f0eaff, dark: 0x17261fff), bottom: Scene.Colour(light: 0xd3e4daff, dark: 0x101b16ff)
    )
    /// Green as the table is.
    static let muted = Scene.Colour(light: 0x5a6b62ff, dark: 0x9db0a5ff)
    static let track = Scene.Colour(light: 0xbfd3c7ff, dark: 0x2a3d33ff)
    static let progress = Scene.Colour(light: 0x2f7a57ff, dark: 0x4fbf8bff)
    static let paper = Scene.Colour(light: 0xffffffff, dark: 0xf1f3f7ff)
    static let edge = Scene.Colour(light: 0x8b959fff, dark: 0x5a646eff)
    static let back = (
      top: Scene.Colour(light: 0x5f86d6ff, dark: 0x4a6db8ff), bottom: Scene.Colour(light: 0x3a5fb0ff, dark: 0x2c4a8fff)
    )
    static let backMark = Scene.Colour(0xffffff50)
    static let red = Scene.Colour(0xd92d20ff)
  }

  /// The line around a card.
  package enum Frame {
    case plain, open, right, wrong

    init(isRight: Bool?) { self = isRight.map { $0 ? .right : .wrong } ?? .plain }

    var colour: Scene.Colour {
      switch self {
      case .plain: Colours.edge
      case .open: Palette.cue
      case .right: Palette.right
      case .wrong: Palette.wrong
      }
    }
  }

  /// Width over height.
  static let aspect = 0.7
  static let ranks = ["A", "2", "3", "4", "5", "6", "7", "8", "9", "10", "J", "Q", "K"]

  private struct Look: Hashable {
    let face: CardFace
    let value: Int?
    let height: Double
    let frame: Frame
  }
  private static let cards = Mutex<[Look: Scene.Sprite]>([:])

  /// Around its centre; a `value` of nil lies face down. The same sprite for the same look: renderers know it again.
  package static func card(_ face: CardFace, _ value: Int?, height: Double, frame: Frame = .plain) -> Scene.Sprite {
    let look = Look(face: face, value: value, height: height, frame: frame)
    return cards.withLock { cards in
      if let card = cards[look] { return card }
      let card = Scene.Sprite(shapes(look))
      cards[look] = card
      return card
    }
  }

  private static func shapes(_ look: Look) -> [Scene.Shape] {
    let height = look.height, width = height * aspect
    let line = Scene.Stroke(look.frame.colour, width: height * (look.frame == .plain ? 0.02 : 0.06))
    func sheet(_ paint: Scene.Paint) -> Scene.Shape {
      .rectangle(-width / 2, -height / 2, width, height, rounding: height * 0.08, paint, stroke: line)
    }
    guard let value = look.value else {
      return [
        sheet(.vertical(top: Colours.back.top, bottom: Colours.back.bottom)),
        .polygon(diamond(height * 0.5), .solid(Colours.backMark)),
      ]
    }
    let mark: [Scene.Shape] =
      switch look.face {
      case .color: [.circle(0, 0, radius: height * 0.24, .solid(value == 0 ? Palette.ink : Colours.red))]
      case .suit: suit(value, height * 0.56)
      case .rank: [.text(ranks[value], 0, -height * 0.18, height: height * 0.5, anchor: .middle, Palette.ink)]
      }
    return [sheet(.solid(Colours.paper))] + mark
  }

  private static func diamond(_ size: Double) -> [Scene.Point] {
    [Scene.Point(0, size / 2), Scene.Point(size * 0.36, 0), Scene.Point(0, -size / 2), Scene.Point(-size * 0.36, 0)]
  }

  /// Spades, diamonds, clubs, hearts, of this height: texts would be drawn as emoji by some browsers.
  private static func suit(_ value: Int, _ size: Double) -> [Scene.Shape] {
    let paint = Scene.Paint.solid(value & 1 == 0 ? Palette.ink : Colours.red)
    func disc(_ x: Double, _ y: Double, _ radius: Double) -> Scene.Shape {
      .circle(x * size, y * size, radius: radius * size, paint)
    }
    func area(_ points: [(Double, Double)]) -> Scene.Shape {
      .polygon(points.map { Scene.Point($0.0 * size, $0.1 * size) }, paint)
    }
    let stem = area([(0, 0.05), (0.17, -0.5), (-0.17, -0.5)])
    switch value {
    case 0: return [area([(0, 0.5), (0.43, 0), (-0.43, 0)]), disc(0.22, -0.09, 0.235), disc(-0.22, -0.09, 0.235), stem]
    case 1: return [.polygon(diamond(size), paint)]
    case 2: return [disc(0, 0.26, 0.22), disc(0.24, -0.1, 0.22), disc(-0.24, -0.1, 0.22), disc(0, 0.04, 0.12), stem]
    default:
      return [disc(0.215, 0.2, 0.235), disc(-0.215, 0.2, 0.235), area([(0, -0.48), (0.42, 0.09), (0, 0.24), (-0.42, 0.09)])]
    }
  }
}

/// What a card task was answered last.
struct CardAnswer: Sendable {
  let action: Int
  /// Nil where nothing was asked yet.
  let isRight: Bool?
}

/// The table that the card tasks are played on, 60 × 40: three places, a strip of small cards, how far the episode is.
struct CardTable {
  private static let width = 60.0, height = 40.0, margin = 2.5
  static let framesPerSecond = 4.0
  private static let cloth = Scene.Sprite([
    .rectangle(0, 0, width, height, .vertical(top: CardDrawing.Colours.table.top, bottom: CardDrawing.Colours.table.bottom))
  ])
  private static let track = Scene.Sprite([.rectangle(0, -0.3, 1, 0.6, .solid(CardDrawing.Colours.track))])
  private static let bar = Scene.Sprite([.rectangle(0, -0.3, 1, 0.6, .solid(CardDrawing.Colours.progress))])

  private(set) var scene = Scene(viewport: Scene.Viewport(width: width, height: height))

  /// - Parameters:
  ///   - title: what is to be done.
  ///   - done: of `count`, as `unit`s.
  init(_ title: String, _ unit: String, _ done: Int, of count: Int) {
    scene.add(Self.cloth)
    write(title, Self.margin, Self.height - 3.6, height: 2, .start, Palette.text)
    write("\(unit) \(done) of \(count)", Self.width - Self.margin, Self.height - 3.6, height: 1.7, .end)
    let length = Self.width - 2 * Self.margin
    scene.add(Self.track, at: Scene.Placement(x: Self.margin, y: 1.5, scaleX: length))
    scene.add(Self.bar, at: Scene.Placement(x: Self.margin, y: 1.5, scaleX: length * Double(done) / Double(max(count, 1))))
  }

  private mutating func write(
    _ text: String, _ x: Double, _ y: Double, height: Double, _ anchor: Scene.Shape.Anchor = .start,
    _ colour: Scene.Colour = CardDrawing.Colours.muted
  ) {
    scene.add(Scene.Sprite([.text(text, 0, 0, height: height, anchor: anchor, colour)]), at: Scene.Placement(x: x, y: y))
  }

  /// One of the three places, from the left: a card, or nothing yet.
  mutating func place(_ index: Int, _ label: String, _ face: CardFace, _ value: Int?, frame: CardDrawing.Frame = .plain) {
    place(index, label, value.map { CardDrawing.card(face, $0, height: 15, frame: frame) } ?? .empty)
  }

  /// The same with a number in it.
  mutating func place(_ index: Int, _ label: String, number: Int?, isRight: Bool?) {
    let colour = isRight.map { $0 ? Palette.right : Palette.wrong } ?? Palette.text
    place(index, label, number.map { Scene.Sprite([.text("\($0)", 0, -3, height: 8, anchor: .middle, colour)]) } ?? .empty)
  }

  private mutating func place(_ index: Int, _ label: String, _ sprite: Scene.Sprite) {
    let x = Self.width * (Double(index) + 0.5) / 3
    scene.add(sprite, at: Scene.Placement(x: x, y: 24))
    write(label, x, 13.4, height: 1.6, .middle)
  }

  /// Small cards below the places, row by row.
  mutating func strip(_ count: Int, _ card: (_ index: Int, _ height: Double) -> Scene.Sprite) {
    grid(count, from: 3, to: 11.8, card)
  }

  /// Cards all over the table.
  mutating func spread(_ count: Int, _ card: (_ index: Int, _ height: Double) -> Scene.Sprite) {
    grid(count, from: 3, to: Self.height - 5.2, card)
  }

  /// As many rows as make the cards largest.
  private mutating func grid(
    _ count: Int, from bottom: Double, to top: Double, _ card: (_ index: Int, _ height: Double) -> Scene.Sprite
  ) {
    let length = Self.width - 2 * Self.margin, share = 0.88
    func size(_ rows: Int) -> Double {
      let columns = (count + rows - 1) / rows
      return min((top - bottom) / Double(rows), length / Double(columns) / CardDrawing.aspect)
    }
    guard let rows = (1...max(count, 1)).max(by: { size($0) < size($1) }) else { return }
    let columns = (count + rows - 1) / rows, cell = size(rows)
    for index in 0..<count {
      let (row, column) = index.quotientAndRemainder(dividingBy: columns)
      scene.add(
        card(index, cell * share),
        at: Scene.Placement(
          x: Self.width / 2 + (Double(column) - Double(columns - 1) / 2) * cell * CardDrawing.aspect,
          y: (top + bottom) / 2 + (Double(rows - 1) / 2 - Double(row)) * cell))
    }
  }

  /// Small cards with a number below each.
  mutating func tally(_ face: CardFace, _ counts: [Int]) {
    let length = Self.width - 2 * Self.margin, cell = min(6, length / Double(counts.count))
    for (value, count) in counts.enumerated() {
      let x = Self.width / 2 + (Double(value) - Double(counts.count - 1) / 2) * cell
      scene.add(CardDrawing.card(face, value, height: 4.6), at: Scene.Placement(x: x, y: 8.8))
      write("\(count)", x, 4, height: 1.6, .middle, Palette.text)
    }
  }
}
