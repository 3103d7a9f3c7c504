/// One step of an LSTM after its matrix products (PyTorch's `nn.LSTM`: gates in the order i, f, g, o), in one pass:
///
///     i, f, o = σ(a_i), σ(a_f), σ(a_o)    g = tanh(a_g)    c = f c′ + i g    h = o tanh(c)
///
/// a = x W_ihᵀ + h′ W_hhᵀ without biases, [rows, 4 size]; c′ and h′ are the step's before, c′ nil where it is zero. The
/// plain twin is in LSTMCell+Reference.swift.
public struct LSTMCell: BitwiseCopyable, Sendable {
  public let size: Int
  public init(size: Int) { self.size = size }

  /// In place, a becomes the gates i, f, g, o. `bias` [4 size] is b_ih + b_hh. Rows of gates, of cells and of h are their
  /// stride apart. `c` may be `previous`.
  @inline(never) public func forward(
    rows: Int, gates: UnsafeMutablePointer<Float>, gateStride: Int, bias: UnsafePointer<Float>,
    previous: UnsafePointer<Float>?, c: UnsafeMutablePointer<Float>, cStride: Int, h: UnsafeMutablePointer<Float>,
    hStride: Int
  ) {
    var r = 0
    while r < rows {
      let gate = gates + r &* gateStride, cell = r &* cStride, hidden = h + r &* hStride
      forEachVector(size) { j, active in
        let i = sigmoid(load(gate + j, active) + load(bias + j, active))
        let f = sigmoid(load(gate + size &+ j, active) + load(bias + size &+ j, active))
        let g = tanh(load(gate + 2 &* size &+ j, active) + load(bias + 2 &* size &+ j, active))
        let o = sigmoid(load(gate + 3 &* size &+ j, active) + load(bias + 3 &* size &+ j, active))
        let state = if let previous { fma(f, load(previous + cell &+ j, active), i * g) } else { i * g }
        store(gate + j, i, active)
        store(gate + size &+ j, f, active)
        store(gate + 2 &* size &+ j, g, active)
        store(gate + 3 &* size &+ j, o, active)
        store(c + cell &+ j, state, active)
        store(hidden + j, o * tanh(state), active)
      }
      r &+= 1
    }
  }

  /// In place, the gates become da, and dc the gradient of c′. dh, dc [rows, size], dense; dBias [4 size] is added to.
  @inline(never) public func backward(
    rows: Int, gates: UnsafeMutablePointer<Float>, gateStride: Int, previous: UnsafePointer<Float>?,
    c: UnsafePointer<Float>, cStride: Int, dh: UnsafePointer<Float>, dc: UnsafeMutablePointer<Float>,
    dBias: UnsafeMutablePointer<Float>
  ) {
    let one = splat(1)
    var r = 0
    while r < rows {
      let gate = gates + r &* gateStride, cell = r &* cStride, dense = r &* size
      forEachVector(size) { j, active in
        let i = load(gate + j, active), f = load(gate + size &+ j, active)
        let g = load(gate + 2 &* size &+ j, active), o = load(gate + 3 &* size &+ j, active)
        let squashed = tanh(load(c + cell &+ j, active)), dHidden = load(dh + dense &+ j, active)
        let dCell = fma(dHidden * o, one - squashed * squashed, load(dc + dense &+ j, active))
        let before = previous.map { load($0 + cell &+ j, active) } ?? .zero
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
