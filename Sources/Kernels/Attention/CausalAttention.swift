/// Causal multi-head attention over short windows (Vaswani et al. 2017, section 3.2; PyTorch's `nn.MultiheadAttention`
/// between its projections). Queries stand for the last `queries` positions of every window: all of them in an inner layer,
/// one where only the last position is read.
///
///     S[i, s] = q_i · k_s / √w  for s ≤ time − queries + i      P = softmax over s      y_i = Σ_s P[i, s] v_s
///
/// q, y: [batch, queries, model]; keys and values side by side, kv: [batch, time, 2 model]; all dense. Head h owns columns
/// h·w ..< (h + 1)·w of the model. P: [batch, heads, queries, time], kept for the gradient.
/// The plain twin is in CausalAttention+Reference.swift.
public struct CausalAttention: BitwiseCopyable, Sendable {
  public let batch, time, queries, heads, width: Int
  public var model: Int { heads * width }

  /// `width` is that of one head.
  public init(batch: Int, time: Int, queries: Int, heads: Int, width: Int) {
    precondition(queries <= time, "\(queries) queries in windows of \(time)")
    (self.batch, self.time, self.queries, self.heads, self.width) = (batch, time, queries, heads, width)
  }

  public var probabilityCount: Int { batch * heads * queries * time }
  /// Floats of scratch for `backward`: dS of one head of one window.
  public var scratchCount: Int { queries * time }

  /// Positions that query `i` sees.
  @inline(__always) func visible(_ i: Int) -> Int { time &- queries &+ i &+ 1 }

  @inline(never) public func forward(
    q: UnsafePointer<Float>, kv: UnsafePointer<Float>, probabilities: UnsafeMutablePointer<Float>,
    y: UnsafeMutablePointer<Float>
  ) {
    let scale = 1 / Float(width).squareRoot()
    forEachHead { b, h, p in
      let q = q + b &* queries &* model &+ h &* width, y = y + b &* queries &* model &+ h &* width
      let k = kv + b &* time &* 2 &* model &+ h &* width, v = k + model
      let probabilities = probabilities + p
      var i = 0
      while i < queries {
        let row = probabilities + i &* time, count = visible(i)
        var s = 0
        while s < count {
          row[s] = scale * dot(q + i &* model, k + s &* 2 &* model)
          s &+= 1
        }
        softmax(row, count)
        while s < time {  // what lies ahead is not seen
          row[s] = 0
          s &+= 1
        }
        forEachVector(width) { j, active in
          var total = Vector.zero
          var s = 0
          while s < count {
            total = fma(splat(row[s]), load(v + s &* 2 &* model &+ j, active), total)
            s &+= 1
          }
          store(y + i &* model &+ j, total, active)
        }
        i &+= 1
      }
    }
  }

  /// dq and dkv as their accumulations say.
  ///
  ///     dP = dy · vᵀ     dS = P (dP − Σ_s P dP) / √w     dq = dS · k     dk = dSᵀ · q     dv = Pᵀ · dy
  @inline(never) public func backward(
    q: UnsafePointer<Float>, kv: UnsafePointer<Float>, probabilities: UnsafePointer<Float>, dy: UnsafePointer<Float>,
    dq: UnsafeMutablePointer<Float>, _ dqAccumulation: Accumulation, dkv: UnsafeMutablePointer<Float>,
    _ dkvAccumulation: Accumulation, scratch dS: UnsafeMutablePointer<Float>
  ) {
    let scale = 1 / Float(width).squareRoot()
    forEachHead { b, h, p in
      let rowOffset = b &* queries &* model &+ h &* width, pairOffset = b &* time &* 2 &* model &+ h &* width
      let q = q + rowOffset, dy = dy + rowOffset, dq = dq + rowOffset
      let k = kv + pairOffset, v = k + model, dk = dkv + pairOffset, dv = dk + model
      let probabilities = probabilities + p
      var i = 0
      while i < queries {
        let row = probabilities + i &* time, slope = dS + i &* time, count = visible(i)
        var mean: Float = 0
        var s = 0
        while s < count {
          slope[s] = dot(dy + i &* model, v + s &* 2 &* model)
          mean += row[s] * slope[s]
          s &+= 1
        }
        s = 0
        while s < count {
          slope[s] = row[s] * (slope[s] - mean) * scale
          s &+= 1
        }
        forEachVector(width) { j, active in
          var total = dqAccumulation == .add ? load(dq + i &* model &+ j, active) : .zero
          var s = 0
          while s < count {
            total = fma(splat(slope[s]), load(k + s &* 2 &* model &+ j, active), total)
            s &+= 1
          }
          store(dq + i &* model &+ j, total, active)
        }
        i &+= 1
      }
      forEachVector(width) { j, active in
        var s = 0
        while s < time {
          let place = s &* 2 &* model &+ j
          var keyTotal = dkvAccumulation == .add ? load(dk + place, active) : .zero
          var valueTotal = dkvAccumulation == .add ? load(dv + place, active) : .zero
          var i = max(0, s &- (time &- queries))  // the first query that sees s
          while i < queries {
            keyTotal = fma(splat(dS[i &* time &+ s]), load(q + i &* model &+ j, active), keyTotal)
            valueTotal = fma(splat(probabilities[i &* time &+ s]), load(dy + i &* model &+ j, active), valueTotal)
            i &+= 1
          }
          store(dk + place, keyTotal, active)
          store(dv + place, valueTotal, active)
          s &+= 1
        }
      }
    }
  }

  /// `body` gets the window, the head, and where the head's probabilities begin.
  @inline(__always) private func forEachHead(_ body: (Int, Int, Int) -> Void) {
    var b = 0
    while b < batch {
      var h = 0
      while h < heads {
        body(b, h, (b &* heads &+ h) &* queries &* time)
        h &+= 1
      }
      b &+= 1
    }
  }

  @inline(__always) private func dot(_ a: Input, _ b: Input) -> Float {
    var total = Vector.zero
    forEachVector(width) { j, active in total = fma(load(a + j, active), load(b + j, active), total) }
    return sum(total)
  }

  /// In place over `count` scores.
  @inline(__always) private func softmax(_ row: Output, _ count: Int) {
    var largest = row[0]
    var s = 1
    while s < count {
      largest = max(largest, row[s])
      s &+= 1
    }
    forEachVector(count) { j, active in store(row + j, exp(load(row + j, active) - splat(largest)), active) }
    var total: Float = 0
    s = 0
    while s < count {
      total += row[s]
      s &+= 1
    }
    let factor = splat(1 / total)
    forEachVector(count) { j, active in store(row + j, load(row + j, active) * factor, active) }
  }
}
