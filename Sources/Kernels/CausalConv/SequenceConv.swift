/// Mamba's depthwise causal convolution, followed by SiLU, over sequences with state: the last inputs of one call (the
/// tail) stand before the first position of the next, and an episode that begins inside a sequence sees zeros before it.
///
///     s[t, c] = bias[c] + Σ_k w[c, k] · x[t − (K−1) + k, c],   y = s · σ(s)
///
/// x: [batch × time, channels], rows `stride` apart; y: dense; w: [channels, K] as PyTorch stores conv1d.weight; a tail:
/// [batch, channels × K], newest last, as mamba-ssm keeps conv_state (its oldest column is never read). Nothing is stored
/// for the gradient: s is four products from x. `CausalConv` is the windowed form; the plain twin is in
/// SequenceConv+Reference.swift.
public struct SequenceConv: BitwiseCopyable {
  public let shape: SequenceShape
  public let channels, width: Int

  public init(shape: SequenceShape, channels: Int, width: Int) {
    precondition(width >= 1, "a convolution of \(width) taps")
    (self.shape, self.channels, self.width) = (shape, channels, width)
  }

  /// x and its neighbours in memory: rows `stride` floats apart.
  public struct Rows: BitwiseCopyable {
    public var start: UnsafeMutablePointer<Float>
    public var stride: Int
    public init(_ start: UnsafeMutablePointer<Float>, stride: Int) { (self.start, self.stride) = (start, stride) }
    @inline(__always) subscript(_ row: Int) -> Output { start + row &* stride }
  }

  /// Taps as the loops read them: at least four, the missing ones zero and before the others.
  var taps: Int { max(width, 4) }
  /// Floats of scratch.
  public var scratchCount: Int { (2 * taps + width + 4) * channels }

  /// `bias` [channels] or nil. `tail` is zero where nil; `final` is written where given, and may not overlap `tail`.
  @inline(never) public func forward(
    x: Rows, w: UnsafePointer<Float>, bias: UnsafePointer<Float>?, tail: Rows?, y: UnsafeMutablePointer<Float>,
    final: Rows?, scratch: UnsafeMutablePointer<Float>
  ) {
    let memory = Memory(self, w: w, bias: bias, scratch)
    var b = 0
    while b < shape.batch {
      var last = Segment(self, memory, sequence: b, x: x, tail: tail?[b])
      while let segment = last.next() {
        let out = y + b &* shape.time &* channels
        var t = segment.start
        while t < segment.end {
          if width <= 4 && t &+ 4 <= segment.end {
            fourRows(segment, memory, t, out + t &* channels)
            t &+= 4
          } else {
            preActivation(segment, memory, t, into: out + t &* channels)
            activate(out + t &* channels)
            t &+= 1
          }
        }
      }
      if let final { copyTail(last, to: final[b]) }
      b &+= 1
    }
  }

  /// What the loops read besides x: taps with channels on the vector axis, bias, a tail of rows, a row of zeros.
  struct Memory {
    let w, dw, bias, tail, zeros: Output

    init(_ conv: SequenceConv, w: Input, bias: Input?, _ scratch: Output) {
      let channels = conv.channels, width = conv.width, taps = conv.taps
      self.w = scratch
      dw = scratch + taps &* channels
      tail = dw + taps &* channels
      zeros = tail + width &* channels
      self.bias = zeros + channels
      self.w.update(repeating: 0, count: taps &* channels)
      zeros.update(repeating: 0, count: channels)
      transpose(channels, width, w, into: self.w + (taps &- width) &* channels)
      if let bias { self.bias.update(from: bias, count: channels) } else { self.bias.update(repeating: 0, count: channels) }
    }
  }

  /// Positions start ..< end of a sequence, which see nothing of what is before `start` but the tail.
  struct Segment {
    let x: Rows, tail, zeros: Output
    let hasTail: Bool, time, width, channels: Int
    /// Of the sequence's positions in `begins`.
    let begins: UnsafePointer<UInt8>?
    var start = 0, end = 0

