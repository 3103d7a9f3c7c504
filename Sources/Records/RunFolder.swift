/// Where everything about a run lies (docs: the conventions of rl-zoo3 and Stable-Baselines3).
import Foundation

/// The files of a run by what they are.
public struct RunFolder: Sendable {
  /// The folder's.
  public let path: String
  /// It need not be there yet.
  public init(path: String) { self.path = path }

  /// Every setting.
  public var config: String { "\(path)/config.json" }
  /// What the user typed.
  public var command: String { "\(path)/command.txt" }
  /// Commit, machine and system.
  public var provenance: String { "\(path)/provenance.json" }
  /// Losses and returns as they come.
  public var progress: String { "\(path)/progress.csv" }
  /// A row an episode, as Stable-Baselines3's.
  public var monitor: String { "\(path)/monitor.csv" }
  /// Evaluations during training, as Stable-Baselines3's.
  public var evaluations: String { "\(path)/evaluations.npz" }
  /// 100 greedy episodes of the final weights: the run is complete.
  public var evaluation: String { "\(path)/evaluation.json" }
  /// Final weights; those of the best evaluation during training; those that were final before the run was trained on.
  public var weights: String { "\(path)/model.safetensors" }
  /// Weights of the best evaluation during training.
  public var best: String { "\(path)/best.safetensors" }
  /// Weights that were final before the run was trained on.
  public func earlierWeights(step: Int) -> String { "\(path)/model-step\(step).safetensors" }
  /// A folder.
  public var checkpoints: String { "\(path)/checkpoints" }
  /// What a study's task printed, and where it stands.
  public var log: String { "\(path)/log.txt" }
  /// The heartbeat of whoever runs it.
  public var status: String { "\(path)/status.json" }
  /// Episodes recorded while training, a page each.
  public var episodes: String { "\(path)/episodes" }
  /// The page of the episode recorded at that step.
  public func episode(step: Int) -> String { "\(episodes)/step-\(Self.sortable(step)).html" }
  /// Ten digits or more: names sort by step.
  static func sortable(_ step: Int) -> String {
    let digits = String(step)
    return String(repeating: "0", count: max(0, 10 - digits.count)) + digits
  }
  /// For TensorBoard.
  public var events: String { "\(path)/events.out.tfevents.0.mamba-dqn" }

  /// What says that the run has come to its end, if anything does: its evaluation, or its weights where it was stopped before
  /// that was written.
  public var result: String? { [evaluation, weights].first(where: FileManager.default.fileExists) }

  /// Whether the folder is there.
  public var exists: Bool { FileManager.default.fileExists(atPath: path) }
}
