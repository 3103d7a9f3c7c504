/// Gradients of `SequenceConv`, backwards in time: a position's gradient before the activation, d = dy · silu′(s), goes to
/// the taps, the bias and the inputs of this and the K − 1 earlier positions.

extension SequenceConv {
  /// dy [batch × time, channels] becomes d. `dx` rows are as `x` rows, written as `accumulation` says; dw, dBias [channels]
  /// and dTail (as `tail`) are added to.
  @inline(never) public func backward(
    x: Rows, w: UnsafePointer<Float>, bias: UnsafePointer<Float>?, tail: Rows?, dy: UnsafeMutablePointer<Float>, dx: Rows,
    _ accumulation: Accumulation, dw: UnsafeMutablePointer<Float>, dBias: UnsafeMutablePointer<Float>?, dTail: Rows?,
    scratch: UnsafeMutablePointer<Float>
  ) {
    let memory = Memory(self, w: w, bias: bias, scratch)
    // Two more rows of scratch: the gradient of the bias, and s of a single position.
    let biasGradient = scratch + (2 &* taps &+ width &+ 2) &* channels
    memory.dw.update(repeating: 0, count: taps &* channels)
    biasGradient.update(repeating: 0, count: channels)
    let adds = accumulation == .add
    var b = 0
    while b < shape.batch {
      var segment = Segment(self, memory, sequence: b, x: x, tail: tail?[b])
      let d = dy + b &* shape.time &* channels, out = Rows(dx[b &* shape.time], stride: dx.stride)
      while segment.next() != nil {
        var t = segment.end
        while width <= 4 && t &- 4 >= segment.start {
          t &-= 4
          fourRows(segment, memory, t, d, out, adds: adds, biasGradient)
        }
        while t > segment.start {
          t &-= 1
          oneRow(segment, memory, t, d, out, adds: adds, biasGradient)
        }
        if segment.seesTail, let dTail { tailGradient(segment, memory, d, dTail[b]) }
      }
      b &+= 1
    }
    var c = 0
    while c < channels {
      var k = 0
      while k < width {
        dw[c &* width &+ k] += memory.dw[(taps &- width &+ k) &* channels &+ c]
        k &+= 1
      }
      c &+= 1
    }
    if let dBias { Elementwise.sum(channels, dBias, biasGradient, into: dBias) }
  }

