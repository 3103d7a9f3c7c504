/// Mamba's selective scan where only the last position's output is wanted, as a Q-network wants it.
///
/// Symbols (Gu & Dao 2023, eq. 2 and Algorithm 2), sizes B batch, L time, D channels, N states:
///     Δ delta [B, L, D]   u input [B, L, D]   A = −exp(A_log) [D, N]   B [B, L, N]   C [B, N] (last position)   D skip [D]
///     h_l = exp(Δ_l A) h_(l−1) + Δ_l u_l B_l,   y = C·h_(L−1) + D u_(L−1)
/// Unrolled to the last position the recurrence is a sum, so one pass of exponentials gives the output and no state is
/// stored:
///     y[d] = D u_(L−1) + Σ_l v_l[d] q_l[d],   v = Δ u,   q_l[d] = Σ_n C_n B_l[n] P_l[d, n],
///     P_l[d, n] = exp(A[d, n] S_l[d]),   S_l[d] = Σ_(j>l) Δ_j[d]      (S_(L−1) = 0, P_(L−1) = 1)
/// With r_l[d] = Σ_n C_n B_l[n] P_l[d, n] A[d, n], gradients of Δ and u need q and r only; those of A, B, C need P again.
/// Channels lie on the vector axis, sixteen at a time; A is packed [⌈D/16⌉][N][16] and scaled by log₂e, so that P = 2^(A S).
/// The plain twin is in LastStateScan+Reference.swift.
public struct LastStateScan: BitwiseCopyable, Sendable {
  public let batch: Int
  public let time: Int
  public let channels: Int
  public let states: Int

  public init(batch: Int, time: Int, channels: Int, states: Int) {
    (self.batch, self.time, self.channels, self.states) = (batch, time, channels, states)
  }

  /// Channels rounded up to whole blocks of sixteen.
  public var paddedChannels: Int { (channels &+ 15) / 16 * 16 }
  /// Floats of the packed A, and of its gradient: the blocks, then each block's smallest value.
  public var packedCount: Int { paddedChannels * states + paddedChannels / 16 }
  /// Floats of q, and of r: [batch, time, paddedChannels].
  public var momentCount: Int { batch * time * paddedChannels }
  /// Floats of scratch that `forward` and `backward` want.
  public var scratchCount: Int { 6 * time * paddedChannels + 10 * time * states + 64 }

  /// −exp(A_log)·log₂e, packed; channels past the last are zero.
  @inline(never) public func pack(aLog: UnsafePointer<Float>, into packed: UnsafeMutablePointer<Float>) {
    packed.update(repeating: 0, count: packedCount)
    var d = 0
    while d < channels {
      forEachVector(states) { n, active in
        let a = exp(load(aLog + d &* states &+ n, active)) * splat(-log2e)
        var i = 0
        while i < active {
          packed[((d &>> 4) &* states &+ n &+ i) &* 16 &+ (d & 15)] = a[i]
          i &+= 1
        }
      }
      d &+= 1
    }
    var block = 0
    while block < paddedChannels / 16 {
      var smallest: Float = 0
      var i = block &* 16 &* states
      while i < (block &+ 1) &* 16 &* states {
        smallest = min(smallest, packed[i])
        i &+= 1
      }
      packed[paddedChannels &* states &+ block] = smallest
      block &+= 1
    }
  }

  /// Whether some decay of the block at channel `d` could fall below 2^−134, where `UnclampedDecay` is garbage.
  @inline(__always) func needsClamp(_ row: Row, _ packedA: Input, _ d: Int) -> Bool {
    let longest = larger(load(row.suffix + d), load(row.suffix + d &+ 8))
    return largest(longest) * packedA[paddedChannels &* states &+ (d &>> 4)] < -134
  }

  /// dA_log += dA · A, from the packed gradient that `backward` accumulates.
  @inline(never) public func unpackGradient(
    packed: UnsafePointer<Float>, packedGradient: UnsafePointer<Float>, into dALog: UnsafeMutablePointer<Float>
  ) {
    var d = 0
    while d < channels {
      var n = 0
      while n < states {
        let p = ((d &>> 4) &* states &+ n) &* 16 &+ (d & 15)
        dALog[d &* states &+ n] += packedGradient[p] * packed[p] * ln2
        n &+= 1
      }
      d &+= 1
    }
  }

  /// y[b, d] = D u + Σ_l v q. `q` and `r` are written when given (training); `b` rows are `bStride` apart, `c` rows `cStride`.
  @inline(never) public func forward(
    u: UnsafePointer<Float>, delta: UnsafePointer<Float>, packedA: UnsafePointer<Float>, b: UnsafePointer<Float>,
    bStride: Int, c: UnsafePointer<Float>, cStride: Int, skip: UnsafePointer<Float>, y: UnsafeMutablePointer<Float>,
    q: UnsafeMutablePointer<Float>?, r: UnsafeMutablePointer<Float>?, scratch: UnsafeMutablePointer<Float>
  ) {
    let row = Row(self, scratch)
    var i = 0
    while i < batch {
      let base = i &* time &* channels
      prepare(row, u: u + base, delta: delta + base, b: b + i &* time &* bStride, bStride: bStride, c: c + i &* cStride)
      if let q, let r {
        let moments = i &* time &* paddedChannels
        outputAndMoments(row, packedA: packedA, q: q + moments, r: r + moments)
      } else {
        output(row, packedA: packedA)
      }
      forEachVector(channels) { d, active in
        let last = load(u + base &+ (time &- 1) &* channels &+ d, active)
        store(y + i &* channels &+ d, fma(load(skip + d, active), last, load(row.y + d)), active)
      }
      i &+= 1
    }
  }

