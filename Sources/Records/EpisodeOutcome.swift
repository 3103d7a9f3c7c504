/// What is counted of some environments' episodes beside their returns: one definition for evaluations, reports and cards.

/// What an episode may come to.
public enum EpisodeOutcome: Sendable {
  /// Of the lander: a return of at least 200, which Gymnasium calls solved.
  case landed
  /// Of the road, where only a crash terminates an episode.
  case crashed

  /// What Gymnasium calls solved.
  public static let landingReturn = 200.0

  /// Nil where nothing is counted.
  public init?(environment: String) {
    if environment.contains("LunarLander") {
      self = .landed
    } else if environment.contains("highway") {
      self = .crashed
    } else {
      return nil
    }
  }

  /// Whether an episode of this return and end came to this.
  public func counts(return value: Double, terminated: Bool) -> Bool {
    switch self {
    case .landed: value >= Self.landingReturn
    case .crashed: terminated
    }
  }
}

extension RunRecord.Evaluation {
  /// The share of its episodes that came to this. Earlier evaluations of the road have no share of crashes: there every
  /// episode that was not truncated ended in one.
  public func share(_ outcome: EpisodeOutcome) -> Double {
    switch outcome {
    case .landed: Double(returns.count { outcome.counts(return: $0, terminated: false) }) / Double(returns.count)
    case .crashed: shareCrashed ?? 1 - shareTruncated
    }
  }
}
