/// The road as it is seen from above, moving along with the agent's vehicle, which is a third from the left. The scene's
/// y points up, the road's down: LANE_RIGHT is downwards here as in highway-env's own pictures.
import Synchronization

extension Highway: Drawable {
  public var framesPerSecond: Double { Double(options.simulationFrequency) }

  public mutating func step(
    _ action: Int, into observation: UnsafeMutableBufferPointer<Float>, showing show: (Scene) throws -> Void
  ) rethrows -> Step {
    begin(action)
    for _ in 0..<framesPerStep {
      simulate(frameDuration)
      try show(scene())
    }
    return end(into: observation)
  }

  /// The road, then the vehicles in the traffic's order, the agent's last; those out of sight as empty sprites.
  public func scene() -> Scene {
    precondition(!traffic.vehicles.isEmpty, "reset Highway before it is drawn")
    let ego = traffic.vehicles[0]
    let height = Road.laneWidth * Double(options.laneCount) + 2 * Drawing.verge
    let width = height * Drawing.aspect
    let view = Scene.Viewport(
      x: ego.x - width * 0.3, y: -(Road.centre(ofLane: options.laneCount - 1) + Road.laneWidth / 2 + Drawing.verge),
      width: width, height: height)
    var scene = Scene(viewport: view)
    // The road repeats itself, so that one sprite does for all of it.
    let start = (view.x / Drawing.period).rounded(.down) * Drawing.period
    scene.add(Drawing.road(laneCount: options.laneCount), at: Scene.Placement(x: start))
    for index in Array(traffic.vehicles.indices.dropFirst()) + [0] {
      let vehicle = traffic.vehicles[index]
      let isSeen = vehicle.x > view.x - Vehicle.length && vehicle.x < view.x + view.width + Vehicle.length
      guard isSeen else {
        scene.add(.empty)
        continue
      }
      scene.add(
        Drawing.sprite(of: vehicle, isEgo: index == 0, index: index),
        at: Scene.Placement(x: vehicle.x, y: -vehicle.y, angle: -vehicle.heading))
    }
    scene.add(
      Drawing.speed(ego.speed), at: Scene.Placement(x: view.x + 0.98 * view.width, y: view.y + view.height - Drawing.verge * 0.62)
    )
    return scene
  }
}

