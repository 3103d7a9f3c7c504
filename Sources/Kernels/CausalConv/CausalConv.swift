/// Mamba's depthwise causal convolution over time, followed by SiLU, in one pass.
///
///     s[b, l, c] = bias[c] + Σ_k w[c, k] · x[b, l − (K−1) + k, c]   (x = 0 before the window)
///     y = s · σ(s)
///
/// x, s, y: [batch, time, channel], dense; w: [channel, K] as PyTorch stores conv1d.weight. The pre-activation s is kept
/// for the gradient. The plain twin is in CausalConv+Reference.swift.
public enum CausalConv {
  @inline(never) public static func forward(
    batch: Int, time: Int, channels: Int, width: Int, x: UnsafePointer<Float>, w: UnsafePointer<Float>,
    bias: UnsafePointer<Float>, s: UnsafeMutablePointer<Float>, y: UnsafeMutablePointer<Float>
  ) {
    if width == 4 { return forward4(batch, time, channels, x, w, bias, s, y) }
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
            total = fma(tap(w, c, k, width, active), load(x + there, active), total)
            k &+= 1
          }
          store(s + here, total, active)
          store(y + here, total * sigmoid(total), active)
          l &+= 1
        }
        b &+= 1
      }
    }
  }

  /// dx, dw, dBias are added to.
  @inline(never) public static func backward(
    batch: Int, time: Int, channels: Int, width: Int, x: UnsafePointer<Float>, w: UnsafePointer<Float>,
    s: UnsafePointer<Float>, dy: UnsafePointer<Float>, dx: UnsafeMutablePointer<Float>,
    dw: UnsafeMutablePointer<Float>, dBias: UnsafeMutablePointer<Float>
  ) {
    if width == 4 { return backward4(batch, time, channels, x, w, s, dy, dx, dw, dBias) }
    forEachVector(channels) { c, active in
      var b = 0
      while b < batch {
        var l = 0
        while l < time {
          let here = (b &* time &+ l) &* channels &+ c
          let d = load(dy + here, active) * slope(load(s + here, active))
          store(dBias + c, load(dBias + c, active) + d, active)
          var k = max(0, width &- 1 &- l)
          while k < width {
            let there = here &- (width &- 1 &- k) &* channels
            addTap(dw, c, k, width, active, d * load(x + there, active))
            store(dx + there, fma(d, tap(w, c, k, width, active), load(dx + there, active)), active)
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
    _ batch: Int, _ time: Int, _ channels: Int, _ x: Input, _ w: Input, _ bias: Input, _ s: Output, _ y: Output
  ) {
    var b = 0
    while b < batch {
      forEachVector(channels) { c, active in
        let w0 = tap(w, c, 0, 4, active), w1 = tap(w, c, 1, 4, active)
        let w2 = tap(w, c, 2, 4, active), w3 = tap(w, c, 3, 4, active)
        let shift = load(bias + c, active)
        var x3 = Vector.zero, x2 = Vector.zero, x1 = Vector.zero  // three, two, one step ago
        var here = b &* time &* channels &+ c
        var l = 0
        while l < time {
          let x0 = load(x + here, active)
          let total = fma(w3, x0, fma(w2, x1, fma(w1, x2, fma(w0, x3, shift))))
          store(s + here, total, active)
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
    _ batch: Int, _ time: Int, _ channels: Int, _ x: Input, _ w: Input, _ s: Input, _ dy: Input, _ dx: Output,
    _ dw: Output, _ dBias: Output
  ) {
    var b = 0
    while b < batch {
      forEachVector(channels) { c, active in
        let w0 = tap(w, c, 0, 4, active), w1 = tap(w, c, 1, 4, active)
        let w2 = tap(w, c, 2, 4, active), w3 = tap(w, c, 3, 4, active)
        var g0 = Vector.zero, g1 = Vector.zero, g2 = Vector.zero, g3 = Vector.zero, gBias = Vector.zero
        var d3 = Vector.zero, d2 = Vector.zero, d1 = Vector.zero  // three, two, one step later
        var here = (b &* time &+ time &- 1) &* channels &+ c
        var l = time &- 1
        while l >= 0 {
          let d0 = load(dy + here, active) * slope(load(s + here, active))
          let input = load(x + here, active)
          gBias += d0
          g3 = fma(d0, input, g3)
          g2 = fma(d1, input, g2)
          g1 = fma(d2, input, g1)
          g0 = fma(d3, input, g0)
          let total = fma(w3, d0, fma(w2, d1, fma(w1, d2, w0 * d3)))
          store(dx + here, load(dx + here, active) + total, active)
          (d3, d2, d1) = (d2, d1, d0)
          here &-= channels
          l &-= 1
        }
        addTap(dw, c, 0, 4, active, g0)
        addTap(dw, c, 1, 4, active, g1)
        addTap(dw, c, 2, 4, active, g2)
        addTap(dw, c, 3, 4, active, g3)
        store(dBias + c, load(dBias + c, active) + gBias, active)
      }
      b &+= 1
    }
  }

  /// d silu / ds = σ(s)(1 + s(1 − σ(s))).
  @inline(__always) private static func slope(_ s: Vector) -> Vector {
    let g = sigmoid(s)
    return g * fma(s, splat(1) - g, splat(1))
  }

  /// Tap k of eight channels: a strided gather from [channel, K].
  @inline(__always) private static func tap(_ w: Input, _ c: Int, _ k: Int, _ width: Int, _ active: Int) -> Vector {
    var v = Vector.zero
    var i = 0
    while i < active {
      v[i] = w[(c &+ i) &* width &+ k]
      i &+= 1
    }
    return v
  }
  @inline(__always) private static func addTap(
    _ dw: Output, _ c: Int, _ k: Int, _ width: Int, _ active: Int, _ v: Vector
  ) {
    var i = 0
    while i < active {
      dw[(c &+ i) &* width &+ k] += v[i]
      i &+= 1
    }
  }
}
