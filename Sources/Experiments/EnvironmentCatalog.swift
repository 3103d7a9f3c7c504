/// The one place that turns an environment's name into an environment.
import Environments
import GymnasiumBridge
import Records

/// An environment by name: how it is made, and what else is known of it.
public struct EnvironmentEntry: Sendable {
  /// As `train` takes it.
  public let name: String
  /// What it is, in words.
  public let summary: String
  /// A new instance, independent of all others.
  public let make: @Sendable () throws -> any Environment
  /// As `make`, of an environment that draws itself only when told so beforehand. Nil: there is no difference.
  var makeRendering: (@Sendable () throws -> any Environment)?
  /// A hand-written policy, where there is one.
  public let heuristic: (@Sendable () -> any Policy)?
  /// One that can be drawn. An environment that cannot draw itself, as many of Gymnasium's, is shown by its numbers.
  public func makeDrawable() throws -> any Environment {
    guard let makeRendering else { return try make() }
    return try (try? makeRendering()) ?? make()
  }
  /// Whether it runs in this process.
  public var isNative: Bool { !name.hasPrefix("gymnasium:") }
  /// How many episodes `evaluate` plays side by side: native environments fill the cores, a Python worker is one process.
  public var parallelEpisodes: Int { isNative ? VectorEnvironment.coreCount : 1 }
}

/// Where an environment's name comes from, and so whether it may bring code along: files are data.
public enum NameSource: Sendable {
  /// The user typed it.
  case commandLine
  /// It stands in this file; `isTrusted` where the user said so (`--trust`).
  case file(String, isTrusted: Bool)
}

/// Every environment that a name can mean.
public enum EnvironmentCatalog {
  /// Those that are listed; families and Gymnasium's are found by `entry`.
  public static let entries: [EnvironmentEntry] =
    [
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
    ] + MemoryCatalog.entries

  /// How environments through Python are named, for help texts.
  public static let foreignNames =
    "gymnasium:ID, such as gymnasium:CartPole-v1; 'gymnasium:ID?key=value&key=value' with keyword arguments as Python "
    + "literals; gymnasium:MODULE:ID imports a module of yours first (PYTHONPATH=FOLDER says where it is)"

  /// Every name with what it stands for, families as `NAME-N`.
  public static var listing: [(name: String, summary: String)] {
    entries.map { ($0.name, $0.summary) } + MemoryCatalog.families.map { ($0.pattern, $0.summary) } + [
      ("NAME?mask=2,3,5", "any of them without these features, counted from 0"),
      ("gymnasium:ID?key=value", "any of Gymnasium's, through Python"),
    ]
  }

  /// A native environment, or `gymnasium:ID?key=value`, which starts Python only when made; either with `mask=` to hide
  /// features.
  ///
  /// - Parameter timeouts: for a worker that does not answer; nil for the usual ones.
  public static func entry(
    _ name: String, from source: NameSource = .commandLine, timeouts: GymnasiumEnvironment.Timeouts? = nil
  ) throws -> EnvironmentEntry {
    guard !name.unicodeScalars.contains(where: { $0.properties.generalCategory == .control }) else {
      throw UsageError("an environment's name holds no control characters")
    }
    let parts = try EnvironmentName(name)
    guard let mask = parts.mask else { return try unmasked(name, source, timeouts) }
    let whole = try unmasked(parts.environment, source, timeouts)
    @Sendable func masked(_ world: any Environment) throws -> any Environment {
      do throws(FeatureMaskError) { return try MaskedEnvironment(world, hiding: mask) } catch {
        throw UsageError("\(name): \(error)")
      }
    }
    return EnvironmentEntry(
      name: name, summary: "\(whole.summary), without features \(mask.map(String.init).joined(separator: ", "))",
      make: { try masked(whole.make()) },
      makeRendering: whole.makeRendering.map { make in { @Sendable () throws -> any Environment in try masked(make()) } },
      // It reads the features that are hidden.
      heuristic: nil)
  }

  private static func unmasked(
    _ name: String, _ source: NameSource, _ timeouts: GymnasiumEnvironment.Timeouts?
  ) throws -> EnvironmentEntry {
    if let foreign = try asUsage({ try GymnasiumName(name) }) {
      if case .file(let path, isTrusted: false) = source, let code = foreign.codeThatItNames {
        throw UsageError("\(path) names the environment \(name), which \(code); if you trust it, add --trust")
      }
      return EnvironmentEntry(
        name: name, summary: "through Python",
        make: { try asUsage { try GymnasiumEnvironment(foreign, timeouts: timeouts ?? .init()) } },
        makeRendering: { try asUsage { try GymnasiumEnvironment(foreign, timeouts: timeouts ?? .init(), rendering: true) } },
        heuristic: nil)
    }
    if let entry = try entries.first(where: { $0.name == name }) ?? MemoryCatalog.member(name) { return entry }
    if let mark = name.firstIndex(of: "?"), (try? unmasked(String(name[..<mark]), source, timeouts)) != nil {
      throw UsageError("\(name): a native environment takes only mask=, such as \(name[..<mark])?mask=0")
    }
    throw UsageError("unknown environment \(name)\(likely(name)); `mamba-dqn list environments` shows all")
  }

  /// The same, where one time-out is enough for resets and steps.
  public static func entry(_ name: String, from source: NameSource = .commandLine, timeout: Double?) throws -> EnvironmentEntry {
    guard timeout.map({ (0.001...1e6).contains($0) }) ?? true else {
      throw UsageError("--timeout \(timeout ?? 0): must be a number of seconds from 0.001 to 1000000")
    }
    return try entry(name, from: source, timeouts: timeout.map { .init(start: max($0, 120), reset: $0, step: $0) })
  }

  /// True where making the environment of this name may execute more than what is installed: a file that names it needs
  /// `--trust`.
  public static func bringsCode(_ name: String) -> Bool { (try? GymnasiumName(name))?.codeThatItNames != nil }

  /// A native name that is close, or else what looks like one of Gymnasium's, with its prefix.
  private static func likely(_ name: String) -> String {
    let native = suggestion(for: name, in: entries.map(\.name) + MemoryCatalog.candidates(for: name))
    guard native.isEmpty, name.range(of: #"^[\w./:-]+-v\d+(\?.*)?$"#, options: .regularExpression) != nil else { return native }
    return "; did you mean \(GymnasiumName.prefix)\(name)?"
  }

  /// The user's slips from across the bridge exit as the user's slips.
  private static func asUsage<Result>(_ body: () throws -> Result) throws -> Result {
    do { return try body() } catch let error as GymnasiumError where error.isUsage { throw UsageError(error.description) }
  }
}
