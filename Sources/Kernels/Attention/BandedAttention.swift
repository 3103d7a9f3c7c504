/// Causal attention over sequences of any length, in which every query sees from a position of its own up to itself: the last
/// `context` positions, back to its episode's beginning.
///
///     S[i, s] = q_i · k_s / √w  for first[i] ≤ s ≤ past + i      P = softmax over s      y_i = Σ_s P[i, s] v_s
///
/// q, y: [batch, time, model]. Keys and values side by side, kv: [batch, past + time, 2 model], `past` of them from before the
/// sequence. Head h owns columns h·w ..< (h + 1)·w. `first` [batch, time] never falls within a sequence. For the gradient only
/// log Σ_s exp S [batch, heads, time] is kept, and P computed again: memory grows with positions, not with positions × context.
/// Queries are taken in blocks, whose products are CBLAS's. The plain twin is in BandedAttention+Reference.swift.
public struct BandedAttention: BitwiseCopyable, Sendable {
  public let batch, time, past, heads, width: Int
  public var model: Int { heads * width }
  var length: Int { past &+ time }

  /// Queries of a block.
  static let block = 32

  /// `width` is that of one head.
  public init(batch: Int, time: Int, past: Int, heads: Int, width: Int) {
    (self.batch, self.time, self.past, self.heads, self.width) = (batch, time, past, heads, width)
  }

  /// Floats of scratch, for `forward` and, twice as many, for `backward`; `first` decides how many keys a block meets.
  public func scratchCount(first: UnsafePointer<Int32>) -> Int {
    var most = 0
    forEachBlock(first) { _, _, i, count, low in most = max(most, count &* (past &+ i &+ count &- low)) }
    return most
  }

  @inline(never) public func forward(
    q: UnsafePointer<Float>, kv: UnsafePointer<Float>, first: UnsafePointer<Int32>, y: UnsafeMutablePointer<Float>,
    logSums: UnsafeMutablePointer<Float>, scratch p: UnsafeMutablePointer<Float>
  ) {
    forEachBlock(first) { b, h, i, count, low in
      let rows = (b &* time &+ i) &* model &+ h &* width, pairs = (b &* length &+ low) &* 2 &* model &+ h &* width
      let keys = past &+ i &+ count &- low
      GEMM.timesTransposed(
        m: count, n: keys, k: width, a: q + rows, aStride: model, b: kv + pairs, bStride: 2 &* model, c: p, cStride: keys,
        .overwrite)
      var r = 0
      while r < count {
        let begin = Int(first[b &* time &+ i &+ r]) &- low, end = past &+ i &+ r &+ 1 &- low
        logSums[(b &* heads &+ h) &* time &+ i &+ r] = softmax(p + r &* keys, begin, end, keys)
        r &+= 1
      }
      GEMM.times(
        m: count, n: width, k: keys, a: p, aStride: keys, b: kv + pairs + model, bStride: 2 &* model, c: y + rows,
        cStride: model, .overwrite)
    }
  }

  /// dq is overwritten, dkv added to.
  ///
  ///     dP = dy · vᵀ     dS = P (dP − Σ_s P dP) / √w     dq = dS · k     dk = dSᵀ · q     dv = Pᵀ · dy
  @inline(never) public func backward(
    q: UnsafePointer<Float>, kv: UnsafePointer<Float>, first: UnsafePointer<Int32>, logSums: UnsafePointer<Float>,
    dy: UnsafePointer<Float>, dq: UnsafeMutablePointer<Float>, dkv: UnsafeMutablePointer<Float>,
    scratch p: UnsafeMutablePointer<Float>
  ) {
    forEachBlock(first) { b, h, i, count, low in
      let rows = (b &* time &+ i) &* model &+ h &* width, pairs = (b &* length &+ low) &* 2 &* model &+ h &* width
      let keys = past &+ i &+ count &- low, d = p + count &* keys, double = 2 &* model
      GEMM.timesTransposed(
        m: count, n: keys, k: width, a: q + rows, aStride: model, b: kv + pairs, bStride: double, c: p, cStride: keys,
        .overwrite)
      GEMM.timesTransposed(
        m: count, n: keys, k: width, a: dy + rows, aStride: model, b: kv + pairs + model, bStride: double, c: d,
        cStride: keys, .overwrite)
      var r = 0
      while r < count {
        let begin = Int(first[b &* time &+ i &+ r]) &- low, end = past &+ i &+ r &+ 1 &- low
        slope(p + r &* keys, d + r &* keys, logSums[(b &* heads &+ h) &* time &+ i &+ r], begin, end, keys)
        r &+= 1
      }
      GEMM.times(
        m: count, n: width, k: keys, a: d, aStride: keys, b: kv + pairs, bStride: double, c: dq + rows, cStride: model,
        .overwrite)
      GEMM.transposedTimes(
        m: keys, n: width, k: count, a: d, aStride: keys, b: q + rows, bStride: model, c: dkv + pairs, cStride: double, .add)
      GEMM.transposedTimes(
        m: keys, n: width, k: count, a: p, aStride: keys, b: dy + rows, bStride: model, c: dkv + pairs + model,
        cStride: double, .add)
    }
  }

  /// `body` gets sequence, head, first query, number of queries, and the first position that any of them sees.
  @inline(__always) private func forEachBlock(_ first: UnsafePointer<Int32>, _ body: (Int, Int, Int, Int, Int) -> Void) {
    var b = 0
    while b < batch {
      var h = 0
      while h < heads {
        var i = 0
        while i < time {
          body(b, h, i, min(Self.block, time &- i), Int(first[b &* time &+ i]))
          i &+= Self.block
        }
        h &+= 1
      }
      b &+= 1
    }
  }

  /// In place over products of `begin ..< end`, the rest of `keys` zero; returns log Σ exp.
  @inline(__always) private func softmax(_ row: Output, _ begin: Int, _ end: Int, _ keys: Int) -> Float {
    let scale = 1 / Float(width).squareRoot(), count = end &- begin, seen = row + begin
    var greatest = seen[0]
    var s = 1
    while s < count {
      greatest = max(greatest, seen[s])
      s &+= 1
    }
    greatest *= scale
    var total: Float = 0
    forEachVector(count) { j, active in
      store(seen + j, exp(fma(load(seen + j, active), splat(scale), splat(-greatest))), active)
    }
    s = 0
    while s < count {
      total += seen[s]
      s &+= 1
    }
    let factor = splat(1 / total)
    forEachVector(count) { j, active in store(seen + j, load(seen + j, active) * factor, active) }
    row.update(repeating: 0, count: begin)
    (row + end).update(repeating: 0, count: keys &- end)
    return greatest + logarithm(total)
  }

  /// In place: products become probabilities p, and dP (in d) the gradient of the products.
  @inline(__always) private func slope(_ p: Output, _ d: Output, _ logSum: Float, _ begin: Int, _ end: Int, _ keys: Int) {
    let scale = 1 / Float(width).squareRoot(), count = end &- begin, seen = p + begin, slopes = d + begin
    var means = Vector.zero
    forEachVector(count) { j, active in
      let probability = exp(fma(load(seen + j, active), splat(scale), splat(-logSum)))
      store(seen + j, probability, active)
      means = fma(probability, load(slopes + j, active), means)
    }
    let mean = splat(sum(means))
    forEachVector(count) { j, active in
      store(slopes + j, load(seen + j, active) * (load(slopes + j, active) - mean) * splat(scale), active)
    }
    for row in [p, d] {
      row.update(repeating: 0, count: begin)
      (row + end).update(repeating: 0, count: keys &- end)
    }
  }
}
