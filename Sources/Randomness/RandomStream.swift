/// The streams that a run's seed is split into. Their numbers decide every run's bytes: they never change, new ones follow.
public enum RandomStream {
  public static let initialisation: UInt64 = 0, exploration: UInt64 = 1, sampling: UInt64 = 2
  /// The seeds of episodes.
  public static let episodes: UInt64 = 3
  /// The random steps that observation statistics are taken over.
  public static let statistics: UInt64 = 4
}
