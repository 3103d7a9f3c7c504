/// POPGym's CountRecall, exact: how often has this been dealt?
import Randomness

/// Each step shows a card from one deck and asks about a card of another; the action is how often what is asked (a colour,
/// suit or rank) has been dealt so far, the card just shown included.
///
/// The observation is what was dealt and what is asked, one-hot each. ±1/(n - 1) at each of n - 1 steps with n cards.
/// Source: POPGym 1.0.7, `count_recall.py`; same seed, same cards.
public struct CountRecall: Environment, Sendable {
  /// What was dealt and what is asked, one-hot each.
  public let observationSpace: BoxSpace
  /// The count, from 0.
  public let actionSpace: DiscreteSpace
  let face: CardFace
  private(set) var values: Deck
  private var queries: Deck
  private(set) var counts: [Int]
  private(set) var query = 0
  /// Kept to be drawn.
  private(set) var answer: CardAnswer?
  private var generator = NumPyGenerator(seed: 0)

  /// POPGym's decks of that difficulty.
  public init(_ difficulty: Difficulty) {
    let packs: Int
    switch difficulty {
    case .easy: (packs, face) = (1, .color)
    case .medium: (packs, face) = (2, .suit)
    case .hard: (packs, face) = (4, .rank)
    }
    (values, queries) = (Deck(packs: packs), Deck(packs: packs))
    counts = Array(repeating: 0, count: face.count)
    observationSpace = .oneHot(2 * face.count)
    actionSpace = .numbers(values.count / face.count + 1)
  }

  public mutating func reset(seed: UInt64?, into observation: UnsafeMutableBufferPointer<Float>) {
    if let seed { generator = NumPyGenerator(seed: seed) }
    values.shuffle(&generator)
    queries.shuffle(&generator)
    for value in counts.indices { counts[value] = 0 }
    answer = nil
    deal(into: observation)
  }

  public mutating func step(_ action: Int, into observation: UnsafeMutableBufferPointer<Float>) -> Step {
    actionSpace.check(action, of: "CountRecall")
    let isRight = action == counts[query]
    answer = CardAnswer(action: action, isRight: isRight)
    deal(into: observation)
    return Step(
      reward: (isRight ? 1 : -1) / Double(values.count - 1), terminated: values.remaining == 0, truncated: false)
  }

  private mutating func deal(into observation: UnsafeMutableBufferPointer<Float>) {
    let value = face.of(values.deal())
    query = face.of(queries.deal())
    counts[value] += 1
    observation.writeOneHot(value, face.count + query)
  }
}