extension Highway {
  package enum Drawing {
    /// Grass on either side, metres.
    static let verge = 4.0
    /// Width over height of the picture.
    static let aspect = 4.2
    /// Metres after which the road looks the same again: four dashes and the bushes beside them.
    static let period = 48.0

    private enum Colours {
      static let grassTop = Scene.Colour(light: 0xcfe3c0ff, dark: 0x16241dff)
      static let grassBottom = Scene.Colour(light: 0xb9d4a6ff, dark: 0x111c17ff)
      static let bush = Scene.Colour(light: 0x86b36eff, dark: 0x24402fff)
      static let bushLit = Scene.Colour(light: 0xa3cb8bff, dark: 0x335a43ff)
      static let asphalt = Scene.Colour(light: 0x6b7280ff, dark: 0x2a2f3aff)
      static let shoulder = Scene.Colour(light: 0x858c99ff, dark: 0x363c49ff)
      static let mark = Scene.Colour(light: 0xffffffff, dark: 0xc7cddaff)
      /// Behind words, so that no bush is.
      static let plate = Scene.Colour(light: 0xe4efd9ff, dark: 0x101a15ff)
      static let shadow = Scene.Colour(0x00000048)
      static let glassTop = Scene.Colour(light: 0x24344fff, dark: 0x101828ff)
      static let glassBottom = Scene.Colour(light: 0x3f5880ff, dark: 0x2a3d5cff)
      static let headlight = Scene.Colour(light: 0xfff6cfff, dark: 0xfff3b8ff)
      static let beam = Scene.Colour(light: 0xfff3b800, dark: 0xfff3b838)
      static let beamEnd = Scene.Colour(0xfff3b800)
      static let tail = Scene.Colour(light: 0x9b2226ff, dark: 0x7a1f24ff)
      static let brake = Scene.Colour(0xff2d2dff)
      static let brakeGlow = Scene.Colour(0xff2d2d90)
      static let brakeGlowEdge = Scene.Colour(0xff2d2d00)
      /// The agent's own; the others are greys and blues, and a wreck is red.
      static let ego = (top: Scene.Colour(0x5ef0a3ff), bottom: Scene.Colour(0x16a562ff))
      static let crashed = (top: Scene.Colour(0xff7b6bff), bottom: Scene.Colour(0xc92a2aff))
      static let others = [
        (top: Scene.Colour(light: 0xf3f5f9ff, dark: 0xdfe4eeff), bottom: Scene.Colour(light: 0xc3cad8ff, dark: 0x9ba5b8ff)),
        (top: Scene.Colour(light: 0x9dbdf5ff, dark: 0x86acf0ff), bottom: Scene.Colour(light: 0x5179c2ff, dark: 0x426bb5ff)),
        (top: Scene.Colour(light: 0xf7d394ff, dark: 0xf2c878ff), bottom: Scene.Colour(light: 0xd09b45ff, dark: 0xb98434ff)),
        (top: Scene.Colour(light: 0xc8b6f0ff, dark: 0xb8a2eaff), bottom: Scene.Colour(light: 0x8a72c4ff, dark: 0x7a61b8ff)),
      ]
      static let outline = Scene.Colour(light: 0x2b3140c0, dark: 0x06080cc0)
      static let smoke = Scene.Colour(light: 0x40404090, dark: 0xb0b0b070)
      static let smokeEdge = Scene.Colour(light: 0x40404000, dark: 0xb0b0b000)
    }

    // MARK: - The road

    /// The same sprite for the same number of lanes: renderers know it again.
    static func road(laneCount: Int) -> Scene.Sprite {
      roads.withLock { roads in
        if let road = roads[laneCount] { return road }
        let road = makeRoad(laneCount: laneCount)
        roads[laneCount] = road
        return road
      }
    }
    private static let roads = Mutex<[Int: Scene.Sprite]>([:])

    private static func makeRoad(laneCount: Int) -> Scene.Sprite {
      let top = Road.laneWidth / 2, bottom = -(Road.centre(ofLane: laneCount - 1) + Road.laneWidth / 2)
      // Long enough to fill the picture wherever in its period it begins.
      let length = (top - bottom + 2 * verge) * aspect + 2 * period
      var shapes: [Scene.Shape] = [
        .rectangle(
          0, bottom - verge, length, top - bottom + 2 * verge, .vertical(top: Colours.grassTop, bottom: Colours.grassBottom)),
        .rectangle(0, bottom - 0.9, length, top - bottom + 1.8, .solid(Colours.shoulder)),
        .rectangle(0, bottom, length, top - bottom, .solid(Colours.asphalt)),
        .rectangle(0, top - 0.3, length, 0.16, .solid(Colours.mark)),
        .rectangle(0, bottom + 0.14, length, 0.16, .solid(Colours.mark)),
      ]
      for dash in 0..<Int(length / 12) {
        let x = Double(dash) * 12
        for lane in 1..<max(laneCount, 1) {
          shapes.append(.rectangle(x, -Road.laneWidth * (Double(lane) - 0.5) - 0.08, 4.5, 0.16, .solid(Colours.mark)))
        }
        // Two bushes beside every fourth dash's gap, never the same distance apart.
        for (side, shift, size) in [(top + 2.6, 3.0, 0.9), (bottom - 2.4, 8.5, 0.8)] where dash % 4 != 2 {
          let along = x + shift + Double(dash % 4) * 1.7, radius = size * (1 + 0.25 * Double(dash % 4 == 1 ? 1 : 0))
          shapes.append(.circle(along, side, radius: radius, .radial(centre: Colours.bushLit, edge: Colours.bush)))
        }
      }
      return Scene.Sprite(shapes)
    }

    static func speed(_ speed: Double) -> Scene.Sprite {
      Scene.Sprite([
        .rectangle(-7.8, -0.7, 8.3, 2.8, rounding: 0.6, .solid(Colours.plate)),
        .text("\(Int(speed.rounded())) m/s", 0, 0, height: 2.1, anchor: .end, Palette.text),
      ])
    }

    // MARK: - Vehicles

    private enum Look: CaseIterable { case driving, braking, crashed }
    /// [paint][look]; the agent's comes last.
    /// The agent's vehicle: driving, braking, crashed.
    package static var egoSprites: [Scene.Sprite] { sprites[Colours.others.count] }
    private static let sprites = (Colours.others + [Colours.ego]).enumerated().map { index, paint in
      Look.allCases.map { vehicle(paint, $0, isEgo: index == Colours.others.count) }
    }

    static func sprite(of vehicle: Vehicle, isEgo: Bool, index: Int) -> Scene.Sprite {
      let look = vehicle.isCrashed ? 2 : vehicle.acceleration < -0.5 ? 1 : 0
      return sprites[isEgo ? Colours.others.count : index % Colours.others.count][look]
    }

    /// Pointing right, 5 m × 2 m: the box that collides.
    private static func vehicle(_ paint: (top: Scene.Colour, bottom: Scene.Colour), _ look: Look, isEgo: Bool) -> Scene.Sprite {
      let body = look == .crashed ? Colours.crashed : paint
      let outline = Scene.Stroke(Colours.outline, width: 0.12)
      var shapes: [Scene.Shape] = []
      if isEgo && look != .crashed {
        shapes.append(
          .polygon(
            [Scene.Point(2.3, 0.8), Scene.Point(12, 2.6), Scene.Point(12, -2.6), Scene.Point(2.3, -0.8)],
            .radial(centre: Colours.beam, edge: Colours.beamEnd)))
      }
      if look == .braking {
        shapes.append(.circle(-2.5, 0, radius: 1.9, .radial(centre: Colours.brakeGlow, edge: Colours.brakeGlowEdge)))
      }
      shapes += [
        .rectangle(-2.4, -1.2, 5, 2, rounding: 0.6, .solid(Colours.shadow)),
        .rectangle(-2.5, -1, 5, 2, rounding: 0.6, .vertical(top: body.top, bottom: body.bottom), stroke: outline),
        // Windscreen and rear window
        .polygon(
          [Scene.Point(0.55, 0.72), Scene.Point(1.3, 0.82), Scene.Point(1.3, -0.82), Scene.Point(0.55, -0.72)],
          .vertical(top: Colours.glassBottom, bottom: Colours.glassTop)),
        .polygon(
          [Scene.Point(-1.25, 0.68), Scene.Point(-1.75, 0.78), Scene.Point(-1.75, -0.78), Scene.Point(-1.25, -0.68)],
          .vertical(top: Colours.glassBottom, bottom: Colours.glassTop)),
      ]
      let tail = look == .braking ? Colours.brake : Colours.tail
      for side in [0.42, -0.8] {
        shapes.append(.rectangle(-2.46, side, 0.22, 0.38, rounding: 0.08, .solid(tail)))
        shapes.append(.rectangle(2.2, side, 0.22, 0.38, rounding: 0.08, .solid(Colours.headlight)))
      }
      if look == .crashed {
        shapes.append(.circle(1.6, 0.3, radius: 2.2, .radial(centre: Colours.smoke, edge: Colours.smokeEdge)))
      }
      return Scene.Sprite(shapes)
    }
  }
}
