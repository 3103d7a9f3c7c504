/// Players that remember everything: the ceiling of each memory task, and the proof that its rules are what they seem. They see
/// what an agent sees.

/// Names the suit seen `distance` cards ago.
public struct RepeatPreviousPlayer: Policy, Sendable {
  private let distance: Int
  private var suits: [Int] = []
  /// As `RepeatPrevious.distance`.
  public init(distance: Int) { self.distance = distance }
  /// What an agent that forgets nothing does.
  public mutating func action(for observation: UnsafeBufferPointer<Float>) -> Int {
    suits.append(observation.one(in: 0..<4))
    return suits.count < distance ? 0 : suits[suits.count - distance]
  }
}

/// Names the first suit.
public struct RepeatFirstPlayer: Policy, Sendable {
  private var first: Int?
  /// It begins with an empty memory.
  public init() {}
  /// What an agent that forgets nothing does.
  public mutating func action(for observation: UnsafeBufferPointer<Float>) -> Int {
    let suit = first ?? observation.one(in: 0..<4)
    first = suit
    return suit
  }
}

/// Piles the suits up, then takes them down again.
public struct AutoencodePlayer: Policy, Sendable {
  private var suits: [Int] = []
  private var isReciting = false
  /// It begins with an empty memory.
  public init() {}
  /// What an agent that forgets nothing does.
  public mutating func action(for observation: UnsafeBufferPointer<Float>) -> Int {
    if !isReciting { suits.append(observation.one(in: 2..<6)) }
    isReciting = observation[0] == 1
    return isReciting ? suits.popLast() ?? 0 : 0
  }
}

/// Keeps a count of everything.
public struct CountRecallPlayer: Policy, Sendable {
  private var counts: [Int] = []
  /// It begins with an empty memory.
  public init() {}
  /// What an agent that forgets nothing does.
  public mutating func action(for observation: UnsafeBufferPointer<Float>) -> Int {
    let values = observation.count / 2
    if counts.isEmpty { counts = Array(repeating: 0, count: values) }
    counts[observation.one(in: 0..<values)] += 1
    return counts[observation.one(in: values..<2 * values)]
  }
}

/// Turns up pairs that it knows, and otherwise the next card that it does not know.
public struct ConcentrationPlayer: Policy, Sendable {
  private let positions: Int
  private var known: [Int?]
  private var isUp: [Bool]
  private var attempt: [Int] = []

  /// A table of so many cards.
  public init(positions: Int) {
    self.positions = positions
    known = Array(repeating: nil, count: positions)
    isUp = Array(repeating: false, count: positions)
  }

  /// What an agent that forgets nothing does.
  public mutating func action(for observation: UnsafeBufferPointer<Float>) -> Int {
    let values = observation.count / positions
    for position in attempt { known[position] = observation.one(in: position * values..<(position + 1) * values) }
    if attempt.count == 2 {
      if known[attempt[0]] == known[attempt[1]] { for position in attempt { isUp[position] = true } }
      attempt = []
    }
    let choice = attempt.first.map { partner(of: $0) } ?? (0..<positions).first { known[$0] != nil && partner(of: $0) != nil }
    let turned = choice ?? (0..<positions).first { known[$0] == nil } ?? 0
    attempt.append(turned)
    return turned
  }

  /// Another card that is known to match and still down.
  private func partner(of position: Int) -> Int? {
    guard !isUp[position] else { return nil }
    return (0..<positions).first { $0 != position && !isUp[$0] && known[$0] == known[position] && known[$0] != nil }
  }
}

/// Remembers the sign of the start.
public struct MemoryChainPlayer: Policy, Sendable {
  private var context: Float = 0
  /// It begins with an empty memory.
  public init() {}
  /// What an agent that forgets nothing does.
  public mutating func action(for observation: UnsafeBufferPointer<Float>) -> Int {
    if observation[2] != 0 { context = observation[2] }
    return context > 0 ? 1 : 0
  }
}

/// Fetches the sign where it is not seen at once, then goes straight to its goal.
public struct TMazePlayer: Policy, Sendable {
  private var sign: Float = 0
  /// It begins with an empty memory.
  public init() {}
  /// What an agent that forgets nothing does.
  public mutating func action(for observation: UnsafeBufferPointer<Float>) -> Int {
    if observation[0] == 1 { return sign > 0 ? 1 : 3 }
    if observation[1] != 0 { sign = observation[1] }
    return sign == 0 ? 2 : 0
  }
}

extension UnsafeBufferPointer<Float> {
  /// Which of these features is 1, counted from the first of them.
  fileprivate func one(in range: Range<Int>) -> Int { range.firstIndex { self[$0] == 1 }.map { $0 - range.lowerBound } ?? 0 }
}
