/// The memory tasks by name: POPGym's in three difficulties, and families in which a number says how long to remember.
import Environments
import Records

/// `NAME-N`: an environment for every N in `lengths`.
public struct EnvironmentFamily: Sendable {
  /// What comes before the number.
  public let name: String
  /// What it is, in words.
  public let summary: String
  let lengths = 1...1_000_000
  let make: @Sendable (_ length: Int) -> any Environment
  let heuristic: @Sendable () -> any Policy

  /// Such as TMaze-N.
  public var pattern: String { "\(name)-N" }

  /// The member of this name; nil where the name is not of this family.
  func entry(_ text: String) throws -> EnvironmentEntry? {
    try length(text).map { length in
      EnvironmentEntry(name: text, summary: summary, make: { [make] in make(length) }, heuristic: heuristic)
    }
  }

  /// N of the member of this name; nil where the name is not of this family.
  func length(_ text: String) throws -> Int? {
    guard text == name || text.hasPrefix(name + "-") else { return nil }
    // Only as Swift writes it: one environment, one name.
    guard let length = Int(text.dropFirst(name.count + 1)), lengths.contains(length), text == "\(name)-\(length)" else {
      throw UsageError(
        "\(text): N of \(pattern) must be a whole number from \(lengths.lowerBound) to \(lengths.upperBound), such as \(name)-100"
      )
    }
    return length
  }
}

/// Tasks of memory by name.
public enum MemoryCatalog {
  /// Whether this is the name of one of them, families' members included.
  public static func isMember(_ name: String) -> Bool {
    entries.contains { $0.name == name } || (try? member(name)) ?? nil != nil
  }

  /// Names with a number.
  public static let families = [
    EnvironmentFamily(
      name: "MemoryChain", summary: "bsuite's: name the sign shown N steps ago; 3 features, 2 actions, N+1 steps",
      make: { MemoryChain(length: $0) }, heuristic: { MemoryChainPlayer() }),
    EnvironmentFamily(
      name: "TMaze", summary: "the sign at the start says which way to turn after N cells; 2 features, 4 moves, N+1 steps",
      make: { TMaze(.passive($0)) }, heuristic: { TMazePlayer() }),
    EnvironmentFamily(
      name: "TMazeActive", summary: "the same, the sign one cell behind the start; 2 features, 4 moves, N+3 steps",
      make: { TMaze(.active($0)) }, heuristic: { TMazePlayer() }),
  ]

  /// Names without one.
  public static let entries: [EnvironmentEntry] = [
    task("RepeatPrevious", "POPGym's: name the suit seen 4, 32 or 64 cards ago") {
      RepeatPrevious($0)
    } player: {
      let distance = RepeatPrevious($0).distance
      return { RepeatPreviousPlayer(distance: distance) }
    },
    task("RepeatFirst", "POPGym's: name the first of 52, 416 or 832 suits throughout") {
      RepeatFirst($0)
    } player: { _ in
      { RepeatFirstPlayer() }
    },
    task("Autoencode", "POPGym's: watch 52, 104 or 156 suits, then name them backwards") {
      Autoencode($0)
    } player: { _ in
      { AutoencodePlayer() }
    },
    task("CountRecall", "POPGym's: how often was a colour, suit or rank dealt?") {
      CountRecall($0)
    } player: { _ in
      { CountRecallPlayer() }
    },
    task("Concentration", "POPGym's: find pairs among 52 colours, 104 colours or 52 ranks") {
      Concentration($0)
    } player: {
      let positions = Concentration($0).actionSpace.count
      return { ConcentrationPlayer(positions: positions) }
    },
    task("PositionOnlyCartPole", "POPGym's: without velocities; 200, 400 or 600 steps") { PartialCartPole.positionOnly($0) },
    task("VelocityOnlyCartPole", "POPGym's: without positions; 200, 400 or 600 steps") { PartialCartPole.velocityOnly($0) },
    task("NoisyPositionOnlyCartPole", "POPGym's: without velocities, noise .1, .2 or .3") {
      PartialCartPole.noisyPositionOnly($0)
    },
    task("PositionOnlyPendulum", "POPGym's: without velocity, 5 torques; 200, 150 or 100 steps") {
      PartialPendulum.positionOnly($0)
    },
    task("NoisyPositionOnlyPendulum", "POPGym's: without velocity, 5 torques, noise .1, .2 or .3") {
      PartialPendulum.noisyPositionOnly($0)
    },
  ].flatMap { $0 }

  /// A task in POPGym's three difficulties.
  private static func task(
    _ name: String, _ summary: String, make: @escaping @Sendable (Difficulty) -> any Environment,
    player: (Difficulty) -> (@Sendable () -> any Policy)? = { _ in nil }
  ) -> [EnvironmentEntry] {
    Difficulty.allCases.map { difficulty in
      EnvironmentEntry(
        name: name + difficulty.rawValue, summary: summary, make: { make(difficulty) }, heuristic: player(difficulty))
    }
  }

  /// A member of a family, nil for another name.
  static func member(_ name: String) throws -> EnvironmentEntry? {
    for family in families { if let entry = try family.entry(name) { return entry } }
    return nil
  }

  /// N of a family's member, nil for another name.
  static func length(_ name: String) -> Int? {
    families.lazy.compactMap { try? $0.length(name) }.first
  }

  /// What might have been meant by a name that ends in a number.
  static func candidates(for name: String) -> [String] {
    let number = name.split(separator: "-").last.flatMap { Int($0) } ?? 100
    return families.map { "\($0.name)-\(number)" }
  }
}
