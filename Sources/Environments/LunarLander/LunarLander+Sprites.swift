/// The lander, its legs and its flames, drawn around the origins of their bodies. Lengths are Gymnasium's pixels, 30 to a
/// metre, so that they can be held against its numbers.

extension LunarLander {
  private enum Colours {
    static let shellTop = Scene.Colour(light: 0xffffffff, dark: 0xf4f6fbff)
    static let shellBottom = Scene.Colour(light: 0xb9bfd6ff, dark: 0x9aa3c2ff)
    static let outline = Scene.Colour(light: 0x3d4468ff, dark: 0x454d78ff)
    static let foilTop = Scene.Colour(0xffd45eff)
    static let foilBottom = Scene.Colour(0xc77d1fff)
    static let foilSeam = Scene.Colour(0x8a520fa0)
    static let metal = Scene.Colour(light: 0x4c5370ff, dark: 0x59617fff)
    static let metalDark = Scene.Colour(light: 0x2c3147ff, dark: 0x2a2f45ff)
    static let glassTop = Scene.Colour(0x9fe4ffff)
    static let glassBottom = Scene.Colour(0x1c4f9cff)
    static let gleam = Scene.Colour(0xffffffd0)
    static let beacon = Scene.Colour(0xff4d4dff)
    static let beaconGlow = Scene.Colour(0xff4d4d80)
    static let strut = Scene.Colour(light: 0x7a819cff, dark: 0xc2c9deff)
    static let foot = Scene.Colour(light: 0x4c5370ff, dark: 0x8d95b3ff)
    static let standing = Scene.Colour(0x3ddc84ff)
    static let standingGlow = Scene.Colour(0x3ddc8490)
    static let clear = Scene.Colour(0xffffff00)
    static let flame = Scene.Colour(0xff8a1eff)
    static let flameTip = Scene.Colour(0xff3c0000)
    static let core = Scene.Colour(0xfffbe0ff)
    static let coreTip = Scene.Colour(0xffc84000)
    static let glow = Scene.Colour(light: 0xff9a3066, dark: 0xff9a305c)
    static let glowEdge = Scene.Colour(0xff7a1000)
    static let gas = Scene.Colour(light: 0x5f7fd6e0, dark: 0xd5e6ffe0)
    static let gasTrail = Scene.Colour(light: 0x5f7fd670, dark: 0xd5e6ff60)
    static let gasTip = Scene.Colour(light: 0x5f7fd600, dark: 0xd5e6ff00)
    static let shadow = Scene.Colour(0x00000058)
    static let burst = Scene.Colour(0xfff3c4ff)
    static let burstEdge = Scene.Colour(0xff500000)
    static let spark = Scene.Colour(0xffa02cff)
  }

  private static func point(_ x: Double, _ y: Double) -> Scene.Point { Scene.Point(x / Geometry.scale, y / Geometry.scale) }

  private static func polygon(
    _ corners: [(Double, Double)], _ fill: Scene.Paint?, stroke: Scene.Colour? = nil, width: Double = 1
  ) -> Scene.Shape {
    .polygon(
      corners.map { point($0.0, $0.1) }, fill, stroke: stroke.map { Scene.Stroke($0, width: width / Geometry.scale) })
  }
  private static func line(_ points: [(Double, Double)], _ colour: Scene.Colour, width: Double) -> Scene.Shape {
    .line(points.map { point($0.0, $0.1) }, colour, width: width / Geometry.scale)
  }
  private static func circle(_ x: Double, _ y: Double, _ radius: Double, _ fill: Scene.Paint) -> Scene.Shape {
    .circle(x / Geometry.scale, y / Geometry.scale, radius: radius / Geometry.scale, fill)
  }

  // MARK: - The lander

  package static let hull = Scene.Sprite([
    // Antenna, engine bell, thrusters
    line([(-5, 17), (-5, 23)], Colours.metal, width: 1),
    circle(-5, 24, 4.5, .radial(centre: Colours.beaconGlow, edge: Colours.clear)),
    circle(-5, 24, 1.4, .solid(Colours.beacon)),
    polygon(
      [(-4, -9), (-7, -15), (7, -15), (4, -9)], .vertical(top: Colours.metal, bottom: Colours.metalDark), stroke: Colours.outline,
      width: 0.8),
    polygon([(-16, 9), (-20, 10.5), (-20, 5.5), (-16, 7)], .solid(Colours.metal)),
    polygon([(16, 9), (20, 10.5), (20, 5.5), (16, 7)], .solid(Colours.metal)),
    // The outline that Box2D collides: a shell on a base in foil
    polygon(
      [(-14, 17), (-17, 0), (17, 0), (14, 17)], .vertical(top: Colours.shellTop, bottom: Colours.shellBottom),
      stroke: Colours.outline),
    polygon(
      [(-17, 0), (-17, -10), (17, -10), (17, 0)], .vertical(top: Colours.foilTop, bottom: Colours.foilBottom),
      stroke: Colours.outline),
    line([(-9, -1), (-11, -9)], Colours.foilSeam, width: 0.8), line([(0, -1), (1, -9)], Colours.foilSeam, width: 0.8),
    line([(9, -1), (7, -9)], Colours.foilSeam, width: 0.8),
    // The window
    polygon(
      [(-8, 13), (-9.5, 5), (9.5, 5), (8, 13)], .vertical(top: Colours.glassTop, bottom: Colours.glassBottom),
      stroke: Colours.outline, width: 1.2),
    line([(-5.6, 11), (-6.4, 7.2)], Colours.gleam, width: 1.3), line([(-3.2, 11), (-3.6, 9.2)], Colours.gleam, width: 1.1),
  ])

