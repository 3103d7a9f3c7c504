/// Cart and pole as they are, whatever the agent is shown of them. Metres.

extension PartialCartPole: Drawable {
  public var framesPerSecond: Double { 50 }

  public func scene() -> Scene {
    let text =
      switch observed {
      case .position(let noise): noise > 0 ? "seen: positions, noise \(noise)" : "seen: positions"
      case .velocity: "seen: velocities"
      }
    var scene = Scene(viewport: Scene.Viewport(x: -3, y: -0.6, width: 6, height: 2.6))
    scene.add(Self.track)
    scene.add(Scene.Sprite([.text(text, 0, 0, height: 0.16, Palette.text)]), at: Scene.Placement(x: -2.85, y: 1.75))
    scene.add(
      Scene.Sprite([.text("step \(stepsTaken) of \(timeLimit)", 0, 0, height: 0.16, anchor: .end, Palette.text)]),
      at: Scene.Placement(x: 2.85, y: 1.75))
    scene.add(lastAction.map { Self.pushes[$0] } ?? .empty, at: Scene.Placement(x: state.x))
    scene.add(Self.cart, at: Scene.Placement(x: state.x))
    // A positive angle leans to the right.
    scene.add(Self.pole, at: Scene.Placement(x: state.x, angle: -state.angle))
    return scene
  }

  private static let line = Scene.Colour(light: 0x59616bff, dark: 0x7a8490ff)
  private static let track = Scene.Sprite([
    .rectangle(-3, -0.6, 6, 2.6, Palette.air),
    .line([Scene.Point(-3, -0.15), Scene.Point(3, -0.15)], line, width: 0.03),
    .line([Scene.Point(-Limit.x, -0.3), Scene.Point(-Limit.x, 0)], Palette.wrong, width: 0.04),
    .line([Scene.Point(Limit.x, -0.3), Scene.Point(Limit.x, 0)], Palette.wrong, width: 0.04),
  ])
  package static let cart = Scene.Sprite([
    .circle(-0.15, -0.11, radius: 0.05, .solid(line)), .circle(0.15, -0.11, radius: 0.05, .solid(line)),
    .rectangle(
      -0.25, -0.09, 0.5, 0.2, rounding: 0.04,
      .vertical(top: Scene.Colour(light: 0x4c86f0ff, dark: 0x6ea8ffff), bottom: Scene.Colour(light: 0x2356b8ff, dark: 0x3a6fd0ff))
    ),
  ])
  /// Pointing up from its joint, as long as the equations have it.
  package static let pole = Scene.Sprite([
    .line([Scene.Point(0, 0), Scene.Point(0, 1)], Scene.Colour(light: 0xb9793aff, dark: 0xe0a565ff), width: 0.08),
    .circle(0, 0, radius: 0.045, .solid(Palette.text)),
  ])
  /// LEFT and RIGHT, beside the cart.
  package static let pushes = [-1.0, 1].map { way in
    Scene.Sprite([
      .line([Scene.Point(0.32 * way, 0), Scene.Point(0.6 * way, 0)], Palette.right, width: 0.05),
      .polygon([Scene.Point(0.75 * way, 0), Scene.Point(0.58 * way, 0.1), Scene.Point(0.58 * way, -0.1)], .solid(Palette.right)),
    ])
  }
}
