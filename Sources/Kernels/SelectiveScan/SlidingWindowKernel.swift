/// The small loops around `SlidingWindowScan.step`. Rows are padded to whole vectors.

public enum SlidingWindowKernel {
  /// s2 = Σ delta, s1 = s2 + second, s0 = s1 + first, each [count].
  @inline(__always) public static func suffixSums(
    count: Int, delta: some Sequence<UnsafeMutablePointer<Float>>, second: UnsafePointer<Float>,
    first: UnsafePointer<Float>, s0: UnsafeMutablePointer<Float>, s1: UnsafeMutablePointer<Float>,
    s2: UnsafeMutablePointer<Float>
  ) {
    s2.update(repeating: 0, count: count)
    for row in delta { add(count, row, s2, into: s2) }
    add(count, s2, second, into: s1)
    add(count, s1, first, into: s0)
  }

  @inline(never) public static func add(
    _ count: Int, _ a: UnsafePointer<Float>, _ b: UnsafePointer<Float>, into c: UnsafeMutablePointer<Float>
  ) {
    forEachVector(count) { i, active in store(c + i, load(a + i, active) + load(b + i, active), active) }
  }

  @inline(never) public static func product(
    count: Int, _ a: UnsafePointer<Float>, _ b: UnsafePointer<Float>, into c: UnsafeMutablePointer<Float>
  ) {
    forEachVector(count) { i, active in store(c + i, load(a + i, active) * load(b + i, active), active) }
  }

  /// In place: y = (y + skip · u) · silu(z).
  @inline(never) public static func gate(
    count: Int, y: UnsafeMutablePointer<Float>, skip: UnsafePointer<Float>, u: UnsafePointer<Float>,
    z: UnsafePointer<Float>
  ) {
    forEachVector(count) { i, active in
      let gate = load(z + i, active)
      let output = fma(load(skip + i, active), load(u + i, active), load(y + i, active))
      store(y + i, output * gate * sigmoid(gate), active)
    }
  }

  /// u[k] = silu(bias + the last k + 1 taps), k = 0…3. x is [4, channels], oldest first; w [channels, 4]; u [4, padded].
  @inline(never) public static func tapVariants(
    channels: Int, padded: Int, x: UnsafePointer<Float>, w: UnsafePointer<Float>, bias: UnsafePointer<Float>,
    u: UnsafeMutablePointer<Float>
  ) {
    var c = 0
    while c < channels {
      var total = bias[c]
      var k = 0
      while k < 4 {
        total = total.addingProduct(w[c &* 4 &+ 3 &- k], x[(3 &- k) &* channels &+ c])
        u[k &* padded &+ c] = total
        k &+= 1
      }
      c &+= 1
    }
    forEachVector(4 &* padded) { i, active in
      let s = load(u + i, active)
      store(u + i, s * sigmoid(s), active)
    }
  }
}
