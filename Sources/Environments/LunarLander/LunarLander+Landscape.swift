/// What stands still in an episode: sky, stars, a planet, hills, the moon's ground, the pad and its flags.

extension LunarLander {
  private enum Colours {
    static let zenith = Scene.Colour(light: 0xa9c4eeff, dark: 0x060817ff)
    static let horizon = Scene.Colour(light: 0xfdf0e2ff, dark: 0x27285cff)
    static let star = Scene.Colour(light: 0xffffffb0, dark: 0xffffffe0)
    static let faintStar = Scene.Colour(light: 0xffffff70, dark: 0xc9d4ff90)
    static let planetLit = Scene.Colour(light: 0xffffffff, dark: 0x8fd3ffff)
    static let planet = Scene.Colour(light: 0xd6e4fbff, dark: 0x2a63c8ff)
    static let land = Scene.Colour(light: 0xc3d6f3ff, dark: 0x4fae86c8)
    static let night = Scene.Colour(light: 0x8fa9d850, dark: 0x040614b8)
    static let halo = Scene.Colour(light: 0xffffffa0, dark: 0x5fa8ff60)
    static let haloEdge = Scene.Colour(light: 0xffffff00, dark: 0x5fa8ff00)
    static let farHills = Scene.Colour(light: 0xd5d0dfff, dark: 0x1e2150ff)
    static let nearHills = Scene.Colour(light: 0xb9b5c9ff, dark: 0x2b2d5eff)
    static let groundTop = Scene.Colour(light: 0x9793aaff, dark: 0x8a8cabff)
    static let groundBottom = Scene.Colour(light: 0x5f5b74ff, dark: 0x22233fff)
    static let rim = Scene.Colour(light: 0xf6f3faff, dark: 0xd9dcf5ff)
    static let crater = Scene.Colour(light: 0x5a567040, dark: 0x14152c60)
    static let padTop = Scene.Colour(light: 0x535a78ff, dark: 0x4b5273ff)
    static let padBottom = Scene.Colour(light: 0x383d55ff, dark: 0x282d47ff)
    static let padLight = Scene.Colour(light: 0xffb300ff, dark: 0xffd54dff)
    static let padGlow = Scene.Colour(light: 0xffb30066, dark: 0xffd54d70)
    static let padGlowEdge = Scene.Colour(light: 0xffb30000, dark: 0xffd54d00)
    static let pole = Scene.Colour(light: 0x4a4f66ff, dark: 0xe7eaf6ff)
    static let flagTop = Scene.Colour(0xffc53dff)
    static let flagBottom = Scene.Colour(0xf08a12ff)
  }

  /// Drawn once an episode: the same sprite in every frame.
  static func landscape(of terrain: Terrain) -> Scene.Sprite {
    Scene.Sprite(sky + hills + ground(terrain) + pad(terrain) + [Geometry.padLeft, Geometry.padRight].flatMap(flag))
  }

  private static var sky: [Scene.Shape] {
    let stars = (0..<90).map { index -> Scene.Shape in
      // Points that fill the plane evenly without lying in rows (multiples of two irrational numbers).
      let x = (Double(index) * 0.754_877_666).truncatingRemainder(dividingBy: 1) * Geometry.width
      let y = (Double(index) * 0.569_840_291 + 0.13).truncatingRemainder(dividingBy: 1) * Geometry.skyHeight
      let size = index % 11 == 0 ? 0.05 : index % 3 == 0 ? 0.032 : 0.022
      return .circle(x, y, radius: size, .solid(index % 3 == 0 ? Colours.star : Colours.faintStar))
    }
    let (x, y, radius) = (16.6, 12.1, 1.05)
    func land(_ dx: Double, _ dy: Double, _ width: Double, _ height: Double, turn: Double) -> Scene.Shape {
      .polygon(ellipse(x + dx, y + dy, width, height, turn: turn), .solid(Colours.land))
    }
    // The side away from the sun: between the planet's edge and an arc through its middle.
    let night = (0...20).map { Double($0) / 20 * .pi - .pi * 0.75 }
    let shade =
      night.map { Scene.Point(x + radius * $0.cosine, y + radius * $0.sine) }
      + night.reversed().map { angle in
        let (across, along) = (0.35 * (angle + .pi * 0.25).cosine, (angle + .pi * 0.25).sine)
        let (c, s) = ((-Double.pi * 0.25).cosine, (-Double.pi * 0.25).sine)
        return Scene.Point(x + radius * (across * c - along * s), y + radius * (across * s + along * c))
      }
    return [.rectangle(0, 0, Geometry.width, Geometry.skyHeight, .vertical(top: Colours.zenith, bottom: Colours.horizon))]
      + stars + [
        .circle(x, y, radius: 2.1, .radial(centre: Colours.halo, edge: Colours.haloEdge)),
        .circle(x, y, radius: radius, .vertical(top: Colours.planetLit, bottom: Colours.planet)),
        land(-0.35, 0.3, 0.42, 0.2, turn: 0.5), land(0.1, -0.2, 0.3, 0.36, turn: -0.3), land(-0.5, -0.35, 0.22, 0.14, turn: 0.2),
        .polygon(shade, .solid(Colours.night)),
      ]
  }

