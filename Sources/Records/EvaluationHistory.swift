/// The evaluations during a run, from evaluations.npz (Stable-Baselines3's `EvalCallback`: `timesteps` [n], `results`
/// [n, episodes]): the environment steps at which they were made, and the mean returns.
public struct EvaluationHistory: Sendable, Equatable {
  /// Environment steps, ascending.
  public let steps: [Int]
  /// Of the returns of each evaluation's episodes.
  public let means: [Double]

  /// Nil where the folder has none, or another file by that name.
  public init?(_ folder: RunFolder) {
    guard let arrays = try? Npz.read(folder.evaluations), case .int64(let steps, _)? = arrays["timesteps"],
      case .float64(let results, let shape)? = arrays["results"], shape.count == 2, shape[0] == steps.count, shape[1] > 0,
      steps.allSatisfy({ RunRecord.steps.contains(Int($0)) })
    else { return nil }
    self.steps = steps.map { Int($0) }
    means = steps.indices.map { row in
      results[row * shape[1]..<(row + 1) * shape[1]].reduce(0, +) / Double(shape[1])
    }
  }

  /// The step of the first evaluation whose mean is at least `score`.
  public func firstStep(reaching score: Double) -> Int? { means.firstIndex { $0 >= score }.map { steps[$0] } }
}
