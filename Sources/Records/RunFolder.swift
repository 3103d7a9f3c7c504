/// Where everything about a run lies (docs: the conventions of rl-zoo3 and Stable-Baselines3).
import Foundation

public struct RunFolder: Sendable {
  public let path: String
  public init(path: String) { self.path = path }

  public var config: String { "\(path)/config.json" }
  public var command: String { "\(path)/command.txt" }
  public var provenance: String { "\(path)/provenance.json" }
  public var progress: String { "\(path)/progress.csv" }
  public var monitor: String { "\(path)/monitor.csv" }
  public var evaluations: String { "\(path)/evaluations.npz" }
  public var evaluation: String { "\(path)/evaluation.json" }
  /// Final weights; those of the best evaluation during training; those that were final before the run was trained on.
  public var weights: String { "\(path)/model.safetensors" }
  public var best: String { "\(path)/best.safetensors" }
  public func earlierWeights(step: Int) -> String { "\(path)/model-step\(step).safetensors" }
  public var checkpoints: String { "\(path)/checkpoints" }
  /// What a study's task printed, and where it stands.
  public var log: String { "\(path)/log.txt" }
  public var status: String { "\(path)/status.json" }
  /// Episodes recorded while training, a page each.
  public var episodes: String { "\(path)/episodes" }
  public func episode(step: Int) -> String { "\(episodes)/step-\(Self.sortable(step)).html" }
  /// Ten digits or more: names sort by step.
  static func sortable(_ step: Int) -> String {
    let digits = String(step)
    return String(repeating: "0", count: max(0, 10 - digits.count)) + digits
  }
  public var events: String { "\(path)/events.out.tfevents.0.mamba-dqn" }

  public var exists: Bool { FileManager.default.fileExists(atPath: path) }
}
