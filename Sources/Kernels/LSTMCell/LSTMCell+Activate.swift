/// The step of an LSTM after its products, where those are made elsewhere: of sequences, whose inputs' product is one for all
/// positions. In two passes a row: one alone is a single chain from the gates to tanh(c), and the processor waits for it.
extension LSTMCell {
  /// In place, gates [rows, 4 size] hold a and become i, f, g, o. `previous` is c′, nil where it is zero; c may be c′. The
  /// rows of each are their stride apart.
  @inline(never) public func activate(
    rows: Int, gates: UnsafeMutablePointer<Float>, gateStride: Int, previous: UnsafePointer<Float>?, previousStride: Int,
    c: UnsafeMutablePointer<Float>, cStride: Int, h: UnsafeMutablePointer<Float>, hStride: Int
  ) {
    var r = 0
    while r < rows {
      let a = gates + r &* gateStride, c = c + r &* cStride, h = h + r &* hStride
      let previous = previous.map { $0 + r &* previousStride }
      forEachVector(size) { j, active in
        let i = sigmoid(load(a + j, active)), f = sigmoid(load(a + size &+ j, active))
        let g = tanh(load(a + 2 &* size &+ j, active)), o = sigmoid(load(a + 3 &* size &+ j, active))
        store(a + j, i, active)
        store(a + size &+ j, f, active)
        store(a + 2 &* size &+ j, g, active)
        store(a + 3 &* size &+ j, o, active)
        store(c + j, previous.map { fma(f, load($0 + j, active), i * g) } ?? i * g, active)
      }
      forEachVector(size) { j, active in
        store(h + j, load(a + 3 &* size &+ j, active) * tanh(load(c + j, active)), active)
      }
      r &+= 1
    }
  }
}
