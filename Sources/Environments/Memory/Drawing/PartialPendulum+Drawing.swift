/// The pendulum as it hangs, and the torque on it, whatever the agent is shown. Its rod is one metre long.

extension PartialPendulum: Drawable {
  public var framesPerSecond: Double { 20 }

  public func scene() -> Scene {
    var scene = Scene(viewport: Scene.Viewport(x: -2.1, y: -1.4, width: 4.2, height: 2.8))
    scene.add(Self.wall)
    scene.add(
      Scene.Sprite([.text(noise > 0 ? "seen: the angle, noise \(noise)" : "seen: the angle", 0, 0, height: 0.12, Palette.text)]),
      at: Scene.Placement(x: -2, y: 1.22))
    scene.add(
      Scene.Sprite([.text("step \(stepsTaken) of \(timeLimit)", 0, 0, height: 0.12, anchor: .end, Palette.text)]),
      at: Scene.Placement(x: 2, y: 1.22))
    // 0 is upright; both count counterclockwise.
    scene.add(Self.rod, at: Scene.Placement(angle: angle))
    scene.add(Self.arc(torque))
    scene.add(Self.joint)
    return scene
  }

  /// Around the joint, the wider the stronger the torque (N·m).
  private static func arc(_ torque: Double) -> Scene.Sprite {
    guard torque != 0 else { return .empty }
    let end = torque * 1.2, radius = 0.42
    func point(_ angle: Double, _ radius: Double) -> Scene.Point { Scene.Point(-radius * angle.sine, radius * angle.cosine) }
    let points = (0...16).map { point(end * Double($0) / 16, radius) }
    let tip = end + (torque > 0 ? 0.35 : -0.35)
    return Scene.Sprite([
      .line(points, Palette.right, width: 0.05),
      .polygon([point(tip, radius), point(end, radius + 0.1), point(end, radius - 0.1)], .solid(Palette.right)),
    ])
  }

  private static let wall = Scene.Sprite([
    .rectangle(-2.1, -1.4, 4.2, 2.8, Palette.air),
    .line([Scene.Point(0, 1), Scene.Point(0, 1.15)], Scene.Colour(light: 0xb4bfd0ff, dark: 0x4a5568ff), width: 0.03),
  ])
  /// Pointing up from its joint.
  package static let rod = Scene.Sprite([
    .line([Scene.Point(0, 0), Scene.Point(0, 0.9)], Scene.Colour(light: 0xc84f4fff, dark: 0xe07a6aff), width: 0.2)
  ])
  private static let joint = Scene.Sprite([.circle(0, 0, radius: 0.06, .solid(Palette.text))])
}