  /// Two ranges far away, the same in every episode.
  private static var hills: [Scene.Shape] {
    func range(_ base: Double, _ height: Double, _ phase: Double, _ colour: Scene.Colour) -> Scene.Shape {
      let ridge = (0...50).map { index -> Scene.Point in
        let x = Double(index) / 50 * Geometry.width
        let wave = (x * 0.9 + phase).sine * 0.5 + (x * 2.3 + phase * 2).sine * 0.3 + (x * 5.1 + phase * 3).sine * 0.2
        return Scene.Point(x, base + height * wave)
      }
      return .polygon([Scene.Point(0, 0)] + ridge + [Scene.Point(Geometry.width, 0)], .solid(colour))
    }
    return [range(4.6, 0.8, 0.4, Colours.farHills), range(3.7, 0.7, 2.1, Colours.nearHills)]
  }

  private static func ground(_ terrain: Terrain) -> [Scene.Shape] {
    let step = Geometry.width / Double(Terrain.edgeCount)
    let surface = terrain.corners.enumerated().map { Scene.Point(Double($0) * step, $1) }
    let craters = (0..<9).map { index -> Scene.Shape in
      let x = (Double(index) * 0.618_034 + 0.07).truncatingRemainder(dividingBy: 1) * Geometry.width
      let depth = 0.45 + 0.38 * Double(index % 4)
      let width = 0.28 + 0.13 * Double(index % 3)
      return .polygon(ellipse(x, terrain.height(at: x) - depth, width, width * 0.34, turn: 0), .solid(Colours.crater))
    }
    return [
      .polygon(
        [Scene.Point(0, 0)] + surface + [Scene.Point(Geometry.width, 0)],
        .vertical(top: Colours.groundTop, bottom: Colours.groundBottom))
    ] + craters + [.line(surface, Colours.rim, width: 0.07)]
  }

  /// Sunk into the ground, so that what stands on it stands on the ground that Box2D knows.
  private static func pad(_ terrain: Terrain) -> [Scene.Shape] {
    let (left, right) = (Geometry.padLeft, Geometry.padRight)
    let top = terrain.corners[Terrain.edgeCount / 2]
    let lights = (0...8).flatMap { index -> [Scene.Shape] in
      let x = left + 0.2 + Double(index) / 8 * (right - left - 0.4)
      return [
        .circle(x, top - 0.14, radius: 0.22, .radial(centre: Colours.padGlow, edge: Colours.padGlowEdge)),
        .circle(x, top - 0.14, radius: 0.055, .solid(Colours.padLight)),
      ]
    }
    return [
      .rectangle(left, top - 0.28, right - left, 0.28, .vertical(top: Colours.padTop, bottom: Colours.padBottom)),
      .line([Scene.Point(left, top), Scene.Point(right, top)], Colours.rim, width: 0.07),
    ] + lights
  }

  private static func flag(at x: Double) -> [Scene.Shape] {
    let foot = Geometry.padHeight, top = foot + 50 / Geometry.scale
    // A pennant that sags a little towards its tip.
    let upper = [(0.0, 0.0), (0.3, -0.05), (0.58, -0.04), (0.88, -0.2)]
    let lower = [(0.55, -0.33), (0.28, -0.36), (0.0, -0.44)]
    return [
      .line([Scene.Point(x, foot - 0.04), Scene.Point(x, top)], Colours.pole, width: 0.06),
      .polygon(
        (upper + lower).map { Scene.Point(x + $0.0, top + $0.1) }, .vertical(top: Colours.flagTop, bottom: Colours.flagBottom)),
      .circle(x, top, radius: 0.06, .solid(Colours.pole)),
    ]
  }

  private static func ellipse(_ x: Double, _ y: Double, _ width: Double, _ height: Double, turn: Double) -> [Scene.Point] {
    (0..<20).map { part in
      let angle = Double(part) / 20 * 2 * .pi
      let (dx, dy) = (width * angle.cosine, height * angle.sine)
      return Scene.Point(x + dx * turn.cosine - dy * turn.sine, y + dx * turn.sine + dy * turn.cosine)
    }
  }
}
