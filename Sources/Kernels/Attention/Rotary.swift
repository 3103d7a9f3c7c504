/// Rotary positions (Su et al. 2021): a head's columns in pairs, j with j + ⌊width / 2⌋, turned by position · θ_j,
/// θ_j = 10000^(−j / pairs). A product of two turned vectors depends on the difference of their positions alone, so a sequence
/// may count from anywhere. The odd column of an odd width is left as it is. The plain twin is in Rotary+Reference.swift.
public struct Rotary: BitwiseCopyable, Sendable {
  public let heads, width: Int
  public var pairs: Int { width / 2 }
  var model: Int { heads &* width }
  static let base = 10_000.0

  public init(heads: Int, width: Int) { (self.heads, self.width) = (heads, width) }

  /// Floats of a table of `positions`.
  public func tableCount(_ positions: Int) -> Int { 2 &* positions &* pairs }

  /// [positions][cosine, sine][pairs], from position 0 on. Turned on from one position to the next in Double: exact to a
  /// Float's last bit for any length that fits into memory, at a fraction of a sine's cost.
  @inline(never) public func fillTable(_ table: UnsafeMutablePointer<Float>, positions: Int) {
    var j = 0
    while j < pairs {
      let angle = power(Self.base, -Double(j) / Double(pairs))
      let (c, s) = (cosine(angle), sine(angle))
      var x = 1.0, y = 0.0, t = 0
      while t < positions {
        table[2 &* t &* pairs &+ j] = Float(x)
        table[(2 &* t &+ 1) &* pairs &+ j] = Float(y)
        (x, y) = (x * c - y * s, x * s + y * c)
        t &+= 1
      }
      j &+= 1
    }
  }

  /// In place: rows [rows, model], `stride` apart, each turned by the table's next position, backwards if `inverse`.
  @inline(never) public func turn(
    rows: Int, _ x: UnsafeMutablePointer<Float>, stride: Int, table: UnsafePointer<Float>, inverse: Bool = false
  ) {
    let sign = splat(inverse ? -1 : 1), pairs = pairs
    var r = 0
    while r < rows {
      let cosines = table + 2 &* r &* pairs, sines = cosines + pairs
      var h = 0
      while h < heads {
        let first = x + r &* stride &+ h &* width, second = first + pairs
        forEachVector(pairs) { j, active in
          let c = load(cosines + j, active), s = load(sines + j, active) * sign
          let a = load(first + j, active), b = load(second + j, active)
          store(first + j, fma(a, c, -(b * s)), active)
          store(second + j, fma(a, s, b * c), active)
        }
        h &+= 1
      }
      r &+= 1
    }
  }

  /// q · k of one head, k lying as many positions before q as the table's row says: [cosine, sine][pairs].
  @inline(__always) func product(_ q: Input, _ k: Input, _ row: Input) -> Float {
    let pairs = pairs
    var total = Vector.zero
    forEachVector(pairs) { j, active in
      let a = load(q + j, active), b = load(q + pairs &+ j, active)
      let c = load(k + j, active), d = load(k + pairs &+ j, active)
      total = fma(load(row + j, active), fma(a, c, b * d), total)
      total = fma(load(row + pairs &+ j, active), fma(a, d, -(b * c)), total)
    }
    return width & 1 == 0 ? sum(total) : sum(total) + q[width &- 1] * k[width &- 1]
  }
}
