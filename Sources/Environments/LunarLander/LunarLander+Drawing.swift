/// LunarLander as it is seen: which sprite is where. What they look like stands in `LunarLander+Sprites.swift` and
/// `LunarLander+Landscape.swift`.
import CBox2D

extension LunarLander: Drawable {
  public var framesPerSecond: Double { Geometry.framesPerSecond }

  /// Every frame has the same ten sprites: landscape, shadow, three flames, two legs, hull, burst, pointer.
  public func scene() -> Scene {
    guard let world else { preconditionFailure("reset LunarLander before it is drawn") }
    let lander = world.lander, (left, right) = world.legs
    let hull = Self.placement(of: lander)
    func flame(_ action: Action, _ sprites: [Scene.Sprite]) -> Scene.Item {
      // Flickers, the same way in every drawing of the same step.
      let isFiring = lastAction == action
      return Scene.Item(sprite: isFiring ? sprites[(stepsTaken * 5) % sprites.count] : .empty, placement: hull)
    }
    func leg(_ body: CBox2DBodyState, _ sprites: LegSprites) -> Scene.Item {
      Scene.Item(sprite: body.touching ? sprites.standing : sprites.flying, placement: Self.placement(of: body))
    }
    let wreck = lander.hasTouched
    return Scene(
      viewport: Scene.Viewport(width: Geometry.width, height: Geometry.skyHeight),
      items: [
        Scene.Item(sprite: world.landscape, placement: Scene.Placement()), shadow(of: hull, on: world.terrain),
        flame(.main, Self.mainFlames), flame(.left, Self.leftFlames), flame(.right, Self.rightFlames),
        leg(left, Self.leftLeg), leg(right, Self.rightLeg),
        Scene.Item(sprite: Self.hull, placement: hull), Scene.Item(sprite: wreck ? Self.burst : .empty, placement: hull),
        pointer(to: hull),
      ])
  }

  private static func placement(of body: CBox2DBodyState) -> Scene.Placement {
    Scene.Placement(x: Double(body.x), y: Double(body.y), angle: Double(body.angle))
  }

  /// Where a lander that has left the picture upwards is.
  private func pointer(to hull: Scene.Placement) -> Scene.Item {
    let isAbove = hull.y > Geometry.skyHeight + 0.4
    return Scene.Item(
      sprite: isAbove ? Self.pointer : .empty,
      placement: Scene.Placement(x: min(max(hull.x, 0.4), Geometry.width - 0.4), y: Geometry.skyHeight - 0.15))
  }

  /// Straight below on the ground, the wider and fainter the higher the lander is: the eye reads the height from it.
  private func shadow(of hull: Scene.Placement, on terrain: Terrain) -> Scene.Item {
    let ground = terrain.height(at: hull.x)
    let height = max(0, hull.y - ground)
    guard height < 5 else { return Scene.Item(sprite: .empty, placement: Scene.Placement()) }
    return Scene.Item(
      sprite: Self.shadow, placement: Scene.Placement(x: hull.x, y: ground, scaleX: 1 + height / 6, scaleY: 1 - height / 6))
  }
}

extension LunarLander.Terrain {
  /// Metres at x metres from the left edge; beyond the edges, the edge's.
  func height(at x: Double) -> Double {
    let position = min(max(x / (LunarLander.Geometry.width / Double(Self.edgeCount)), 0), Double(Self.edgeCount))
    let edge = min(Int(position), Self.edgeCount - 1)
    return corners[edge] + (corners[edge + 1] - corners[edge]) * (position - Double(edge))
  }
}
