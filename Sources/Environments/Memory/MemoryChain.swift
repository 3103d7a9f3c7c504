/// bsuite's MemoryChain, exact: one thing seen at the start is asked for at the end.
import Randomness

/// At the start the observation shows `bits` signs; after `length` steps the action must name the sign asked for.
///
/// The observation is the share of the time left, which sign is asked for (at the last decision; 0 before), and the signs
/// (±1 at the start; 0 after it). The first step repeats the reset's observation; the last of `length` + 1 rewards ±1, all
/// others 0. Source: bsuite 0.3.6, `memory_chain.py`; a seed gives the episodes of bsuite's `seed`.
public struct MemoryChain: Environment, Sendable {
  /// Steps between what is shown and what is asked.
  public let length: Int
  /// [bits + 2]: time left, the question, the signs.
  public let observationSpace: BoxSpace
  /// The two signs.
  public let actionSpace = DiscreteSpace(names: ["NEGATIVE", "POSITIVE"])
  private(set) var context: [Int]
  private(set) var query = 0
  private(set) var time = 0
  /// The last action, kept to be drawn.
  private(set) var answer: Int?
  private var generator: LegacyNumPyGenerator

  /// Both at least 1.
  public init(length: Int, bits: Int = 1) {
    precondition(length > 0 && bits > 0, "MemoryChain needs a length and bits of at least 1, not \(length) and \(bits)")
    self.length = length
    context = Array(repeating: 0, count: bits)
    let signs = Array(repeating: Float(1), count: bits)
    observationSpace = BoxSpace(
      shape: [bits + 2], low: [0, 0] + signs.map { -$0 }, high: [1, Float(max(bits - 1, 1))] + signs)
    generator = LegacyNumPyGenerator(seed: 0)
  }

  public mutating func reset(seed: UInt64?, into observation: UnsafeMutableBufferPointer<Float>) {
    if let seed {
      generator = LegacyNumPyGenerator(seed: seed)
      draw()  // bsuite draws when it is made, and again for its first episode
    }
    draw()
    (time, answer) = (0, nil)
    show(into: observation)
  }

  public mutating func step(_ action: Int, into observation: UnsafeMutableBufferPointer<Float>) -> Step {
    actionSpace.check(action, of: "MemoryChain")
    show(into: observation)
    time += 1
    answer = action
    guard time > length else { return Step(reward: 0, terminated: false, truncated: false) }
    return Step(reward: action == context[query] ? 1 : -1, terminated: true, truncated: false)
  }

  private mutating func draw() {
    for bit in context.indices { context[bit] = generator.coin() }
    query = generator.integer(below: UInt32(context.count))
  }

  private func show(into observation: UnsafeMutableBufferPointer<Float>) {
    observation[0] = Float(1 - Double(time) / Double(length))
    observation[1] = time == length - 1 ? Float(query) : 0
    for bit in context.indices { observation[2 + bit] = time == 0 ? Float(2 * context[bit] - 1) : 0 }
  }
}
