/// What an agent was about, drawn in the upper left corner of a picture: its Q-values as bars, its action, its return. Of many
/// actions, the best.
import Environments
import Foundation

struct EpisodeOverlay {
  private enum Colours {
    static let panel = Scene.Colour(light: 0xffffffd0, dark: 0x0b0e14b8)
    static let text = Scene.Colour(light: 0x1f2328ff, dark: 0xf0f2f5ff)
    static let muted = Scene.Colour(light: 0x5c656eff, dark: 0xa9b2bcff)
    static let track = Scene.Colour(light: 0x00000018, dark: 0xffffff20)
    static let bar = Scene.Colour(light: 0x6b88c9ff, dark: 0x7f97c9ff)
    static let chosen = Scene.Colour(light: 0x1f8f5fff, dark: 0x3ddc97ff)
  }

  let actionNames: [String]
  let decision: EpisodeRecording.Decision?
  /// False before the first action.
  let isTaken: Bool
  let step: Int
  let total: Double

  /// In pixels of a picture of this size.
  func scene(width: Int, height: Int) -> Scene {
    let size = max(9, min(Double(height) / 30, Double(width) / 24)), line = size * 1.45, margin = size * 0.8
    let values = decision?.values ?? []
    let actions = shown(values, atMost: Int((Double(height) - 3 * margin) / line) - 1), rows = max(actions.count, 1)
    let panelWidth = min(Double(width) - 2 * margin, size * 19.5)
    let top = Double(height) - margin, panelHeight = Double(rows + 1) * line + margin
    let left = 2 * margin, right = panelWidth
    let low = values.min() ?? 0, high = values.max() ?? 0

    var shapes: [Scene.Shape] = [
      .rectangle(margin, top - panelHeight, panelWidth, panelHeight, rounding: size * 0.5, .solid(Colours.panel))
    ]
    for row in 0..<rows {
      let baseline = top - margin * 0.5 - line * Double(row) - size
      guard let decision, !values.isEmpty else {
        let action = isTaken ? decision.map { name($0.action) } ?? "" : ""
        shapes.append(.text("action \(action)", left, baseline, height: size, Colours.text))
        continue
      }
      let action = actions[row], isChosen = isTaken && decision.action == action
      let share = high > low ? Double(0.06 + 0.94 * (values[action] - low) / (high - low)) : 1
      let barLeft = left + size * 7.8, barWidth = max(0, right - size * 4.6 - barLeft)
      let colour = isChosen ? Colours.chosen : Colours.text
      shapes += [
        .text(name(action), left, baseline, height: size, isChosen ? Colours.chosen : Colours.muted),
        .rectangle(barLeft, baseline, barWidth, size * 0.7, .solid(Colours.track)),
        .rectangle(barLeft, baseline, barWidth * share, size * 0.7, .solid(isChosen ? Colours.chosen : Colours.bar)),
        .text(Self.short(Double(values[action])), right, baseline, height: size, anchor: .end, colour),
      ]
    }
    let baseline = top - margin * 0.5 - line * Double(rows) - size
    shapes += [
      .text("step \(step)", left, baseline, height: size, Colours.muted),
      .text("return \(Self.short(total))", right, baseline, height: size, anchor: .end, Colours.text),
    ]
    return Scene(
      viewport: Scene.Viewport(width: Double(width), height: Double(height)),
      items: [Scene.Item(sprite: Scene.Sprite(shapes), placement: Scene.Placement())])
  }

  /// All actions in their order where they fit and can be told apart; otherwise the best, the best first, and the one taken.
  private func shown(_ values: [Float], atMost room: Int) -> [Int] {
    let most = 8, few = 5
    if values.count <= min(most, room) { return Array(values.indices) }
    let best = values.indices.sorted { values[$0] > values[$1] }.prefix(max(1, min(few, room)))
    guard let taken = decision?.action, !best.contains(taken) else { return Array(best) }
    return best.dropLast() + [taken]
  }

  private func name(_ action: Int) -> String { String(actionNames[action].prefix(11)) }
  private static func short(_ value: Double) -> String { String(format: abs(value) >= 1000 ? "%.0f" : "%.2f", value) }
}
