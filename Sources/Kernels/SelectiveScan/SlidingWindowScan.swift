/// The last output of `LastStateScan` while its window slides on by one token, at constant cost.
///
/// The convolution sees zeros before the window, so a token's u, Δ, B depend on its position while fewer than K = 4
/// tokens stand before and at it: every token has four variants, by the number of taps it sees, all known on arrival.
/// With F = Σ_(l ≥ 3) P_l v_l B_l, the tokens whose variant no longer changes, one step is
///     F ← exp(A Δ_new) F + v_new B_new − P_2 v_out B_out
/// where `out` is the token that comes to stand at position 2, and
///     y = Σ_n C_n (F + Σ_(l < 3) P_l v_l B_l) + D u_new
/// costs four exponentials a channel and state instead of time − 1. What is subtracted was added with the same factors, and
/// its rounding error decays with F, so the difference from the full window stays within rounding (tested).
public struct SlidingWindowScan: BitwiseCopyable, Sendable {
  public let channels: Int
  public let states: Int
  public init(channels: Int, states: Int) { (self.channels, self.states) = (channels, states) }

  /// Positions whose variant still changes: K − 1.
  public static let edges = 3

  /// A token at a position: v = Δu [padded channels] and B [states].
  public struct Token: BitwiseCopyable {
    public var v, b: UnsafePointer<Float>
    public init(v: UnsafePointer<Float>, b: UnsafePointer<Float>) { (self.v, self.b) = (v, b) }
  }

  /// One step. `f` is F, packed as A; `suffix` are S_0, S_1, S_2 [padded channels each]; `edge` the tokens at positions
  /// 0, 1, 2; y [padded channels] gets Σ_n C_n h_n, without the skip. `delta` is Δ_new.
  @inline(never) public func step(
    packedA: UnsafePointer<Float>, f: UnsafeMutablePointer<Float>, delta: UnsafePointer<Float>, arriving: Token,
    leaving: Token, edge: (Token, Token, Token),
    suffix: (UnsafePointer<Float>, UnsafePointer<Float>, UnsafePointer<Float>), c: UnsafePointer<Float>,
    y: UnsafeMutablePointer<Float>
  ) {
    var d = 0
    while d < channels {
      let scale = wide(decayScale)
      let step = loadWide(delta + d), v = loadWide(arriving.v + d), out = loadWide(leaving.v + d) * scale
      let s0 = loadWide(suffix.0 + d), s1 = loadWide(suffix.1 + d), s2 = loadWide(suffix.2 + d)
      let v0 = loadWide(edge.0.v + d) * scale, v1 = loadWide(edge.1.v + d) * scale, v2 = loadWide(edge.2.v + d) * scale
      var total = Wide.zero
      var n = 0
      while n < states {
        let packed = d &* states &+ n &* 16
        let a = loadWide(packedA + packed)
        let p2 = ClampedDecay.of(s2, a)
        let kept = ClampedDecay.of(step, a) * scale * loadWide(f + packed)
        let state = fma(v, wide(arriving.b[n]), kept) - p2 * out * wide(leaving.b[n])
        store(f + packed, state)
        var h = fma(p2 * v2, wide(edge.2.b[n]), state)
        h = fma(ClampedDecay.of(s1, a) * v1, wide(edge.1.b[n]), h)
        h = fma(ClampedDecay.of(s0, a) * v0, wide(edge.0.b[n]), h)
        total = fma(h, wide(c[n]), total)
        n &+= 1
      }
      store(y + d, total)
      d &+= 16
    }
  }
}
