/// POPGym's Concentration (Memory, Pairs), exact.
import Randomness

/// n cards lie face down; an action turns one up. Two different cards that match (in colour or rank) stay up: +1/⌊n/2⌋.
/// Two that do not match are turned down again: -2/T. Turning a card that is already up costs 1/T for each card turned in
/// this attempt, and ends it.
///
/// The observation is what each position shows, "face down" being the last of its values, one-hot each; it shows both cards
/// of an attempt before they are turned down. An episode ends when all are up and is truncated after T = ⌈2n - n/(2n - 1)⌉
/// steps. Source: POPGym 1.0.7, `concentration.py`; same seed, same cards.
public struct Concentration: Environment, Sendable {
  /// For each card of the table its face, or that it lies face down, one-hot.
  public let observationSpace: BoxSpace
  /// The cards, by their place.
  public let actionSpace: DiscreteSpace
  let face: CardFace
  let timeLimit: Int
  private(set) var deck: Deck
  private(set) var isUp: [Bool]
  private(set) var upCount = 0
  /// The first card of an attempt.
  private(set) var first: Int?
  /// The cards of the last step's attempt, kept to be drawn.
  private(set) var turned: (first: Int?, second: Int?) = (nil, nil)
  private(set) var stepsTaken = 0
  private var generator = NumPyGenerator(seed: 0)

  /// POPGym's decks of that difficulty.
  public init(_ difficulty: Difficulty) {
    switch difficulty {
    case .easy: (deck, face) = (Deck(packs: 1), .color)
    case .medium: (deck, face) = (Deck(packs: 2), .color)
    case .hard: (deck, face) = (Deck(packs: 1), .rank)
    }
    // ⌈2n - n/(2n - 1)⌉: the fraction lies between 1/2 and 1.
    timeLimit = 2 * deck.count
    isUp = Array(repeating: false, count: deck.count)
    observationSpace = .oneHot(deck.count * (face.count + 1))
    actionSpace = .numbers(deck.count)
  }

  public mutating func reset(seed: UInt64?, into observation: UnsafeMutableBufferPointer<Float>) {
    if let seed { generator = NumPyGenerator(seed: seed) }
    deck.shuffle(&generator)
    for position in isUp.indices { isUp[position] = false }
    (upCount, first, stepsTaken) = (0, nil, 0)
    turned = (nil, nil)
    show(nil, into: observation)
  }

  public mutating func step(_ action: Int, into observation: UnsafeMutableBufferPointer<Float>) -> Step {
    actionSpace.check(action, of: "Concentration")
    stepsTaken += 1
    show(action, into: observation)
    turned = (first, action)
    let failure = -1 / Double(timeLimit)
    var reward = 0.0
    if isUp[action] {
      reward = failure * (first == nil ? 1 : 2)
      first = nil
    } else if let first {
      if first != action && face.of(deck.cards[first]) == face.of(deck.cards[action]) {
        (isUp[first], isUp[action]) = (true, true)
        upCount += 2
        reward = 1 / Double(deck.count / 2)
      } else {
        reward = 2 * failure
      }
      self.first = nil
    } else {
      first = action
    }
    return Step(reward: reward, terminated: upCount == deck.count, truncated: stepsTaken >= timeLimit)
  }

  /// Every card that is up, the attempt's first, and `turned`.
  private func show(_ turned: Int?, into observation: UnsafeMutableBufferPointer<Float>) {
    let values = face.count + 1
    observation.update(repeating: 0)
    for position in 0..<deck.count {
      let isVisible = isUp[position] || position == first || position == turned
      observation[position * values + (isVisible ? face.of(deck.cards[position]) : face.count)] = 1
    }
  }
}
