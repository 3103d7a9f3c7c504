/// POPGym's RepeatFirst, exact: name the first suit for the rest of the episode.
import Randomness

/// Each step shows the suit of a new card; the action names the suit of the very first.
///
/// ±1/(n - 1) at each of the n - 1 steps with n cards. Source: POPGym 1.0.7, `repeat_first.py`; same seed, same cards.
public struct RepeatFirst: Environment, Sendable {
  /// [4], one-hot: a suit.
  public let observationSpace = BoxSpace.oneHot(4)
  /// The four suits.
  public let actionSpace = DiscreteSpace.suits
  private(set) var deck: Deck
  /// Kept to be drawn.
  private(set) var answer: CardAnswer?
  private var generator = NumPyGenerator(seed: 0)

  /// POPGym's decks of that difficulty.
  public init(_ difficulty: Difficulty) {
    switch difficulty {
    case .easy: deck = Deck(packs: 1)
    case .medium: deck = Deck(packs: 8)
    case .hard: deck = Deck(packs: 16)
    }
  }

  public mutating func reset(seed: UInt64?, into observation: UnsafeMutableBufferPointer<Float>) {
    if let seed { generator = NumPyGenerator(seed: seed) }
    deck.shuffle(&generator)
    answer = nil
    observation.writeOneHot(CardFace.suit.of(deck.deal()))
  }

  public mutating func step(_ action: Int, into observation: UnsafeMutableBufferPointer<Float>) -> Step {
    actionSpace.check(action, of: "RepeatFirst")
    let isRight = action == CardFace.suit.of(deck.dealt(0))
    answer = CardAnswer(action: action, isRight: isRight)
    observation.writeOneHot(CardFace.suit.of(deck.deal()))
    return Step(
      reward: (isRight ? 1 : -1) / Double(deck.count - 1), terminated: deck.remaining == 0, truncated: false)
  }
}
