/// `SelectiveScan` one position at a time, for one actor. The state stays as it is handed on, [channels, states], so states
/// lie on the vector axis here.

extension SelectiveScan {
  /// Floats of scratch for `step`.
  public static func stepScratchCount(channels: Int) -> Int { 8 * channels }

  /// −exp(A_log)·log₂e [count], as `step` reads it.
  @inline(never) public static func scale(aLog: UnsafePointer<Float>, count: Int, into a: UnsafeMutablePointer<Float>) {
    forEachVector(count) { i, active in store(a + i, exp(load(aLog + i, active)) * splat(-log2e), active) }
  }

  /// h [channels, states] moves on by one position, and out = (C·h + D u) · silu(z). delta, u, skip, z, out: [channels];
  /// b, c: [states].
  @inline(never) public static func step(
    channels: Int, states: Int, scaledA: UnsafePointer<Float>, h: UnsafeMutablePointer<Float>, delta: UnsafePointer<Float>,
    u: UnsafePointer<Float>, b: UnsafePointer<Float>, c: UnsafePointer<Float>, skip: UnsafePointer<Float>,
    z: UnsafePointer<Float>, out: UnsafeMutablePointer<Float>, scratch partial: UnsafeMutablePointer<Float>
  ) {
    var d = 0
    while d < channels {
      let step = delta[d], v = step * u[d], start = d &* states
      var total = Wide.zero
      var n = 0
      while n < states {
        let active = states &- n
        let decay = ClampedPower.of(wide(step), loadWide(scaledA + start &+ n, active))
        let state = fma(decay, loadWide(h + start &+ n, active), wide(v) * loadWide(b + n, active))
        store(h + start &+ n, state, active)
        total = fma(state, loadWide(c + n, active), total)
        n &+= 16
      }
      store(partial + 8 &* d, total.lowHalf + total.highHalf)
      d &+= 1
    }
    forEachSumOfEight(channels, partial) { d, active, sums in
      let y = fma(load(skip + d, active), load(u + d, active), sums), gate = load(z + d, active)
      store(out + d, y * gate * sigmoid(gate), active)
    }
  }
}
