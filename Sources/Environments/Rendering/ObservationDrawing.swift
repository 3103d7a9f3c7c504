/// An observation as a picture: a bar for each number, a square where there are many, an image where it is one; below it
/// the actions, the last one lit, and what it earned.
import Foundation

struct ObservationDrawing {
  private enum Colours {
    static let paper = Scene.Colour(light: 0xf7f8faff, dark: 0x171a20ff)
    static let track = Scene.Colour(light: 0xe6e9eeff, dark: 0x262b33ff)
    static let positive = Scene.Colour(light: 0x2f6fedff, dark: 0x5b9bffff)
    static let negative = Scene.Colour(light: 0xe0662fff, dark: 0xff9257ff)
    static let onChosen = Scene.Colour(light: 0xffffffff, dark: 0x0e1512ff)
  }
  /// The picture is 60 × 40.
  private static let width = 60.0, height = 40.0, margin = 2.5

  let space: BoxSpace
  let actions: DiscreteSpace

  func scene(_ observation: [Float], action: Int?, reward: Double?, return total: Double) -> Scene {
    var scene = Scene(viewport: Scene.Viewport(width: Self.width, height: Self.height))
    scene.add(Self.paper)
    let outcome = reward.map { "reward \(Self.signed($0))   return \(Self.signed(total))" } ?? "first observation"
    scene.add(
      Scene.Sprite([.text(outcome, Self.margin, Self.height - 4, height: 1.9, Palette.text)]))
    if let image = image(of: observation) {
      scene.add(image)
    } else if observation.count <= 12 {
      addBars(observation, to: &scene)
    } else {
      addSquares(observation, to: &scene)
    }
    addActions(chosen: action, to: &scene)
    return scene
  }

  private static let paper = Scene.Sprite([.rectangle(0, 0, width, height, .solid(Colours.paper))])
  /// Where the observation is drawn.
  private static let top = height - 6.5, bottom = 7.0

  // MARK: - The observation

  private static let track = Scene.Sprite([.rectangle(0, -0.5, 1, 1, .solid(Colours.track))])
  private static let positive = Scene.Sprite([.rectangle(0, -0.5, 1, 1, .solid(Colours.positive))])
  private static let negative = Scene.Sprite([.rectangle(0, -0.5, 1, 1, .solid(Colours.negative))])

  /// A row each: number, bar, value. The bar's zero is at the left where nothing can be negative, in the middle otherwise.
  private func addBars(_ observation: [Float], to scene: inout Scene) {
    let rowHeight = min(4, (Self.top - Self.bottom) / Double(max(observation.count, 1)))
    let left = 7.0, length = Self.width - left - 9 - Self.margin
    for (index, value) in observation.enumerated() {
      let y = Self.top - rowHeight * (Double(index) + 0.5), size = min(1.7, rowHeight * 0.55)
      let zero = space.low[index] >= 0 ? left : left + length / 2
      let reach = fraction(value, index) * (space.low[index] >= 0 ? length : length / 2)
      scene.add(
        Scene.Sprite([.text("\(index)", 0, 0, height: size, anchor: .end, Palette.muted)]),
        at: Scene.Placement(x: left - 1.2, y: y - size * 0.35))
      scene.add(Self.track, at: Scene.Placement(x: left, y: y, scaleX: length, scaleY: rowHeight * 0.6))
      scene.add(
        reach < 0 ? Self.negative : Self.positive,
        at: Scene.Placement(x: zero, y: y, scaleX: reach, scaleY: rowHeight * 0.6))
      scene.add(
        Scene.Sprite([.text(Self.signed(Double(value)), 0, 0, height: size, anchor: .end, Palette.text)]),
        at: Scene.Placement(x: Self.width - Self.margin, y: y - size * 0.35))
    }
  }