  /// One batch row's working set, inside L1: everything padded to whole blocks of channels.
  struct Row {
    let suffix, v, weight, y: Output  // S, Δu [time, padded]; C·B·decayScale [time, states]; Σ_l v q [padded]
    let packed: Output  // backward: S, g·v, g·v·S of a block, [time, 48]
    let lanesOfW: Output  // backward: W as eight partial sums, [states, time, 8]
    let extra: Output

    init(_ scan: LastStateScan, _ scratch: Output) {
      let sheet = scan.time &* scan.paddedChannels
      suffix = scratch
      v = scratch + sheet
      y = scratch + 2 &* sheet
      packed = scratch + 3 &* sheet
      extra = scratch + 6 &* sheet
      weight = extra
      lanesOfW = weight + scan.time &* scan.states &+ 16
    }
  }

  @inline(__always) func prepare(_ row: Row, u: Input, delta: Input, b: Input, bStride: Int, c: Input) {
    let width = paddedChannels
    forEachVector(width) { d, _ in
      let active = max(0, min(lanes, channels &- d))
      var running = Vector.zero
      var l = time &- 1
      while l >= 0 {
        let step = load(delta + l &* channels &+ d, active)
        store(row.suffix + l &* width &+ d, running)
        store(row.v + l &* width &+ d, step * load(u + l &* channels &+ d, active))
        running += step
        l &-= 1
      }
    }
    var l = 0
    while l < time {
      forEachVector(states) { n, active in
        store(
          row.weight + l &* states &+ n, load(b + l &* bStride &+ n, active) * load(c + n, active) * splat(decayScale), active)
      }
      l &+= 1
    }
  }

  /// Σ_n C_n B_(L−1)[n]: q at the last position, the same for every channel.
  @inline(__always) func lastWeight(_ row: Row) -> Float {
    var total: Float = 0
    var n = (time &- 1) &* states
    while n < time &* states {
      total += row.weight[n]
      n &+= 1
    }
    return total / decayScale
  }

  @inline(never) func output(_ row: Row, packedA: Input) {
    let last = wide(lastWeight(row))
    var d = 0
    while d < paddedChannels {
      if needsClamp(row, packedA, d) {
        outputBlock(ClampedDecay.self, row, packedA, d, last)
      } else {
        outputBlock(UnclampedDecay.self, row, packedA, d, last)
      }
      d &+= 16
    }
  }

  @inline(__always) private func outputBlock<Decay: ScaledDecay>(
    _: Decay.Type, _ row: Row, _ packedA: Input, _ d: Int, _ last: Wide
  ) {
    let width = paddedChannels
    var y = loadWide(row.v + (time &- 1) &* width &+ d) * last
    var l = 0
    while l < time &- 1 {
      let here = l &* width &+ d
      let suffix = loadWide(row.suffix + here)
      var q = Wide.zero
      var a = packedA + d &* states
      var w = row.weight + l &* states
      var n = 0
      while n < states {
        q = fma(Decay.of(suffix, loadWide(a)), wide(w.pointee), q)
        a += 16
        w += 1
        n &+= 1
      }
      y = fma(loadWide(row.v + here), q, y)
      l &+= 1
    }
    store(row.y + d, y)
  }

  @inline(never) func outputAndMoments(_ row: Row, packedA: Input, q: Output, r: Output) {
    let last = wide(lastWeight(row))
    var d = 0
    while d < paddedChannels {
      if needsClamp(row, packedA, d) {
        momentsBlock(ClampedDecay.self, row, packedA, d, last, q, r)
      } else {
        momentsBlock(UnclampedDecay.self, row, packedA, d, last, q, r)
      }
      d &+= 16
    }
  }

  @inline(__always) private func momentsBlock<Decay: ScaledDecay>(
    _: Decay.Type, _ row: Row, _ packedA: Input, _ d: Int, _ last: Wide, _ qOut: Output, _ rOut: Output
  ) {
    let width = paddedChannels
    let end = (time &- 1) &* width &+ d
    var y = loadWide(row.v + end) * last
    store(qOut + end, last)
    var l = 0
    while l < time &- 1 {
      let here = l &* width &+ d
      let suffix = loadWide(row.suffix + here)
      var q = Wide.zero, r = Wide.zero
      var a = packedA + d &* states
      var w = row.weight + l &* states
      var n = 0
      while n < states {
        let decay = loadWide(a)
        let p = Decay.of(suffix, decay) * wide(w.pointee)
        q += p
        r = fma(p, decay, r)
        a += 16
        w += 1
        n &+= 1
      }
      y = fma(loadWide(row.v + here), q, y)
      store(qOut + here, q)
      store(rOut + here, r)
      l &+= 1
    }
    store(row.y + d, y)
  }
}
