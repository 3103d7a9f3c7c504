/// One step of an LSTM (PyTorch's `nn.LSTM`: gates in the order i, f, g, o), products and activations in one pass:
///
///     a = bias + x W_ihᵀ + h′ W_hhᵀ    i, f, o = σ(a_i), σ(a_f), σ(a_o)    g = tanh(a_g)
///     c = f c′ + i g                   h = o tanh(c)
///
/// h′ and c′ are the step's before. Weights are packed so that a product's tile holds all four gates of eight units in
/// registers: pre-activations never reach memory, and the products run faster than 64 rows do through CBLAS, which packs
/// the weight anew every step. The plain twin is in LSTMCell+Reference.swift.
public struct LSTMCell: BitwiseCopyable, Sendable {
  public let size: Int
  public init(size: Int) { self.size = size }

  /// Rows [rows, inputs], `stride` apart, and the packed weight that they meet.
  public struct Product: BitwiseCopyable {
    var rows: UnsafePointer<Float>
    var stride, inputs: Int
    var packed: UnsafePointer<Float>
    public init(_ rows: UnsafePointer<Float>, stride: Int, inputs: Int, packed: UnsafePointer<Float>) {
      (self.rows, self.stride, self.inputs, self.packed) = (rows, stride, inputs, packed)
    }
  }

  public func packedCount(inputs: Int) -> Int { (size + 7) / 8 * inputs * 4 * lanes }

  /// W [4 size, inputs] → [⌈size / 8⌉][inputs][gate][8 units], units beyond `size` zero.
  @inline(never) public func pack(_ weight: UnsafePointer<Float>, inputs: Int, into packed: UnsafeMutablePointer<Float>) {
    if size & 7 != 0 { packed.update(repeating: 0, count: packedCount(inputs: inputs)) }
    var unit = 0
    while unit < size {
      let units = min(lanes, size &- unit), panel = packed + unit &* inputs &* 4
      var k = 0
      while k < inputs {
        var gate = 0
        while gate < 4 {
          let source = weight + (gate &* size &+ unit) &* inputs &+ k, target = panel + (k &* 4 &+ gate) &* lanes
          var lane = 0
          while lane < units {
            target[lane] = source[lane &* inputs]
            lane &+= 1
          }
          gate &+= 1
        }
        k &+= 1
      }
      unit &+= lanes
    }
  }

  /// `bias` [4 size] is shared by all rows. `hidden` holds h′ and is nil with `previous`, c′, where both are zero. Rows of c
  /// and c′ are `cStride` apart, and c may be c′; h may not be h′. `gates` [rows, 4 size], if wanted, get i, f, g, o.
  @inline(never) public func forward(
    rows: Int, bias: UnsafePointer<Float>, x: Product?, hidden: Product?, previous: UnsafePointer<Float>?,
    c: UnsafeMutablePointer<Float>, cStride: Int, h: UnsafeMutablePointer<Float>, hStride: Int,
    gates: UnsafeMutablePointer<Float>?, gateStride: Int
  ) {
    forEachVector(size) { unit, active in
      let start = Tile(
        i: load(bias + unit, active), f: load(bias + size &+ unit, active), g: load(bias + 2 &* size &+ unit, active),
        o: load(bias + 3 &* size &+ unit, active))
      var r = 0
      while r &+ 3 <= rows {
        var first = start, second = start, third = start
        if let x { multiply(x, unit, r, &first, &second, &third) }
        if let hidden { multiply(hidden, unit, r, &first, &second, &third) }
        finish(first, r)
        finish(second, r &+ 1)
        finish(third, r &+ 2)
        r &+= 3
      }
      while r < rows {
        var tile = start
        if let x { multiply(x, unit, r, &tile) }
        if let hidden { multiply(hidden, unit, r, &tile) }
        finish(tile, r)
        r &+= 1
      }

      @inline(__always) func finish(_ a: Tile, _ r: Int) {
        let i = sigmoid(a.i), f = sigmoid(a.f), g = tanh(a.g), o = sigmoid(a.o)
        let cell = r &* cStride &+ unit
        let state = if let previous { fma(f, load(previous + cell, active), i * g) } else { i * g }
        if let gates {
          let gate = gates + r &* gateStride &+ unit
          store(gate, i, active)
          store(gate + size, f, active)
          store(gate + 2 &* size, g, active)
          store(gate + 3 &* size, o, active)
        }
        store(c + cell, state, active)
        store(h + r &* hStride &+ unit, o * tanh(state), active)
      }
    }
  }

