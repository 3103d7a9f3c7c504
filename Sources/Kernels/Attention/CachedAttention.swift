/// Attention one position at a time: a query over the last `context` keys and values, which lie in a ring. Keys are kept as
/// they came; how far a key lies back is known when it is read, and the product turns it then (`Rotary`).
///
/// The twin is the sequence: unrolled steps equal it (SequenceLayerTests).
public struct CachedAttention: Sendable {
  public let rotary: Rotary
  public let context: Int

  public init(_ rotary: Rotary, context: Int) { (self.rotary, self.context) = (rotary, context) }

  /// The ring's counter after one more position: position p lies in slot p mod `context`, and the counter falls back by
  /// `context` before it reaches 2 · `context`, so that it says both where the next one goes and whether the ring is full,
  /// exactly and for ever.
  public func next(_ count: Int) -> Int { count + 1 < 2 * context ? count + 1 : context }

  /// q [model]; keys and values [context, model], this position's included, the newest in slot `newest`, and `seen` of them
  /// valid; table of `context` positions → y [model]. scores [context] is scratch.
  @inline(never) public func step(
    q: UnsafePointer<Float>, keys: UnsafePointer<Float>, values: UnsafePointer<Float>, newest: Int, seen: Int,
    table: UnsafePointer<Float>, scores: UnsafeMutablePointer<Float>, y: UnsafeMutablePointer<Float>
  ) {
    let model = rotary.model, width = rotary.width, scale = 1 / Float(width).squareRoot()
    var h = 0
    while h < rotary.heads {
      let column = h &* width
      var greatest = -Float.infinity
      var age = 0
      while age < seen {
        let slot = newest >= age ? newest &- age : newest &- age &+ context
        let score = scale * rotary.product(q + column, keys + slot &* model &+ column, table + 2 &* age &* rotary.pairs)
        scores[age] = score
        greatest = max(greatest, score)
        age &+= 1
      }
      forEachVector(seen) { j, active in
        store(scores + j, exp(load(scores + j, active) - splat(greatest)), active)
      }
      var total: Float = 0
      age = 0
      while age < seen {
        total += scores[age]
        age &+= 1
      }
      let factor = splat(1 / total)
      forEachVector(width) { j, active in
        var sum = Vector.zero
        var age = 0
        while age < seen {
          let slot = newest >= age ? newest &- age : newest &- age &+ context
          sum = fma(splat(scores[age]), load(values + slot &* model &+ column &+ j, active), sum)
          age &+= 1
        }
        store(y + column &+ j, sum * factor, active)
      }
      h &+= 1
    }
  }
}
