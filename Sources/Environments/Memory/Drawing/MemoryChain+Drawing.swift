/// MemoryChain as a chain of beads, one a step: the signs above the first, lit while they are seen, and the question above the
/// last.

extension MemoryChain: Drawable {
  public var framesPerSecond: Double { CorridorDrawing.framesPerSecond }

  public func scene() -> Scene {
    // The first step repeats the first observation.
    let observed = max(time - 1, 0), hasEnded = time > length
    let showsSigns = observed == 0, asks = observed == length - 1
    let title = hasEnded ? "answered" : asks ? "which was it?" : showsSigns ? "remember" : "wait"
    var drawing = CorridorDrawing(title, place: min(time, length), of: length + 1, time: time, limit: length + 1)
    drawing.addPlaces { $0 == 0 ? Self.firstBead : Self.bead }
    // More do not fit.
    for (bit, sign) in context.enumerated().prefix(16) {
      drawing.add(Self.signs[sign][showsSigns ? 0 : 1], at: bit, up: 1.2)
    }
    drawing.add(asks ? question : .empty, at: length, up: -1.2)
    drawing.add(CorridorDrawing.agent, at: min(time, length))
    let said = hasEnded ? answer : nil
    drawing.add(said.map { Self.answers[$0][$0 == context[query] ? 0 : 1] } ?? .empty, at: length, up: 1.2)
    return drawing.scene
  }

  private var question: Scene.Sprite {
    let text = context.count > 1 ? "sign \(query + 1)?" : "?"
    return Scene.Sprite([.text(text, 0, -0.4, height: 1.2, anchor: .middle, Palette.cue)])
  }

  private static let ring = Scene.Shape.circle(
    0, 0, radius: 0.5, .solid(CorridorDrawing.Colours.floor[0]), stroke: Scene.Stroke(CorridorDrawing.Colours.wall, width: 0.12))
  private static let firstBead = Scene.Sprite([ring])
  /// With its link to the one before, which ends where that one's ring begins.
  private static let bead = Scene.Sprite([
    .line([Scene.Point(0.5 - CorridorDrawing.cell, 0), Scene.Point(0, 0)], CorridorDrawing.Colours.line, width: 0.2), ring,
  ])

  private static func chip(_ text: String, _ colour: Scene.Colour, _ ink: Scene.Colour) -> Scene.Sprite {
    Scene.Sprite([
      .circle(0, 0, radius: 0.8, .solid(colour)), .text(text, 0, -0.45, height: 1.3, anchor: .middle, ink),
    ])
  }
  /// Negative and positive; lit and faded.
  package static let signs = ["−", "+"].map { text in
    [
      chip(text, Palette.cue, Palette.ink),
      chip(text, CorridorDrawing.Colours.faded, Palette.muted),
    ]
  }
  /// Negative and positive, as the actions are; right and wrong.
  package static let answers = ["−", "+"].map { text in
    [Palette.right, Palette.wrong].map { chip(text, $0, Palette.ink) }
  }
}
