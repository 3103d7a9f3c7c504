/// What is drawn of a task that goes along a line of places, one or a million: those around the agent, and a small map.

package struct CorridorDrawing {
  enum Colours {
    static let ground = (
      top: Scene.Colour(light: 0xeef1f7ff, dark: 0x161b26ff), bottom: Scene.Colour(light: 0xdde3efff, dark: 0x10141dff)
    )
    static let line = Scene.Colour(light: 0xb4bfd0ff, dark: 0x36404fff)
    static let floor = [Scene.Colour(light: 0xffffffff, dark: 0x2a3242ff), Scene.Colour(light: 0xf3f6fbff, dark: 0x252d3cff)]
    static let wall = Scene.Colour(light: 0x8592a8ff, dark: 0x4a566cff)
    static let agent = Scene.Colour(light: 0x2f6fedff, dark: 0x5b9bffff)
    static let agentEdge = Scene.Colour(light: 0x1c4db0ff, dark: 0xb9d4ffff)
    /// `Palette.cue` where it is no longer seen.
    static let faded = Scene.Colour(light: 0xe39b0040, dark: 0xffc53d40)
    static let goal = Scene.Colour(light: 0xbfe6d2ff, dark: 0x1d4a38ff)
    static let dead = Scene.Colour(light: 0xf3d3ccff, dark: 0x4a2a27ff)
  }

  static let framesPerSecond = 8.0
  static let width = 48.0, height = 13.0, cell = 2.0
  /// Where the line of places is.
  static let middle = 5.0
  /// Places that are drawn at most; the outermost two are cut off by the picture's edges.
  static let seen = 26
  private static let ground = Scene.Sprite([
    .rectangle(0, 0, width, height, .vertical(top: Colours.ground.top, bottom: Colours.ground.bottom)),
    .line([Scene.Point(3, height - 3.4), Scene.Point(width - 3, height - 3.4)], Colours.line, width: 0.25),
  ])
  private static let mark = Scene.Sprite([.circle(0, 0, radius: 0.42, .solid(Colours.agent))])
  package static let agent = Scene.Sprite([
    .circle(0, 0, radius: 0.62, .solid(Colours.agent), stroke: Scene.Stroke(Colours.agentEdge, width: 0.14))
  ])

  private let count: Int
  /// The place in the picture's middle, a fraction.
  private let centre: Double
  private(set) var scene = Scene(viewport: Scene.Viewport(width: width, height: height))

  /// - Parameters:
  ///   - place: where the agent is, of `count` places counted from 0.
  ///   - time: steps taken, of `limit`.
  init(_ title: String, place: Int, of count: Int, time: Int, limit: Int) {
    self.count = count
    let whole = Double(count - 1) / 2, half = Self.width / Self.cell / 2 - 1.5
    centre = whole <= half ? whole : min(max(Double(place), half), Double(count - 1) - half)
    scene.add(Self.ground)
    write(title, x: 3, Self.height - 2, .start, Palette.text)
    write("step \(time) of \(limit)", x: Self.width - 3, Self.height - 2, .end)
    let share = Double(place) / Double(max(count - 1, 1))
    scene.add(Self.mark, at: Scene.Placement(x: 3 + (Self.width - 6) * share, y: Self.height - 3.4))
  }

  private mutating func write(
    _ text: String, x: Double, _ y: Double, _ anchor: Scene.Shape.Anchor = .start, _ colour: Scene.Colour = Palette.muted
  ) {
    scene.add(Scene.Sprite([.text(text, 0, 0, height: 1.3, anchor: anchor, colour)]), at: Scene.Placement(x: x, y: y))
  }

  /// Where the picture has a place.
  func x(_ place: Int) -> Double { Self.width / 2 + (Double(place) - centre) * Self.cell }

  /// Always as many items, those out of sight empty: such frames pack smallest.
  mutating func addPlaces(_ sprite: (_ place: Int) -> Scene.Sprite) {
    let first = Int((centre - Double(Self.seen - 1) / 2).rounded(.up))
    for place in first..<first + Self.seen {
      scene.add(
        0..<count ~= place ? sprite(place) : .empty, at: Scene.Placement(x: x(place), y: Self.middle))
    }
  }

  /// `up` cells above the line.
  mutating func add(_ sprite: Scene.Sprite, at place: Int, up: Double = 0) {
    let x = x(place), isSeen = x > -2 * Self.cell && x < Self.width + 2 * Self.cell
    scene.add(isSeen ? sprite : .empty, at: Scene.Placement(x: isSeen ? x : 0, y: Self.middle + up * Self.cell))
  }
}
