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
  public var weights: String { "\(path)/model.safetensors" }
  public var checkpoints: String { "\(path)/checkpoints" }
  /// What a study's task printed, and where it stands.
  public var log: String { "\(path)/log.txt" }
  public var status: String { "\(path)/status.json" }
  public var events: String { "\(path)/events.out.tfevents.0.mamba-dqn" }

  public var exists: Bool { FileManager.default.fileExists(atPath: path) }
}
