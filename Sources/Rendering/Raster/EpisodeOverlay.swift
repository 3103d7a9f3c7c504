/// What an agent was about, in a band below a picture: its Q-values as bars, its action, its return. Of many actions, the best.
import Environments
import Foundation

struct EpisodeOverlay {
  private enum Colours {
    static let text = Scene.Colour(light: 0x1f2328ff, dark: 0xf0f2f5ff)
    static let muted = Scene.Colour(light: 0x5c656eff, dark: 0xa9b2bcff)
    static let track = Scene.Colour(light: 0x00000018, dark: 0xffffff20)
    static let bar = Scene.Colour(light: 0x6b88c9ff, dark: 0x7f97c9ff)
    static let chosen = Scene.Colour(light: 0x1f8f5fff, dark: 0x3ddc97ff)
  }
  static let ground = Scene.Colour(light: 0xffffffff, dark: 0x0b0e14ff)
  /// More actions than these are not all shown, but the best few.
  private static let most = 8, few = 5

  private let actionNames: [String]
  /// Cells: one an action and one of step and return; column by column.
  private let rows: Int
  /// Pixels: a font's size, and what a cell takes.
  private let size, cellWidth: Double
  private var line: Double { size * 1.45 }
  private var margin: Double { size * 0.8 }

  /// - Parameter width: of the picture, in pixels.
  init(_ recording: EpisodeRecording, width: Int) {
    actionNames = recording.actionNames
    let values = recording.steps.first?.decision.values.count ?? 0
    let cells = 1 + (values <= Self.most ? max(values, 1) : Self.few)
    size = max(9, min(14, Double(width) / 42))
    let columns = max(1, min(cells, Int(Double(width) / (size * 19.5))))
    rows = (cells + columns - 1) / columns
    cellWidth = (Double(width) - size * 0.8) / Double((cells + rows - 1) / rows)
  }

  /// Of the band, in pixels.
  var height: Int { Int(((Double(rows) * line + margin) / 2).rounded(.up)) * 2 }

  /// In pixels from the band's lower left corner.
  ///
  /// - Parameter isTaken: false before the first action.
  func items(_ decision: EpisodeRecording.Decision?, isTaken: Bool, step: Int, total: Double) -> [Scene.Item] {
    let values = decision?.values ?? [], actions = shown(values, decision?.action)
    let low = values.min() ?? 0, high = values.max() ?? 0
    var cells = actions.map { action -> [Scene.Shape] in
      let isChosen = isTaken && decision?.action == action
      let share = high > low ? Double(0.06 + 0.94 * (values[action] - low) / (high - low)) : 1
      let left = size * 7.8, length = max(0, cellWidth - margin - size * 4.6 - left)
      return [
        .text(name(action), 0, 0, height: size, isChosen ? Colours.chosen : Colours.muted),
        .rectangle(left, 0, length, size * 0.7, .solid(Colours.track)),
        .rectangle(left, 0, length * share, size * 0.7, .solid(isChosen ? Colours.chosen : Colours.bar)),
        number(Double(values[action]), "", isChosen ? Colours.chosen : Colours.text),
      ]
    }
    if cells.isEmpty {
      let action = isTaken ? decision.map { name($0.action) } ?? "" : ""
      cells.append([.text("action \(action)", 0, 0, height: size, Colours.text)])
    }
    cells.append([.text("step \(step)", 0, 0, height: size, Colours.muted), number(total, "return ", Colours.text)])
    return cells.enumerated().map { index, shapes in
      let (column, row) = index.quotientAndRemainder(dividingBy: rows)
      return Scene.Item(
        sprite: Scene.Sprite(shapes),
        placement: Scene.Placement(
          x: margin + cellWidth * Double(column), y: Double(height) - margin * 0.5 - line * Double(row) - size))
    }
  }

  /// At a cell's right end.
  private func number(_ value: Double, _ word: String, _ colour: Scene.Colour) -> Scene.Shape {
    let text = String(format: abs(value) >= 1000 ? "%.0f" : "%.2f", value)
    return .text(word + text, cellWidth - margin, 0, height: size, anchor: .end, colour)
  }

  /// All actions in their order where they can be told apart; otherwise the best, the best first, and the one taken.
  private func shown(_ values: [Float], _ taken: Int?) -> [Int] {
    if values.count <= Self.most { return Array(values.indices) }
    let best = values.indices.sorted { values[$0] > values[$1] }.prefix(Self.few)
    guard let taken, !best.contains(taken) else { return Array(best) }
    return best.dropLast() + [taken]
  }

  private func name(_ action: Int) -> String { String(actionNames[action].prefix(11)) }
}
