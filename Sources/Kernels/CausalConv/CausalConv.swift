/// Mamba's depthwise causal convolution over time, followed by SiLU, in one pass.
///
///     s[b, l, c] = bias[c] + Σ_k w[c, k] · x[b, l − (K−1) + k, c]   (x = 0 before the window)
///     y = s · σ(s)
///
/// x, s, y: [batch, time, channel], dense; w: [channel, K] as PyTorch stores conv1d.weight. The pre-activation s is kept
/// for the gradient where one is wanted. The plain twin is in CausalConv+Reference.swift.
public enum CausalConv {
  /// Floats of scratch: the taps, and their gradient, with channels on the vector axis.
  public static func scratchCount(channels: Int, width: Int) -> Int { 2 * width * channels }

  @inline(never) public static func forward(
    batch: Int, time: Int, channels: Int, width: Int, x: UnsafePointer<Float>, w: UnsafePointer<Float>,
    bias: UnsafePointer<Float>, s: UnsafeMutablePointer<Float>?, y: UnsafeMutablePointer<Float>,
    scratch taps: UnsafeMutablePointer<Float>
  ) {
    transpose(channels, width, w, into: taps)
    if width == 4 { return forward4(batch, time, channels, x, taps, bias, s, y) }
    forEachVector(channels) { c, active in
      var b = 0
      while b < batch {
        var l = 0
        while l < time {
          let here = (b &* time &+ l) &* channels &+ c
          var total = load(bias + c, active)
          var k = max(0, width &- 1 &- l)
          while k < width {
            let there = here &- (width &- 1 &- k) &* channels
            total = fma(load(taps + k &* channels &+ c, active), load(x + there, active), total)
            k &+= 1
          }
          if let s { store(s + here, total, active) }
          store(y + here, total * sigmoid(total), active)
          l &+= 1
        }
        b &+= 1
      }
    }
  }

  /// dw and dBias are added to; dx as `accumulation` says.
  @inline(never) public static func backward(
    batch: Int, time: Int, channels: Int, width: Int, x: UnsafePointer<Float>, w: UnsafePointer<Float>,
    s: UnsafePointer<Float>, dy: UnsafePointer<Float>, dx: UnsafeMutablePointer<Float>, _ accumulation: Accumulation,
    dw: UnsafeMutablePointer<Float>, dBias: UnsafeMutablePointer<Float>, scratch taps: UnsafeMutablePointer<Float>
  ) {
    transpose(channels, width, w, into: taps)
    let dTaps = taps + width &* channels
    dTaps.update(repeating: 0, count: width &* channels)
    defer { addTransposed(channels, width, dTaps, to: dw) }
    if width == 4 { return backward4(batch, time, channels, x, taps, s, dy, dx, accumulation, dTaps, dBias) }
    if accumulation == .overwrite { dx.update(repeating: 0, count: batch &* time &* channels) }
    forEachVector(channels) { c, active in
      var b = 0
      while b < batch {
        var l = 0
        while l < time {
          let here = (b &* time &+ l) &* channels &+ c
          let d = load(dy + here, active) * siluSlope(load(s + here, active))
          store(dBias + c, load(dBias + c, active) + d, active)
          var k = max(0, width &- 1 &- l)
          while k < width {
            let there = here &- (width &- 1 &- k) &* channels
            let here = k &* channels &+ c
            store(dTaps + here, fma(d, load(x + there, active), load(dTaps + here, active)), active)
            store(dx + there, fma(d, load(taps + here, active), load(dx + there, active)), active)
            k &+= 1
          }
          l &+= 1
        }
        b &+= 1
      }
    }
  }

  /// The published width: four taps in registers, the three earlier inputs carried along.
  @inline(__always) private static func forward4(
    _ batch: Int, _ time: Int, _ channels: Int, _ x: Input, _ taps: Input, _ bias: Input, _ s: Output?, _ y: Output
  ) {
    var b = 0
    while b < batch {
      forEachVector(channels) { c, active in
        let w0 = load(taps + c, active), w1 = load(taps + channels &+ c, active)
        let w2 = load(taps + 2 &* channels &+ c, active), w3 = load(taps + 3 &* channels &+ c, active)
        let shift = load(bias + c, active)
        var x3 = Vector.zero, x2 = Vector.zero, x1 = Vector.zero  // three, two, one step ago
        var here = b &* time &* channels &+ c
        var l = 0
        while l < time {
          let x0 = load(x + here, active)
          let total = fma(w3, x0, fma(w2, x1, fma(w1, x2, fma(w0, x3, shift))))
          if let s { store(s + here, total, active) }
          store(y + here, total * sigmoid(total), active)
          (x3, x2, x1) = (x2, x1, x0)
          here &+= channels
          l &+= 1
        }
      }
      b &+= 1
    }
  }

  /// Backwards in time: the gradients of the three later outputs are carried along.
  @inline(__always) private static func backward4(
    _ batch: Int, _ time: Int, _ channels: Int, _ x: Input, _ taps: Input, _ s: Input, _ dy: Input, _ dx: Output,
    _ accumulation: Accumulation, _ dTaps: Output, _ dBias: Output
  ) {
    var b = 0
    while b < batch {
      forEachVector(channels) { c, active in
        let w0 = load(taps + c, active), w1 = load(taps + channels &+ c, active)
        let w2 = load(taps + 2 &* channels &+ c, active), w3 = load(taps + 3 &* channels &+ c, active)
        var g0 = Vector.zero, g1 = Vector.zero, g2 = Vector.zero, g3 = Vector.zero, gBias = Vector.zero
        var d3 = Vector.zero, d2 = Vector.zero, d1 = Vector.zero  // three, two, one step later
        var here = (b &* time &+ time &- 1) &* channels &+ c
        var l = time &- 1
        while l >= 0 {
          let d0 = load(dy + here, active) * siluSlope(load(s + here, active))
          let input = load(x + here, active)
          gBias += d0
          g3 = fma(d0, input, g3)
          g2 = fma(d1, input, g2)
          g1 = fma(d2, input, g1)
          g0 = fma(d3, input, g0)
          let total = fma(w3, d0, fma(w2, d1, fma(w1, d2, w0 * d3)))
          store(dx + here, accumulation == .add ? load(dx + here, active) + total : total, active)
          (d3, d2, d1) = (d2, d1, d0)
          here &-= channels
          l &-= 1
        }
        add(g0, to: dTaps + c, active)
        add(g1, to: dTaps + channels &+ c, active)
        add(g2, to: dTaps + 2 &* channels &+ c, active)
        add(g3, to: dTaps + 3 &* channels &+ c, active)
        store(dBias + c, load(dBias + c, active) + gBias, active)
      }
      b &+= 1
    }
  }

  @inline(__always) private static func add(_ v: Vector, to p: Output, _ active: Int) {
    store(p, load(p, active) + v, active)
  }

  /// [channel, K] → [K, channel].
  private static func transpose(_ channels: Int, _ width: Int, _ w: Input, into taps: Output) {
    var c = 0
    while c < channels {
      var k = 0
      while k < width {
        taps[k &* channels &+ c] = w[c &* width &+ k]
        k &+= 1
      }
      c &+= 1
    }
  }
  private static func addTransposed(_ channels: Int, _ width: Int, _ dTaps: Input, to dw: Output) {
    var c = 0
    while c < channels {
      var k = 0
      while k < width {
        dw[c &* width &+ k] += dTaps[k &* channels &+ c]
        k &+= 1
      }
      c &+= 1
    }
  }
}