  /// Squares row by row, the larger the number the fuller.
  private func addSquares(_ observation: [Float], to scene: inout Scene) {
    let count = observation.count
    let height = Self.top - Self.bottom, width = Self.width - 2 * Self.margin
    // Rows as the space has them, or as many as make squares.
    let columns =
      space.shape.count > 1 ? space.shape[space.shape.count - 1] : Int((Double(count) * width / height).squareRoot().rounded(.up))
    let rows = (count + columns - 1) / columns
    let side = min(width / Double(columns), height / Double(rows))
    for (index, value) in observation.enumerated() {
      let (row, column) = index.quotientAndRemainder(dividingBy: columns)
      let x = (Self.width - side * Double(columns)) / 2 + side * Double(column), y = Self.top - side * (Double(row) + 0.5)
      let inner = side * 0.9, share = fraction(value, index)
      scene.add(Self.track, at: Scene.Placement(x: x, y: y, scaleX: inner, scaleY: inner))
      scene.add(
        share < 0 ? Self.negative : Self.positive,
        at: Scene.Placement(x: x, y: y - inner * (1 - abs(share)) / 2, scaleX: inner, scaleY: inner * abs(share)))
    }
  }

  /// Height × width, or height × width × 3, of at least 16 pixels a side. Nil for anything else.
  private func image(of observation: [Float]) -> Scene.Sprite? {
    let shape = space.shape
    guard shape.count == 2 || shape.count == 3 && [1, 3].contains(shape[2]), min(shape[0], shape[1]) >= 16 else { return nil }
    let channels = shape.count == 3 ? shape[2] : 1
    let brightest: Float = (space.high.first ?? 1) > 1 ? 255 : 1
    let bytes = observation.map { UInt8(max(0, min(255, $0 / brightest * 255))) }
    let pixels = channels == 3 ? bytes : bytes.flatMap { [$0, $0, $0] }
    let scale = min((Self.top - Self.bottom) / Double(shape[0]), (Self.width - 2 * Self.margin) / Double(shape[1]))
    let (height, width) = (Double(shape[0]) * scale, Double(shape[1]) * scale)
    return Scene.Sprite([
      Scene.Shape(
        .bitmap(
          Scene.Bitmap(width: shape[1], height: shape[0], pixels: pixels),
          corner: Scene.Point((Self.width - width) / 2, Self.top - height), width: width, height: height))
    ])
  }

  /// -1 to 1: of the space's bounds where it has some; otherwise never quite 1, however large the number.
  private func fraction(_ value: Float, _ index: Int) -> Double {
    let bound = max(abs(space.low[index]), abs(space.high[index]))
    guard value.isFinite else { return 0 }
    let share = bound.isFinite && bound > 0 && bound < 1e6 ? value / bound : value / (1 + abs(value))
    return Double(max(-1, min(1, share)))
  }

  // MARK: - The actions

  private func addActions(chosen: Int?, to scene: inout Scene) {
    // More than these are not readable side by side: then the chosen one alone.
    let shown = actions.count <= 8 ? Array(actions.names.indices) : chosen.map { [$0] } ?? []
    let width = (Self.width - 2 * Self.margin) / Double(max(shown.count, 1))
    for (place, action) in shown.enumerated() {
      let isChosen = action == chosen, chip = min(width - 0.8, 18)
      let name = String(actions.names[action].prefix(12))
      // A letter is about 0.62 of its height wide.
      let size = min(1.5, (chip - 1) / (0.68 * Double(max(name.count, 1))))
      scene.add(
        Scene.Sprite([
          .rectangle(0, 0, chip, 3, rounding: 1.5, .solid(isChosen ? Palette.right : Colours.track)),
          .text(
            name, chip / 2, 1.5 - size * 0.36, height: size, anchor: .middle, isChosen ? Colours.onChosen : Palette.muted),
        ]), at: Scene.Placement(x: Self.margin + width * Double(place), y: 2.2))
    }
  }

  private static func signed(_ value: Double) -> String {
    guard value.isFinite else { return value.isNaN ? "nan" : value < 0 ? "-∞" : "∞" }
    if abs(value) >= 1000 { return String(format: "%.4g", value) }
    return String(format: "%.2f", value == 0 ? 0 : value)
  }
}
