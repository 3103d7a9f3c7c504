/// What POPGym's card tasks share: a shuffled deck that is dealt from its end, what a card shows, and its three
/// difficulties.
import Randomness

/// POPGym's difficulties; what they change is each task's own.
public enum Difficulty: String, CaseIterable, Sendable {
  /// As the ending of a task's name.
  case easy = "Easy", medium = "Medium", hard = "Hard"
}

/// What a task looks at on a card. Card i of a deck has colour i mod 2, suit i mod 4 and rank ⌊(i mod 52) / 4⌋.
package enum CardFace: Sendable {
  case color, suit, rank

  var count: Int {
    switch self {
    case .color: 2
    case .suit: 4
    case .rank: 13
    }
  }

  func of(_ card: Int) -> Int {
    switch self {
    case .color: card & 1
    case .suit: card & 3
    case .rank: card % 52 / 4
    }
  }
}

/// One or more packs of 52, numbered through. A new deck is empty: it must be shuffled first.
struct Deck: Sendable {
  let count: Int
  /// In the order of the shuffle; dealt from the last to the first.
  private(set) var cards: [Int]
  private(set) var remaining = 0

  init(packs: Int) {
    count = 52 * packs
    cards = Array(0..<count)
  }

  /// Takes every card back, in order, and shuffles: POPGym's `Deck.reset`.
  mutating func shuffle(_ generator: inout NumPyGenerator) {
    for card in 0..<count { cards[card] = card }
    generator.shuffle(&cards)
    remaining = count
  }

  mutating func deal() -> Int {
    precondition(remaining > 0, "every card is dealt: the episode has ended, or has not begun; reset the environment")
    remaining -= 1
    return cards[remaining]
  }

  var dealtCount: Int { count - remaining }
  /// The card that was dealt as number `index`, from 0.
  func dealt(_ index: Int) -> Int { cards[count - 1 - index] }
}

extension BoxSpace {
  /// Gymnasium's flat form of discrete spaces: a zero or one for each value.
  static func oneHot(_ count: Int) -> BoxSpace {
    BoxSpace(shape: [count], low: Array(repeating: 0, count: count), high: Array(repeating: 1, count: count))
  }
}

extension UnsafeMutableBufferPointer<Float> {
  /// Zeros, and ones at `first` and `second`.
  func writeOneHot(_ first: Int, _ second: Int? = nil) {
    update(repeating: 0)
    self[first] = 1
    if let second { self[second] = 1 }
  }
}

extension DiscreteSpace {
  static let suits = DiscreteSpace(names: ["SPADES", "DIAMONDS", "CLUBS", "HEARTS"])
  /// Actions that are numbers, named so.
  static func numbers(_ count: Int) -> DiscreteSpace { DiscreteSpace(names: (0..<count).map(String.init)) }

  func check(_ action: Int, of environment: String) {
    precondition(0..<count ~= action, "action \(action) is not one of \(environment)'s 0 ..< \(count)")
  }
}
