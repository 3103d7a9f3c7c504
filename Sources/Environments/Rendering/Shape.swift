/// What a sprite is made of.

extension Scene {
  /// An outline, what fills it and what is drawn along it.
  public struct Shape: Hashable, Sendable {
    /// What shapes there are.
    public enum Outline: Hashable, Sendable {
      /// Closed, of at least three points.
      case polygon([Point])
      /// An open line through the points.
      case line([Point])
      /// In the world's units.
      case circle(centre: Point, radius: Double)
      /// `corner` is the lower left one; `rounding` the radius of all four.
      case rectangle(corner: Point, width: Double, height: Double, rounding: Double)
      /// One line; `at` is on its baseline, `height` the font's size. Upright however the sprite is turned.
      case text(String, at: Point, height: Double, anchor: Anchor)
      /// A picture in a rectangle.
      case bitmap(Bitmap, corner: Point, width: Double, height: Double)
    }
    /// Which part of a text stands at its point.
    public enum Anchor: Int, Sendable {
      /// Its left end, its middle, its right end.
      case start, middle, end
    }

    /// Its form.
    public var outline: Outline
    /// Nil: see-through.
    public var fill: Paint?
    /// Nil: no line.
    public var stroke: Stroke?

    /// Without fill and stroke it is invisible.
    public init(_ outline: Outline, fill: Paint? = nil, stroke: Stroke? = nil) {
      (self.outline, self.fill, self.stroke) = (outline, fill, stroke)
    }
  }

  /// What fills a shape.
  public enum Paint: Hashable, Sendable {
    /// One colour everywhere.
    case solid(Colour)
    /// From the shape's upper edge to its lower one.
    case vertical(top: Colour, bottom: Colour)
    /// From the centre of the shape's bounds to half their larger side.
    case radial(centre: Colour, edge: Colour)
  }

  /// A line along an outline.
  public struct Stroke: Hashable, Sendable {
    /// Of the line.
    public var colour: Colour
    /// In world units; joins and ends are round.
    public var width: Double
    /// `width` in the world's units.
    public init(_ colour: Colour, width: Double) { (self.colour, self.width) = (colour, width) }
  }

  /// What a thing's colour is on a light and on a dark page, 0xRRGGBBAA each. Named where the thing is drawn.
  public struct Colour: Hashable, Sendable {
    /// 0xRRGGBBAA, on a light and on a dark page.
    public var light, dark: UInt32
    /// 0xRRGGBBAA each.
    public init(light: UInt32, dark: UInt32) { (self.light, self.dark) = (light, dark) }
    /// 0xRRGGBBAA, the same on both.
    public init(_ both: UInt32) { self.init(light: both, dark: both) }
  }

  /// Red, green and blue bytes, row-major, the upper row first.
  public struct Bitmap: Hashable, Sendable {
    /// In pixels.
    public let width, height: Int
    /// Red, green and blue, row after row from the top.
    public let pixels: [UInt8]
    /// `pixels` must have 3 · width · height bytes.
    public init(width: Int, height: Int, pixels: [UInt8]) {
      precondition(
        pixels.count == width * height * 3, "\(width) × \(height) pixels have \(width * height * 3) bytes, not \(pixels.count)")
      (self.width, self.height, self.pixels) = (width, height, pixels)
    }
  }
}

extension Scene.Shape {
  /// A closed polygon.
  public static func polygon(_ points: [Scene.Point], _ fill: Scene.Paint?, stroke: Scene.Stroke? = nil) -> Self {
    Self(.polygon(points), fill: fill, stroke: stroke)
  }
  /// An open line through the points.
  public static func line(_ points: [Scene.Point], _ colour: Scene.Colour, width: Double) -> Self {
    Self(.line(points), stroke: Scene.Stroke(colour, width: width))
  }
  /// A circle around (x, y).
  public static func circle(_ x: Double, _ y: Double, radius: Double, _ fill: Scene.Paint?, stroke: Scene.Stroke? = nil) -> Self {
    Self(.circle(centre: Scene.Point(x, y), radius: radius), fill: fill, stroke: stroke)
  }
  /// A rectangle by one corner and its extent.
  public static func rectangle(
    _ x: Double, _ y: Double, _ width: Double, _ height: Double, rounding: Double = 0, _ fill: Scene.Paint?,
    stroke: Scene.Stroke? = nil
  ) -> Self {
    Self(.rectangle(corner: Scene.Point(x, y), width: width, height: height, rounding: rounding), fill: fill, stroke: stroke)
  }
  /// A line of text, its size in the world's units.
  public static func text(
    _ text: String, _ x: Double, _ y: Double, height: Double, anchor: Anchor = .start, _ colour: Scene.Colour
  ) -> Self {
    Self(.text(text, at: Scene.Point(x, y), height: height, anchor: anchor), fill: .solid(colour))
  }
}