  /// In place, the gates become da, and dc the gradient of c′. dh, dc [rows, size], dense; dBias [4 size] is added to.
  @inline(never) public func backward(
    rows: Int, gates: UnsafeMutablePointer<Float>, gateStride: Int, previous: UnsafePointer<Float>?, previousStride: Int,
    c: UnsafePointer<Float>, cStride: Int, dh: UnsafePointer<Float>, dc: UnsafeMutablePointer<Float>,
    dBias: UnsafeMutablePointer<Float>
  ) {
    let one = splat(1)
    var r = 0
    while r < rows {
      let gate = gates + r &* gateStride, cell = r &* cStride, dense = r &* size, older = r &* previousStride
      forEachVector(size) { j, active in
        let i = load(gate + j, active), f = load(gate + size &+ j, active)
        let g = load(gate + 2 &* size &+ j, active), o = load(gate + 3 &* size &+ j, active)
        let squashed = tanh(load(c + cell &+ j, active)), dHidden = load(dh + dense &+ j, active)
        let dCell = fma(dHidden * o, one - squashed * squashed, load(dc + dense &+ j, active))
        let before = previous.map { load($0 + older &+ j, active) } ?? .zero
        put(dCell * g * i * (one - i), j, active)
        put(dCell * before * f * (one - f), size &+ j, active)
        put(dCell * i * (one - g * g), 2 &* size &+ j, active)
        put(dHidden * squashed * o * (one - o), 3 &* size &+ j, active)
        store(dc + dense &+ j, dCell * f, active)
      }
      r &+= 1

      @inline(__always) func put(_ d: Vector, _ column: Int, _ active: Int) {
        store(gate + column, d, active)
        store(dBias + column, load(dBias + column, active) + d, active)
      }
    }
  }
}

/// Pre-activations of eight units of one row.
private struct Tile {
  var i, f, g, o: Vector
}

/// Three rows at a time: twelve accumulators, three inputs and a weight fill the sixteen registers.
@inline(__always) private func multiply(
  _ product: LSTMCell.Product, _ unit: Int, _ r: Int, _ a: inout Tile, _ b: inout Tile, _ c: inout Tile
) {
  var i0 = a.i, f0 = a.f, g0 = a.g, o0 = a.o
  var i1 = b.i, f1 = b.f, g1 = b.g, o1 = b.o
  var i2 = c.i, f2 = c.f, g2 = c.g, o2 = c.o
  let x0 = product.rows + r &* product.stride, x1 = x0 + product.stride, x2 = x1 + product.stride
  var w = product.packed + unit &* product.inputs &* 4
  var k = 0
  while k < product.inputs {
    let r0 = splat(x0[k]), r1 = splat(x1[k]), r2 = splat(x2[k])
    let i = load(w), f = load(w + 8), g = load(w + 16), o = load(w + 24)
    (i0, i1, i2) = (fma(i, r0, i0), fma(i, r1, i1), fma(i, r2, i2))
    (f0, f1, f2) = (fma(f, r0, f0), fma(f, r1, f1), fma(f, r2, f2))
    (g0, g1, g2) = (fma(g, r0, g0), fma(g, r1, g1), fma(g, r2, g2))
    (o0, o1, o2) = (fma(o, r0, o0), fma(o, r1, o1), fma(o, r2, o2))
    w += 32
    k &+= 1
  }
  a = Tile(i: i0, f: f0, g: g0, o: o0)
  b = Tile(i: i1, f: f1, g: g1, o: o1)
  c = Tile(i: i2, f: f2, g: g2, o: o2)
}

@inline(__always) private func multiply(_ product: LSTMCell.Product, _ unit: Int, _ r: Int, _ a: inout Tile) {
  let x = product.rows + r &* product.stride
  var w = product.packed + unit &* product.inputs &* 4
  var k = 0
  while k < product.inputs {
    let input = splat(x[k])
    a.i = fma(load(w), input, a.i)
    a.f = fma(load(w + 8), input, a.f)
    a.g = fma(load(w + 16), input, a.g)
    a.o = fma(load(w + 24), input, a.o)
    w += 32
    k &+= 1
  }
}
