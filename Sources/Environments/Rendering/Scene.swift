/// One picture of an environment in its own units: what is where. How it becomes pixels is the business of `Rendering`.

/// Sprites laid on top of each other in the order of `items`; x points right and y up.
///
/// What moves together is one sprite, drawn around its own origin, so that a frame is a handful of places: it packs small,
/// and a renderer keeps what stands still. An environment that gives every sprite the same index in every frame (`.empty`
/// where it is not seen) packs smallest.
public struct Scene: Equatable, Sendable {
  /// The part of the world that is shown.
  public var viewport: Viewport
  /// From the back to the front.
  public var items: [Item]

  /// A scene of these items, or an empty one.
  public init(viewport: Viewport, items: [Item] = []) { (self.viewport, self.items) = (viewport, items) }

  /// Puts it before everything that is there.
  public mutating func add(_ sprite: Sprite, at placement: Placement = Placement()) {
    items.append(Item(sprite: sprite, placement: placement))
  }
}

extension Scene {
  /// In the world's own units.
  public struct Point: Equatable, Hashable, Sendable {
    /// To the right, and upward.
    public var x, y: Double
    /// At these coordinates.
    public init(_ x: Double, _ y: Double) { (self.x, self.y) = (x, y) }
  }

  /// The part of the world that is seen; (x, y) is its lower left corner.
  public struct Viewport: Equatable, Sendable {
    /// The lower left corner and the extent, in the world's units.
    public var x, y, width, height: Double
    /// A rectangle whose corner is the origin unless said otherwise.
    public init(x: Double = 0, y: Double = 0, width: Double, height: Double) {
      precondition(width > 0 && height > 0, "a viewport of \(width) × \(height) shows nothing")
      (self.x, self.y, self.width, self.height) = (x, y, width, height)
    }
  }

  /// A sprite in its place.
  public struct Item: Equatable, Sendable {
    /// What is drawn.
    public var sprite: Sprite
    /// Where, how large and how turned.
    public var placement: Placement
    /// That sprite there.
    public init(sprite: Sprite, placement: Placement) { (self.sprite, self.placement) = (sprite, placement) }
  }

  /// Scaled about the sprite's origin, then turned by `angle` (radians, counterclockwise), then moved to (x, y).
  public struct Placement: Equatable, Sendable {
    /// Where its origin comes to lie; radians; factors.
    public var x, y, angle, scaleX, scaleY: Double
    /// As it was drawn, unless said otherwise.
    public init(x: Double = 0, y: Double = 0, angle: Double = 0, scaleX: Double = 1, scaleY: Double = 1) {
      (self.x, self.y, self.angle, self.scaleX, self.scaleY) = (x, y, angle, scaleX, scaleY)
    }
  }

  /// Shapes that move together. A class, because a renderer tells the sprites of two frames apart by identity first.
  public final class Sprite: Equatable, Sendable {
    /// From the back to the front, around the sprite's own origin.
    public let shapes: [Shape]
    /// Of these shapes.
    public init(_ shapes: [Shape]) { self.shapes = shapes }

    /// Nothing to see.
    public static let empty = Sprite([])
    public static func == (a: Sprite, b: Sprite) -> Bool { a === b || a.shapes == b.shapes }
  }
}