    init(_ conv: SequenceConv, _ memory: Memory, sequence b: Int, x: Rows, tail given: Input?) {
      let shape = conv.shape
      (time, width, channels) = (shape.time, conv.width, conv.channels)
      self.x = Rows(x[b &* shape.time], stride: x.stride)
      (tail, zeros) = (memory.tail, memory.zeros)
      begins = shape.begins.map { $0 + b &* shape.time }
      if let given { transpose(channels, width, given, into: memory.tail) }
      hasTail = given != nil && !(shape.time > 0 && shape.beginsEpisode(b &* shape.time))
    }

    /// Moves on to the segment after this one.
    mutating func next() -> Segment? {
      guard end < time else { return nil }
      start = end
      end &+= 1
      if let begins { while end < time && begins[end] == 0 { end &+= 1 } } else { end = time }
      return self
    }

    var seesTail: Bool { hasTail && start == 0 }

    /// The input at a position that is seen from here, which may lie before `start`.
    @inline(__always) func input(_ t: Int) -> Output {
      if t >= start { return x[t] }
      return seesTail && t >= -width ? tail + (width &+ t) &* channels : zeros
    }
  }

  @inline(__always) private func fourRows(_ segment: Segment, _ memory: Memory, _ t: Int, _ y: Output) {
    let i0 = segment.input(t &- 3), i1 = segment.input(t &- 2), i2 = segment.input(t &- 1), i3 = segment.x[t]
    let i4 = segment.x[t &+ 1], i5 = segment.x[t &+ 2], i6 = segment.x[t &+ 3]
    let w = memory.w
    for row in 1...4 { prefetch(i6 + row &* segment.x.stride, channels) }
    forEachVector(channels) { c, active in
      let w0 = load(w + c, active), w1 = load(w + channels &+ c, active)
      let w2 = load(w + 2 &* channels &+ c, active), w3 = load(w + 3 &* channels &+ c, active)
      let bias = load(memory.bias + c, active)
      let x0 = load(i0 + c, active), x1 = load(i1 + c, active), x2 = load(i2 + c, active), x3 = load(i3 + c, active)
      let x4 = load(i4 + c, active), x5 = load(i5 + c, active), x6 = load(i6 + c, active)
      let s0 = fma(w3, x3, fma(w2, x2, fma(w1, x1, fma(w0, x0, bias))))
      let s1 = fma(w3, x4, fma(w2, x3, fma(w1, x2, fma(w0, x1, bias))))
      let s2 = fma(w3, x5, fma(w2, x4, fma(w1, x3, fma(w0, x2, bias))))
      let s3 = fma(w3, x6, fma(w2, x5, fma(w1, x4, fma(w0, x3, bias))))
      store(y + c, s0 * sigmoid(s0), active)
      store(y + channels &+ c, s1 * sigmoid(s1), active)
      store(y + 2 &* channels &+ c, s2 * sigmoid(s2), active)
      store(y + 3 &* channels &+ c, s3 * sigmoid(s3), active)
    }
  }

  /// s at one position, any width.
  func preActivation(_ segment: Segment, _ memory: Memory, _ t: Int, into s: Output) {
    s.update(from: memory.bias, count: channels)
    var k = taps &- width
    while k < taps {
      let input = segment.input(t &- (taps &- 1) &+ k), w = memory.w + k &* channels
      forEachVector(channels) { c, active in
        store(s + c, fma(load(w + c, active), load(input + c, active), load(s + c, active)), active)
      }
      k &+= 1
    }
  }

  private func activate(_ y: Output) {
    forEachVector(channels) { c, active in
      let s = load(y + c, active)
      store(y + c, s * sigmoid(s), active)
    }
  }

  /// The last `width` inputs that the next position will see. `segment` is the sequence's last.
  private func copyTail(_ segment: Segment, to final: Output) {
    var k = 0
    while k < width {
      let input = segment.input(shape.time &- width &+ k)
      var c = 0
      while c < channels {
        final[c &* width &+ k] = input[c]
        c &+= 1
      }
      k &+= 1
    }
  }
}

/// [channels, K] → [K, channels].
func transpose(_ channels: Int, _ width: Int, _ w: Input, into taps: Output) {
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
