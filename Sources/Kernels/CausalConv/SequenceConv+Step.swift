/// `SequenceConv` one position at a time.

extension SequenceConv {
  /// The newest input x [channels] moves into the tail [channels, width], newest last; y[c] = silu(bias[c] + Σ_k w[c, k]
  /// tail[c, k]). Constant cost, any width.
  @inline(never) public static func step(
    channels: Int, width: Int, x: UnsafePointer<Float>, w: UnsafePointer<Float>, bias: UnsafePointer<Float>?,
    tail: UnsafeMutablePointer<Float>, y: UnsafeMutablePointer<Float>
  ) {
    var c = 0
    if width == 4 {
      // Four channels and their four taps in one vector; the vector that begins one float later holds the tail moved on.
      while c &+ 4 < channels {
        let state = tail + 4 &* c
        store(state, loadWide(state + 1))
        (state[3], state[7], state[11], state[15]) = (x[c], x[c &+ 1], x[c &+ 2], x[c &+ 3])
        let product = loadWide(state) * loadWide(w + 4 &* c)
        let pairs = product.evenHalf + product.oddHalf
        store(y + c, pairs.evenHalf + pairs.oddHalf)
        c &+= 4
      }
    }
    while c < channels {
      let state = tail + width &* c
      var total: Float = 0
      var k = 0
      while k < width {
        state[k] = k &+ 1 < width ? state[k &+ 1] : x[c]
        total = total.addingProduct(w[width &* c &+ k], state[k])
        k &+= 1
      }
      y[c] = total
      c &+= 1
    }
    forEachVector(channels) { c, active in
      let s = bias.map { load(y + c, active) + load($0 + c, active) } ?? load(y + c, active)
      store(y + c, s * sigmoid(s), active)
    }
  }
}
