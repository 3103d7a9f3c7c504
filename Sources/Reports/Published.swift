/// The paper's numbers (Ryu, Sohn, Kim 2025, its tables; curve readings from its figures, one pixel is 2.4 of return on
/// LunarLander and 0.08 on highway). Five seeds, smoothing 0.9.
import Records

struct Published {
  var reward, loss: Double
  /// Read off the published curve: mean over the stated window, mean of the last tenth, end.
  var curve: (window: Double, lastTenth: Double, final: Double)?

  /// Nil where the paper has none.
  static func row(environment: String, encoder: EncoderKind, gradientClip: Double) -> Published? {
    switch environment {
    case "LunarLander-v3" where gradientClip == 1: lunarLander[encoder]
    case "highway-fast-v0":
      [1.0, 0.5, 0.1].firstIndex(of: gradientClip).flatMap { column in
        highway[encoder].map { table in
          Published(
            reward: table.rewards[column], loss: table.losses[column],
            curve: column == table.curveColumn ? table.curve : nil)
        }
      }
    default: nil
    }
  }

  private static let lunarLander: [EncoderKind: Published] = [
    .dqn: Published(reward: 27.40, loss: 0.0938, curve: (-13, 16.5, 5)),
    .lstm: Published(reward: 99.60, loss: 0.1444, curve: (37.4, 104, 46)),
    .transformer: Published(reward: 79.32, loss: 0.7578, curve: (17.5, 154, 179)),
    .mamba: Published(reward: 224.68, loss: 0.1183, curve: (32.7, 235, 223)),
  ]

  /// Columns: gradient clip 1.0, 0.5, 0.1; a model's curve is published at its best clip.
  private static let highway:
    [EncoderKind: (
      rewards: [Double], losses: [Double], curveColumn: Int, curve: (window: Double, lastTenth: Double, final: Double)
    )] = [
      .dqn: ([16.47, 17.09, 15.87], [0.1471, 0.1368, 0.1427], 1, (14.3, 17.7, 18.0)),
      .lstm: ([12.90, 12.29, 12.21], [0.0717, 0.0796, 0.0711], 0, (11.0, 13.5, 13.8)),
      .transformer: ([16.63, 15.82, 16.66], [0.1648, 0.1509, 0.1467], 2, (12.3, 16.3, 15.4)),
      .mamba: ([17.52, 20.99, 20.06], [0.0207, 0.0207, 0.0215], 1, (14.5, 21.0, 21.7)),
    ]
}
