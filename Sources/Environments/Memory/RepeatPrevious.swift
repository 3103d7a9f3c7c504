/// POPGym's RepeatPrevious, exact: name the suit seen k cards ago.
import Randomness

/// Each step shows the suit of a new card; the action names the suit of the k-th last card seen, the current one
/// counting as the first.
///
/// Before k cards have been seen the reward is 0, then ±1/(n - k) with n cards, so that a perfect memory returns 1. An
/// episode has n - 1 steps. Source: POPGym 1.0.7, `repeat_previous.py`; same seed, same cards.
public struct RepeatPrevious: Environment, Sendable {
  /// [4], one-hot: a suit.
  public let observationSpace = BoxSpace.oneHot(4)
  /// The four suits.
  public let actionSpace = DiscreteSpace.suits
  /// How many steps ago the suit was seen that must be named.
  public let distance: Int
  private(set) var deck: Deck
  /// Kept to be drawn.
  private(set) var answer: CardAnswer?
  private var generator = NumPyGenerator(seed: 0)

  /// POPGym's decks and distances of that difficulty.
  public init(_ difficulty: Difficulty) {
    switch difficulty {
    case .easy: (deck, distance) = (Deck(packs: 1), 4)
    case .medium: (deck, distance) = (Deck(packs: 2), 32)
    case .hard: (deck, distance) = (Deck(packs: 3), 64)
    }
  }

  public mutating func reset(seed: UInt64?, into observation: UnsafeMutableBufferPointer<Float>) {
    if let seed { generator = NumPyGenerator(seed: seed) }
    deck.shuffle(&generator)
    answer = nil
    observation.writeOneHot(CardFace.suit.of(deck.deal()))
  }

  public mutating func step(_ action: Int, into observation: UnsafeMutableBufferPointer<Float>) -> Step {
    actionSpace.check(action, of: "RepeatPrevious")
    let seen = deck.dealtCount
    var reward = 0.0
    answer = CardAnswer(action: action, isRight: nil)
    if seen >= distance {
      let isRight = action == CardFace.suit.of(deck.dealt(seen - distance))
      answer = CardAnswer(action: action, isRight: isRight)
      reward = (isRight ? 1 : -1) / Double(deck.count - distance)
    }
    observation.writeOneHot(CardFace.suit.of(deck.deal()))
    return Step(reward: reward, terminated: deck.remaining == 0, truncated: false)
  }
}
