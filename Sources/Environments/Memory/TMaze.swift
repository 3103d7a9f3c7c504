/// The T-Maze, exact: a sign at the start says which way to turn at the end of a corridor.
import Randomness

/// A corridor x = 0 … `oracleLength` + `corridorLength` at y = 0 ends in a junction with a goal on either side (y = ±1), one
/// of which is right. The sign that says which stands at x = 0 and is seen once.
///
/// Four moves; one into a wall stays. The observation at x = 0 is [0, sign], in the corridor [0, 0], at the junction and
/// beyond [1, y]; or x, y and sign where the position is not ambiguous, and the time where asked for. Before the end, being
/// behind the fastest way costs `penalty`; at the end the goal pays. Bakker 2001, as in Ni et al., "When do transformers shine in
/// RL?" (2023); source: github.com/twni2016/Memory-RL, `envs/tmaze.py`. A seed gives the episodes of `np.random.seed`.
public struct TMaze: Environment, Sendable {
  /// Lengths, rewards and what is seen, as Ni et al. 2023 vary them.
  public struct Options: Equatable, Sendable {
    /// Steps after which an episode ends wherever the agent stands.
    public var episodeLength: Int
    /// Cells from the start to the junction.
    public var corridorLength: Int
    /// Cells between the sign and the start.
    public var oracleLength = 0
    /// For ending at the goal.
    public var goalReward = 1.0
    /// For each step that ends behind the fastest way: 0 or a negative number.
    public var penalty = 0.0
    /// For every step that ends at the sign, but the last.
    public var distractReward = 0.0
    /// The position is shown by two features instead of three.
    public var hasAmbiguousPosition = true
    /// The step's number is seen too.
    public var showsTime = false

    /// Both at least 1; everything else stays as it comes.
    public init(episodeLength: Int, corridorLength: Int) {
      (self.episodeLength, self.corridorLength) = (episodeLength, corridorLength)
    }

    /// The start is at the sign: only memory is needed. The study's penalty.
    public static func passive(_ length: Int) -> Options {
      var options = Options(episodeLength: length + 1, corridorLength: length)
      options.penalty = -1 / Double(length)
      return options
    }

    /// The sign is one cell behind the start: it must be fetched first.
    public static func active(_ length: Int) -> Options {
      var options = Options(episodeLength: length + 3, corridorLength: length)
      options.oracleLength = 1
      options.penalty = -1 / Double(length)
      return options
    }
  }

  /// What it was made with.
  public let options: Options
  /// Position features, the sign at the start and, if asked for, the time.
  public let observationSpace: BoxSpace
  /// The four directions.
  public let actionSpace = DiscreteSpace(names: ["RIGHT", "UP", "LEFT", "DOWN"])
  let junction: Int
  private(set) var x = 0, y = 0, goal = 1, time = 0
  private var hasSeenSign = false
  /// In the last observation.
  private(set) var isSignShown = false
  private var generator = LegacyNumPyGenerator(seed: 0)

  /// A maze whose sign is drawn at every reset.
  public init(_ options: Options) {
    precondition(
      options.corridorLength > 0 && options.episodeLength > 0 && options.oracleLength >= 0,
      "a T-Maze needs a corridor and episodes of at least 1, not \(options.corridorLength) and \(options.episodeLength)")
    self.options = options
    junction = options.oracleLength + options.corridorLength
    let count = (options.hasAmbiguousPosition ? 2 : 3) + (options.showsTime ? 1 : 0)
    // The original's bounds, also where positions and times exceed them.
    observationSpace = BoxSpace(
      shape: [count], low: Array(repeating: -1, count: count), high: Array(repeating: 1, count: count))
  }

  public mutating func reset(seed: UInt64?, into observation: UnsafeMutableBufferPointer<Float>) {
    if let seed { generator = LegacyNumPyGenerator(seed: seed) }
    goal = generator.integer(below: 2) == 0 ? -1 : 1
    (x, y, time, hasSeenSign) = (options.oracleLength, 0, 0, false)
    show(into: observation)
  }

  public mutating func step(_ action: Int, into observation: UnsafeMutableBufferPointer<Float>) -> Step {
    actionSpace.check(action, of: "T-Maze")
    time += 1
    let (nextX, nextY) = (x + (action == 0 ? 1 : action == 2 ? -1 : 0), y + (action == 1 ? 1 : action == 3 ? -1 : 0))
    if nextY == 0 && 0...junction ~= nextX || nextX == junction && abs(nextY) == 1 { (x, y) = (nextX, nextY) }
    show(into: observation)
    if time >= options.episodeLength {
      return Step(reward: y == goal ? options.goalReward : 0, terminated: true, truncated: false)
    }
    let penalty = x < time - options.oracleLength ? options.penalty : 0
    return Step(reward: penalty + (x == 0 ? options.distractReward : 0), terminated: false, truncated: false)
  }

  private mutating func show(into observation: UnsafeMutableBufferPointer<Float>) {
    let sign = x == 0 && !hasSeenSign ? goal : 0
    isSignShown = sign != 0
    if x == 0 { hasSeenSign = true }
    if options.hasAmbiguousPosition {
      observation[0] = x < junction ? 0 : 1
      observation[1] = Float(x < junction ? sign : y)
    } else {
      (observation[0], observation[1], observation[2]) = (Float(x), Float(y), Float(sign))
    }
    if options.showsTime { observation[observation.count - 1] = Float(time) }
  }
}
