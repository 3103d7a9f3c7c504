/// The T-Maze from above: the corridor, the sign at its beginning, lit while it is seen, and the two arms at its end, the
/// right one green to the spectator.

extension TMaze: Drawable {
  public var framesPerSecond: Double { CorridorDrawing.framesPerSecond }

  public func scene() -> Scene {
    let title = isSignShown ? "the sign says \(goal > 0 ? "up" : "down")" : "corridor of \(options.corridorLength)"
    var drawing = CorridorDrawing(title, place: x, of: junction + 1, time: time, limit: options.episodeLength)
    drawing.addPlaces { Self.floors[$0 & 1] }
    for side in [1, -1] {
      let arms = side == goal ? Self.rightArms : Self.wrongArms, isReached = time >= options.episodeLength && y == side
      drawing.add(arms[isReached ? 1 : 0], at: junction, up: Double(side))
    }
    drawing.add(Self.signs[goal > 0 ? 0 : 1][isSignShown ? 0 : 1], at: 0, up: 1)
    drawing.add(CorridorDrawing.agent, at: x, up: Double(y))
    return drawing.scene
  }

  private static func tile(_ colour: Scene.Colour, edge: Scene.Colour, width: Double) -> Scene.Shape {
    let side = CorridorDrawing.cell
    return .rectangle(
      -side / 2, -side / 2, side, side, rounding: 0.1, .solid(colour), stroke: Scene.Stroke(edge, width: width))
  }
  private static let floors = CorridorDrawing.Colours.floor.map {
    Scene.Sprite([tile($0, edge: CorridorDrawing.Colours.wall, width: 0.12)])
  }
  /// Not reached, reached at the end.
  package static let rightArms = arms(CorridorDrawing.Colours.goal, Palette.right)
  package static let wrongArms = arms(CorridorDrawing.Colours.dead, Palette.wrong)
  private static func arms(_ colour: Scene.Colour, _ lit: Scene.Colour) -> [Scene.Sprite] {
    [
      Scene.Sprite([tile(colour, edge: CorridorDrawing.Colours.wall, width: 0.12)]),
      Scene.Sprite([tile(lit, edge: lit, width: 0.3)]),
    ]
  }
  /// Up and down; lit and faded.
  package static let signs = [1.0, -1.0].map { way in
    [Palette.cue, CorridorDrawing.Colours.faded].map { colour in
      Scene.Sprite([
        .polygon(
          [(0, 0.8), (0.7, 0), (0.26, 0), (0.26, -0.75), (-0.26, -0.75), (-0.26, 0), (-0.7, 0)].map {
            Scene.Point($0.0, $0.1 * way)
          }, .solid(colour))
      ])
    }
  }
}
