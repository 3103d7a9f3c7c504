/// What a network reads beside the observation, and what the observation is multiplied by, as settings and weights files
/// say it.

/// `observation`, then any of `action`, `reward`, `differences` after commas.
public struct InputDescription: Equatable, Sendable {
  /// Whether the last action, its reward and differences of observations stand beside the observation.
  public var action = false, reward = false, differences = false

  /// The observation alone.
  public init() {}

  /// `observation`, then any of action, reward and differences after commas; nil for anything else.
  public init?(_ text: String) {
    let parts = text.split(separator: ",", omittingEmptySubsequences: false).map(String.init)
    guard parts.first == "observation", Set(parts).count == parts.count else { return nil }
    for part in parts.dropFirst() {
      switch part {
      case "action": action = true
      case "reward": reward = true
      case "differences": differences = true
      default: return nil
      }
    }
  }

  /// Numbers a network reads where an observation has `observation` and there are `actions`.
  public func size(observation: Int, actions: Int) -> Int {
    observation * (differences ? 2 : 1) + (action ? actions : 0) + (reward ? 1 : 0)
  }
}

/// What observations are multiplied by.
public enum ObservationScale: Equatable, Sendable {
  /// Nothing; or one over the root mean square of each feature.
  case none, measured
  /// One a feature, or a few that repeat.
  case factors([Float])

  /// `none`, `measured`, or numbers with commas; nil for anything else.
  public init?(_ text: String) {
    switch text {
    case "none": self = .none
    case "measured": self = .measured
    default:
      let factors = text.split(separator: ",", omittingEmptySubsequences: false).map { Float($0) }
      guard factors.allSatisfy({ $0.map { $0.isFinite && $0 != 0 } ?? false }) else { return nil }
      self = .factors(factors.compactMap { $0 })
    }
  }
}
