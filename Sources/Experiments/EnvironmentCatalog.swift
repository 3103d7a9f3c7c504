/// The one place that turns an environment's name into an environment.
import Environments
import GymnasiumBridge
import Records

public struct EnvironmentEntry: Sendable {
  public let name: String
  public let summary: String
  public let make: @Sendable () throws -> any Environment
  /// As `make`, of an environment that draws itself only when told so beforehand. Nil: there is no difference.
  var makeRendering: (@Sendable () throws -> any Environment)?
  /// A hand-written policy, where there is one.
  public let heuristic: (@Sendable () -> any Policy)?
  /// For whoever wants to see it.
  public func makeDrawable() throws -> any Environment { try (makeRendering ?? make)() }
  public var isNative: Bool { !name.hasPrefix("gymnasium:") }
  /// How many episodes `evaluate` plays side by side: native environments fill the cores, a Python worker is one process.
  public var parallelEpisodes: Int { isNative ? VectorEnvironment.coreCount : 1 }
}

public enum EnvironmentCatalog {
  public static let entries: [EnvironmentEntry] = [
    EnvironmentEntry(
      name: "LunarLander-v3", summary: "land between the flags; 8 features, 4 engines, at most 1000 steps",
      make: { LunarLander() }, heuristic: { LunarLanderHeuristic() }),
    EnvironmentEntry(
      name: "LunarLander-v3-wind", summary: "the same with wind 15 and turbulence 1.5",
      make: { LunarLander(wind: true) }, heuristic: { LunarLanderHeuristic() }),
    EnvironmentEntry(
      name: "highway-fast-v0", summary: "drive fast and right on 3 lanes among 20 cars; 5x5 features, 5 actions, 30 steps",
      make: { Highway(options: .highwayFast) }, heuristic: nil),
    EnvironmentEntry(
      name: "highway-v0", summary: "the same on 4 lanes among 50 cars, finer in time; 40 steps",
      make: { Highway() }, heuristic: nil),
  ]

  /// A native environment, or `gymnasium:ID?key=value`, which starts Python only when made.
  public static func entry(_ name: String) throws -> EnvironmentEntry {
    if let foreign = try asUsage({ try GymnasiumName(name) }) {
      return EnvironmentEntry(
        name: name, summary: "through Python", make: { try asUsage { try GymnasiumEnvironment(foreign) } },
        makeRendering: { try asUsage { try GymnasiumEnvironment(foreign, rendering: true) } }, heuristic: nil)
    }
    if let entry = entries.first(where: { $0.name == name }) { return entry }
    throw UsageError(
      "unknown environment \(name)\(suggestion(for: name, in: entries.map(\.name))); `mamba-dqn list environments` shows all")
  }

  /// The user's slips from across the bridge exit as the user's slips.
  private static func asUsage<Result>(_ body: () throws -> Result) throws -> Result {
    do { return try body() } catch let error as GymnasiumError where error.isUsage { throw UsageError(error.description) }
  }
}