  /// `side` as at the joint: the hull's centre is to the right of the left leg, at (20 side, 18) in the leg's frame.
  private static func leg(_ side: Double, _ foot: [Scene.Shape]) -> Scene.Sprite {
    Scene.Sprite(
      [
        line([(0, 7), (side * 11, 13)], Colours.outline, width: 3.4), line([(0, 7), (side * 11, 13)], Colours.strut, width: 2),
        line([(0, -3), (side * 10, 5)], Colours.strut, width: 1),
        line([(0, 8), (0, -6)], Colours.outline, width: 4.4), line([(0, 8), (0, -6)], Colours.strut, width: 2.8),
        line([(0, 2), (0, -6)], Colours.shellBottom, width: 1.4),
      ] + foot)
  }
  private static func foot(_ colour: Scene.Colour) -> Scene.Shape {
    .rectangle(
      -5 / Geometry.scale, -8 / Geometry.scale, 10 / Geometry.scale, 3 / Geometry.scale, rounding: 1.4 / Geometry.scale,
      .solid(colour), stroke: Scene.Stroke(Colours.outline, width: 0.7 / Geometry.scale))
  }
  /// In flight, and one that touches the ground: its foot lights up.
  package typealias LegSprites = (flying: Scene.Sprite, standing: Scene.Sprite)
  package static let leftLeg = legSprites(-1)
  package static let rightLeg = legSprites(1)

  private static func legSprites(_ side: Double) -> LegSprites {
    let glow = circle(0, -6, 12, .radial(centre: Colours.standingGlow, edge: Colours.clear))
    return (leg(side, [foot(Colours.foot)]), leg(side, [glow, foot(Colours.standing)]))
  }

  static let shadow = Scene.Sprite([
    // A flat ellipse
    polygon(
      (0..<24).map { part in
        let angle = Double(part) / 24 * 2 * .pi
        return (20 * angle.cosine, 2.6 * angle.sine)
      }, .solid(Colours.shadow))
  ])

  /// Its tip at the origin.
  static let pointer = Scene.Sprite([
    polygon([(0, 0), (-8, -12), (0, -8.5), (8, -12)], .solid(Colours.foilTop), stroke: Colours.outline)
  ])

  // MARK: - Flames

  /// Down from the engine bell, in lengths that follow each other as flicker.
  package static let mainFlames: [Scene.Sprite] = [0.82, 1.0, 0.9, 1.1, 0.86, 1.05, 0.95].map { length in
    Scene.Sprite([
      circle(0, -24, 34 * length, .radial(centre: Colours.glow, edge: Colours.glowEdge)),
      polygon(plume(halfWidth: 6.6, from: -15, length: 34 * length), .vertical(top: Colours.flame, bottom: Colours.flameTip)),
      polygon(plume(halfWidth: 3.6, from: -15, length: 20 * length), .vertical(top: Colours.core, bottom: Colours.coreTip)),
    ])
  }

  /// A drop that hangs from a bell: widest a quarter down, pointed at its end.
  private static func plume(halfWidth: Double, from top: Double, length: Double) -> [(Double, Double)] {
    let right: [(Double, Double)] = [(0.86, 0), (1, 0.12), (0.95, 0.3), (0.7, 0.55), (0.38, 0.78), (0.1, 0.96)].map {
      (halfWidth * $0.0, top - length * $0.1)
    }
    return right + [(0, top - length)] + right.reversed().map { (-$0.0, $0.1) }
  }

  /// The left engine blows to the left.
  package static let leftFlames = sideFlames(-1)
  package static let rightFlames = sideFlames(1)

  private static func sideFlames(_ side: Double) -> [Scene.Sprite] {
    [0.85, 1.1, 0.95, 1.2, 1.0].map { length in
      let end = 20 + 16 * length
      return Scene.Sprite([
        circle(side * 24, 8, 8 * length, .radial(centre: Colours.gas, edge: Colours.gasTip)),
        polygon(
          [(20, 9.4), (end * 0.85, 11.6), (end, 8), (end * 0.85, 4.4), (20, 6.6)].map { (side * $0.0, $0.1) },
          .solid(Colours.gasTrail)),
        polygon(
          [(20, 9), (end * 0.7, 9.4), (end * 0.8, 8), (end * 0.7, 6.6), (20, 7)].map { (side * $0.0, $0.1) },
          .solid(Colours.gas)),
      ])
    }
  }

  /// Over a hull that has struck the ground.
  package static let burst = Scene.Sprite(
    [circle(0, 0, 46, .radial(centre: Colours.burst, edge: Colours.burstEdge))]
      + (0..<9).map { ray in
        let angle = Double(ray) * 2.399, reach = 26 + 14 * Double(ray % 3)
        return line(
          [(angle.cosine * reach * 0.5, angle.sine * reach * 0.5), (angle.cosine * reach, angle.sine * reach)],
          Colours.spark, width: 2)
      })
}
