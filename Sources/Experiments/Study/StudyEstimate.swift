/// How long what remains of a study takes: from the speeds of its own tasks, and before there are any from a table.
import Records

/// How long a study will take.
public enum StudyEstimate {
  /// Steps per second of the published sizes on one core of a two-core EPYC, training and evaluation together, roughly.
  private static let known: [String: [EncoderKind: Double]] = [
    "highway-fast-v0": [.dqn: 20_000 / 8, .lstm: 20_000 / 165, .transformer: 20_000 / 200, .mamba: 20_000 / 165],
    "LunarLander-v3": [.dqn: 200_000 / 70, .lstm: 200_000 / 1900, .transformer: 200_000 / 2600, .mamba: 200_000 / 2490],
  ]

  /// Seconds until all of `tasks` that can still finish have, `jobs` at a time; nil where some task's speed cannot be guessed.
  public static func seconds(_ tasks: [TaskStatus], jobs: Int) -> Double? {
    var measured: [String: [Double]] = [:]
    for task in tasks { if let speed = task.learningSpeed { measured[task.kind, default: []].append(speed) } }
    var longest = 0.0, sum = 0.0
    for task in tasks where task.state != .finished && task.state != .failed {
      let peers = measured[task.kind] ?? []
      let mean = peers.isEmpty ? nil : peers.reduce(0, +) / Double(peers.count)
      guard let speed = task.learningSpeed ?? mean ?? known[task.environment]?[task.model] else { return nil }
      let seconds = Double(task.totalSteps - task.step) / speed
      longest = max(longest, seconds)
      sum += seconds
    }
    return max(longest, sum / Double(jobs))
  }
}

extension TaskStatus {
  /// What its speed is likely to depend on.
  fileprivate var kind: String { "\(environment) \(model.rawValue)" }

  /// Steps per second, once it has learned for a while: filling the replay is faster and says nothing.
  var learningSpeed: Double? {
    guard let heartbeat, heartbeat.sessionSeconds > 20, heartbeat.loss != nil, heartbeat.stepsPerSecond > 0 else { return nil }
    return heartbeat.stepsPerSecond
  }
}
