/// POPGym's Autoencode, exact: watch every card, then recite the suits backwards.
import Randomness

/// While the environment deals n cards, the observation is (watch, suit) and actions mean nothing; the last card comes with
/// (play, suit). Then n actions name the suits from the last card to the first, with nothing more to see.
///
/// The observation is the mode (play, watch) and the suit, one-hot each. ±1/n for each suit named, 2n - 1 steps. Source:
/// POPGym 1.0.7, `autoencode.py`; same seed, same cards.
public struct Autoencode: Environment, Sendable {
  /// [6]: the mode (play, watch) and the suit, one-hot each.
  public let observationSpace = BoxSpace.oneHot(6)
  /// The four suits.
  public let actionSpace = DiscreteSpace.suits
  private(set) var deck: Deck
  private(set) var unrecited = 0
  /// Kept to be drawn.
  private(set) var answer: CardAnswer?
  private var generator = NumPyGenerator(seed: 0)

  private enum Mode { static let play = 0, watch = 1, count = 2 }

  /// POPGym's decks of that difficulty.
  public init(_ difficulty: Difficulty) {
    switch difficulty {
    case .easy: deck = Deck(packs: 1)
    case .medium: deck = Deck(packs: 2)
    case .hard: deck = Deck(packs: 3)
    }
  }

  public mutating func reset(seed: UInt64?, into observation: UnsafeMutableBufferPointer<Float>) {
    if let seed { generator = NumPyGenerator(seed: seed) }
    deck.shuffle(&generator)
    (unrecited, answer) = (deck.count, nil)
    observation.writeOneHot(Mode.watch, Mode.count + CardFace.suit.of(deck.deal()))
  }

  public mutating func step(_ action: Int, into observation: UnsafeMutableBufferPointer<Float>) -> Step {
    actionSpace.check(action, of: "Autoencode")
    if deck.remaining > 0 {
      let suit = CardFace.suit.of(deck.deal())
      observation.writeOneHot(deck.remaining > 0 ? Mode.watch : Mode.play, Mode.count + suit)
      return Step(reward: 0, terminated: false, truncated: false)
    }
    precondition(unrecited > 0, "Autoencode's episode has ended, or has not begun; reset it")
    unrecited -= 1
    let isRight = action == CardFace.suit.of(deck.dealt(unrecited))
    answer = CardAnswer(action: action, isRight: isRight)
    // POPGym's observation of nothing: suit 0.
    observation.writeOneHot(Mode.play, Mode.count)
    return Step(reward: (isRight ? 1 : -1) / Double(deck.count), terminated: unrecited == 0, truncated: false)
  }
}