  @inline(__always) private func fourRows(
    _ segment: Segment, _ memory: Memory, _ t: Int, _ d: Output, _ dx: Rows, adds: Bool, _ dBias: Output
  ) {
    let i0 = segment.input(t &- 3), i1 = segment.input(t &- 2), i2 = segment.input(t &- 1), i3 = segment.x[t]
    let i4 = segment.x[t &+ 1], i5 = segment.x[t &+ 2], i6 = segment.x[t &+ 3]
    let here = d + t &* channels
    let later4 = t &+ 4 < segment.end ? here + 4 &* channels : memory.zeros
    let later5 = t &+ 5 < segment.end ? here + 5 &* channels : memory.zeros
    let later6 = t &+ 6 < segment.end ? here + 6 &* channels : memory.zeros
    let out0 = dx[t], out1 = dx[t &+ 1], out2 = dx[t &+ 2], out3 = dx[t &+ 3]
    let w = memory.w, dw = memory.dw
    forEachVector(channels) { c, active in
      let w0 = load(w + c, active), w1 = load(w + channels &+ c, active)
      let w2 = load(w + 2 &* channels &+ c, active), w3 = load(w + 3 &* channels &+ c, active)
      let bias = load(memory.bias + c, active)
      let x0 = load(i0 + c, active), x1 = load(i1 + c, active), x2 = load(i2 + c, active), x3 = load(i3 + c, active)
      let x4 = load(i4 + c, active), x5 = load(i5 + c, active), x6 = load(i6 + c, active)
      let p = here + c
      let d0 = load(p, active) * siluSlope(fma(w3, x3, fma(w2, x2, fma(w1, x1, fma(w0, x0, bias)))))
      let d1 = load(p + channels, active) * siluSlope(fma(w3, x4, fma(w2, x3, fma(w1, x2, fma(w0, x1, bias)))))
      let d2 = load(p + 2 &* channels, active) * siluSlope(fma(w3, x5, fma(w2, x4, fma(w1, x3, fma(w0, x2, bias)))))
      let d3 = load(p + 3 &* channels, active) * siluSlope(fma(w3, x6, fma(w2, x5, fma(w1, x4, fma(w0, x3, bias)))))
      store(p, d0, active)
      store(p + channels, d1, active)
      store(p + 2 &* channels, d2, active)
      store(p + 3 &* channels, d3, active)
      add(fma(d3, x3, fma(d2, x2, fma(d1, x1, d0 * x0))), to: dw + c, active)
      add(fma(d3, x4, fma(d2, x3, fma(d1, x2, d0 * x1))), to: dw + channels &+ c, active)
      add(fma(d3, x5, fma(d2, x4, fma(d1, x3, d0 * x2))), to: dw + 2 &* channels &+ c, active)
      add(fma(d3, x6, fma(d2, x5, fma(d1, x4, d0 * x3))), to: dw + 3 &* channels &+ c, active)
      add(d0 + d1 + (d2 + d3), to: dBias + c, active)
      let d4 = load(later4 + c, active), d5 = load(later5 + c, active), d6 = load(later6 + c, active)
      write(fma(w0, d3, fma(w1, d2, fma(w2, d1, w3 * d0))), to: out0 + c, active, adds: adds)
      write(fma(w0, d4, fma(w1, d3, fma(w2, d2, w3 * d1))), to: out1 + c, active, adds: adds)
      write(fma(w0, d5, fma(w1, d4, fma(w2, d3, w3 * d2))), to: out2 + c, active, adds: adds)
      write(fma(w0, d6, fma(w1, d5, fma(w2, d4, w3 * d3))), to: out3 + c, active, adds: adds)
    }
  }

  /// One position, any width. The row of scratch behind dBias holds s for a moment.
  private func oneRow(
    _ segment: Segment, _ memory: Memory, _ t: Int, _ d: Output, _ dx: Rows, adds: Bool, _ dBias: Output
  ) {
    let here = d + t &* channels, s = dBias + channels
    preActivation(segment, memory, t, into: s)
    forEachVector(channels) { c, active in
      let gradient = load(here + c, active) * siluSlope(load(s + c, active))
      store(here + c, gradient, active)
      add(gradient, to: dBias + c, active)
    }
    if !adds { dx[t].update(repeating: 0, count: channels) }
    var j = 0  // positions later
    while j < width {
      let k = taps &- 1 &- j
      let input = segment.input(t &- j), w = memory.w + k &* channels, dw = memory.dw + k &* channels
      let later = t &+ j < segment.end ? here + j &* channels : memory.zeros, out = dx[t]
      forEachVector(channels) { c, active in
        store(dw + c, fma(load(here + c, active), load(input + c, active), load(dw + c, active)), active)
        store(out + c, fma(load(w + c, active), load(later + c, active), load(out + c, active)), active)
      }
      j &+= 1
    }
  }

  /// What the first positions send to the inputs before them.
  private func tailGradient(_ segment: Segment, _ memory: Memory, _ d: Output, _ dTail: Output) {
    var t = 0
    while t < min(width &- 1, segment.end) {
      var k = 0  // the tap at position t that reads column t + 1 + k of the tail
      while k < width &- 1 &- t {
        let w = memory.w + (taps &- width &+ k) &* channels
        var c = 0
        while c < channels {
          dTail[c &* width &+ t &+ 1 &+ k] += d[t &* channels &+ c] * w[c]
          c &+= 1
        }
        k &+= 1
      }
      t &+= 1
    }
  }
}

@inline(__always) private func add(_ v: Vector, to p: Output, _ active: Int) { store(p, load(p, active) + v, active) }
@inline(__always) private func write(_ v: Vector, to p: Output, _ active: Int, adds: Bool) {
  store(p, adds ? load(p, active) + v : v, active)
}
