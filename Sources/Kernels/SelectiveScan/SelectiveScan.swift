/// Mamba's selective scan at all positions of sequences with state, with softplus before it and the gate behind it fused in.
///
/// Symbols (Gu & Dao 2023, eq. 2 and Algorithm 2): channels d, states n;
///     δ step, u input, z gate [rows, channels]   A = −exp(A_log) [channels, states]   B, C [rows, states]   D skip, bias
///     [channels]
///     Δ = softplus(δ + bias)   h_t = exp(Δ_t A) h_(t−1) + Δ_t u_t B_t   y_t = C_t·h_t + D u_t   out_t = y_t · silu(z_t)
/// A row is a position; `SequenceShape` says which sequence it belongs to and where h is zero before it.
///
/// Sixteen channels lie on the vector axis; A and h are packed [⌈channels/16⌉][states][16], A scaled by log₂e, so that a
/// decay is 2^(Δ A). Chunks of sixteen rows are the outer loop. What needs no state goes along whole rows, as they lie in
/// memory (Δ and Δu before, the gate behind), the recurrence block of channels by block, with the chunk's rows in the cache
/// and its B and C in L1. For the gradient, h is kept at the first row of every chunk and computed anew inside it
/// (SelectiveScan+Backward.swift): a float a row and channel for every sixteen states.
/// The plain twin is in SelectiveScan+Reference.swift; `LastStateScan` is the closed form for the last position alone.
public struct SelectiveScan: BitwiseCopyable {
  public let shape: SequenceShape
  public let channels, states: Int

  public init(shape: SequenceShape, channels: Int, states: Int) {
    (self.shape, self.channels, self.states) = (shape, channels, states)
  }

  /// What the scan reads. Rows of u, δ, z are dense, those of B, C and of the initial state `stride` apart.
  public struct Inputs: BitwiseCopyable {
    public var u, packedA, b, c, skip, stepBias, z: UnsafePointer<Float>
    /// δ; `forward` leaves Δ in its place.
    public var step: UnsafeMutablePointer<Float>
    public var bStride, cStride: Int
    /// [batch, channels × states]; nil: zero.
    public var initial: UnsafePointer<Float>?
    public var initialStride: Int

    public init(
      u: UnsafePointer<Float>, step: UnsafeMutablePointer<Float>, stepBias: UnsafePointer<Float>,
      packedA: UnsafePointer<Float>, b: UnsafePointer<Float>, bStride: Int, c: UnsafePointer<Float>, cStride: Int,
      skip: UnsafePointer<Float>, z: UnsafePointer<Float>, initial: UnsafePointer<Float>?, initialStride: Int
    ) {
      (self.u, self.step, self.stepBias, self.packedA, self.b, self.c, self.skip) = (u, step, stepBias, packedA, b, c, skip)
      (self.bStride, self.cStride, self.z, self.initial, self.initialStride) = (bStride, cStride, z, initial, initialStride)
    }
  }

  /// Rows between two kept states.
  static let chunk = 16
  var blocks: Int { (channels &+ 15) / 16 }
  var chunks: Int { (shape.time &+ Self.chunk &- 1) / Self.chunk }

  /// Floats of the packed A, and of its gradient: the blocks, then each block's smallest value.
  public var packedCount: Int { blocks * 16 * states + blocks }
  /// Floats of the states that are kept for the gradient.
  public var keptCount: Int { shape.batch * chunks * blocks * 16 * states }
  /// Floats of scratch for `forward`: h of a sequence and the rows of a chunk.
  public var scratchCount: Int { blocks * 16 * states + ChunkRows.count(blocks) }

  /// −exp(A_log)·log₂e, packed; channels past the last are zero.
  public func pack(aLog: UnsafePointer<Float>, into packed: UnsafeMutablePointer<Float>) {
    LastStateScan(batch: 1, time: 1, channels: channels, states: states).pack(aLog: aLog, into: packed)
  }
  /// dA_log += dA · A, from the packed gradient that `backward` accumulates.
  public func unpackGradient(
    packed: UnsafePointer<Float>, packedGradient: UnsafePointer<Float>, into dALog: UnsafeMutablePointer<Float>
  ) {
    LastStateScan(batch: 1, time: 1, channels: channels, states: states)
      .unpackGradient(packed: packed, packedGradient: packedGradient, into: dALog)
  }

  /// out [rows, channels]; `ungated` gets y, where gradients are wanted; `final` [batch, channels ×
  /// states], rows `finalStride` apart, gets h after the last position; `kept` the states for `backward`.
  @inline(never) public func forward(
    _ inputs: Inputs, out: UnsafeMutablePointer<Float>, ungated: UnsafeMutablePointer<Float>?,
    final: UnsafeMutablePointer<Float>?, finalStride: Int, kept: UnsafeMutablePointer<Float>?,
    scratch: UnsafeMutablePointer<Float>
  ) {
    let h = scratch, size = 16 &* states
    let rows = ChunkRows(scratch + blocks &* size, blocks)
    var sequence = 0
    while sequence < shape.batch {
      packState(inputs.initial.map { $0 + sequence &* inputs.initialStride }, into: h)
      var chunk = 0
      while chunk < chunks {
        let first = sequence &* shape.time &+ chunk &* Self.chunk
        let count = min(Self.chunk, shape.time &- chunk &* Self.chunk)
        let begins = shape.begins.map { $0 + first }
        steps(rows, inputs, first, count)
        if let kept { (kept + (sequence &* chunks &+ chunk) &* blocks &* size).update(from: h, count: blocks &* size) }
        var block = 0
        while block < blocks {
          if rows.fastestDecay(block, packedA: inputs.packedA, size: size) < smallestExponent {
            outputs(ClampedPower.self, inputs, rows, first, count, block, begins, h + block &* size)
          } else {
            outputs(UnclampedPower.self, inputs, rows, first, count, block, begins, h + block &* size)
          }
          block &+= 1
        }
        gate(rows, inputs, first, count, out, ungated)
        chunk &+= 1
      }
      if let final { unpackState(h, into: final + sequence &* finalStride, adding: false) }
      sequence &+= 1
    }
  }

  /// Δ, Δu and y of a chunk's rows, whole vectors whatever the number of channels, and each block's largest Δ [16].
  struct ChunkRows {
    /// Floats of a row.
    let width: Int
    let delta, v, y, largest: Output
    init(_ scratch: Output, _ blocks: Int) {
      width = 16 &* blocks
      let size = chunk &* width
      (delta, v, y, largest) = (scratch, scratch + size, scratch + 2 &* size, scratch + 3 &* size)
    }
    static func count(_ blocks: Int) -> Int { (3 * chunk + 1) * 16 * blocks }

    /// The smallest exponent Δ A of a block, behind whose `size` values in the packed A its smallest lies.
    @inline(__always) func fastestDecay(_ block: Int, packedA: Input, size: Int) -> Float {
      Kernels.largest(loadWide(largest + 16 &* block)) * packedA[width / 16 &* size &+ block]
    }
    @inline(__always) func raiseLargest(_ d: Int, _ delta: Wide, isFirst: Bool) {
      let known = loadWide(largest + d)
      store(largest + d, isFirst ? delta : known.replacing(with: delta, where: delta .> known))
    }
  }

  /// Δ, Δu and D u of a chunk's rows.
  @inline(never) private func steps(_ rows: ChunkRows, _ inputs: Inputs, _ first: Int, _ count: Int) {
    var t = 0
    while t < count {
      let start = (first &+ t) &* channels, to = t &* rows.width
      var d = 0
      while d < channels {
        let p = start &+ d, active = channels &- d
        let delta = softplus(loadWide(inputs.step + p, active) + loadWide(inputs.stepBias + d, active))
        let u = loadWide(inputs.u + p, active)
        store(inputs.step + p, delta, active)
        store(rows.delta + to &+ d, delta)
        store(rows.v + to &+ d, delta * u)
        store(rows.y + to &+ d, loadWide(inputs.skip + d, active) * u)
        rows.raiseLargest(d, delta, isFirst: t == 0)
        d &+= 16
      }
      t &+= 1
    }
  }

  /// y += C·h of a chunk's block.
  @inline(__always) private func outputs<Power: DecayPower>(
    _: Power.Type, _ inputs: Inputs, _ rows: ChunkRows, _ first: Int, _ count: Int, _ block: Int,
    _ begins: UnsafePointer<UInt8>?, _ h: Output
  ) {
    let d = 16 &* block, a = inputs.packedA + d &* states
    var done = 0
    while hasWideRegisters && done &+ 4 <= states {
      outputsOfFour(Power.self, inputs, rows, first, count, d, done, begins, a + 16 &* done, h + 16 &* done)
      done &+= 4
    }
    guard done < states else { return }
    var t = 0
    while t < count {
      if let begins, begins[t] != 0 { (h + 16 &* done).update(repeating: 0, count: 16 &* (states &- done)) }
      let p = t &* rows.width &+ d
      let delta = loadWide(rows.delta + p), v = loadWide(rows.v + p)
      let b = inputs.b + (first &+ t) &* inputs.bStride, c = inputs.c + (first &+ t) &* inputs.cStride
      var y = loadWide(rows.y + p)
      var n = done
      while n < states {
        let decay = Power.of(delta, loadWide(a + n &* 16))
        let state = fma(decay, loadWide(h + n &* 16), v * wide(b[n]))
        store(h + n &* 16, state)
        y = fma(state, wide(c[n]), y)
        n &+= 1
      }
      store(rows.y + p, y)
      t &+= 1
    }
  }

  /// The same of four states from `n` on, which stay in registers from row to row. In memory a row's are loaded while those of the
  /// row before are still being stored, which some processes do a third slower than others; sixteen registers hold too few.
  @inline(__always) private func outputsOfFour<Power: DecayPower>(
    _: Power.Type, _ inputs: Inputs, _ rows: ChunkRows, _ first: Int, _ count: Int, _ d: Int, _ n: Int,
    _ begins: UnsafePointer<UInt8>?, _ a: Input, _ h: Output
  ) {
    let a0 = loadWide(a), a1 = loadWide(a + 16), a2 = loadWide(a + 32), a3 = loadWide(a + 48)
    var h0 = loadWide(h), h1 = loadWide(h + 16), h2 = loadWide(h + 32), h3 = loadWide(h + 48)
    var t = 0
    while t < count {
      if let begins, begins[t] != 0 { (h0, h1, h2, h3) = (.zero, .zero, .zero, .zero) }
      let p = t &* rows.width &+ d
      let delta = loadWide(rows.delta + p), v = loadWide(rows.v + p)
      let b = inputs.b + (first &+ t) &* inputs.bStride &+ n, c = inputs.c + (first &+ t) &* inputs.cStride &+ n
      h0 = fma(Power.of(delta, a0), h0, v * wide(b[0]))
      h1 = fma(Power.of(delta, a1), h1, v * wide(b[1]))
      h2 = fma(Power.of(delta, a2), h2, v * wide(b[2]))
      h3 = fma(Power.of(delta, a3), h3, v * wide(b[3]))
      var y = fma(h0, wide(c[0]), loadWide(rows.y + p))
      y = fma(h1, wide(c[1]), y)
      y = fma(h2, wide(c[2]), y)
      store(rows.y + p, fma(h3, wide(c[3]), y))
      t &+= 1
    }
    store(h, h0)
    store(h + 16, h1)
    store(h + 32, h2)
    store(h + 48, h3)
  }

  /// y · silu(z) of a chunk's rows.
  @inline(never) private func gate(
    _ rows: ChunkRows, _ inputs: Inputs, _ first: Int, _ count: Int, _ out: Output, _ ungated: Output?
  ) {
    var t = 0
    while t < count {
      let start = (first &+ t) &* channels
      var d = 0
      while d < channels {
        let p = start &+ d, active = channels &- d
        let y = loadWide(rows.y + t &* rows.width &+ d), z = loadWide(inputs.z + p, active)
        if let ungated { store(ungated + p, y, active) }
        store(out + p, y * z * sigmoid(z), active)
        d &+= 16
      }
      t &+= 1
    }
  }

  /// [channels, states] → packed; nil: zeros.
  func packState(_ state: Input?, into h: Output) {
    h.update(repeating: 0, count: blocks &* 16 &* states)
    guard let state else { return }
    var d = 0
    while d < channels {
      let to = h + (d &>> 4) &* 16 &* states &+ (d & 15)
      var n = 0
      while n < states {
        to[n &* 16] = state[d &* states &+ n]
        n &+= 1
      }
      d &+= 1
    }
  }

  /// Packed → [channels, states], written or added.
  func unpackState(_ h: Input, into state: Output, adding: Bool) {
    var d = 0
    while d < channels {
      let from = h + (d &>> 4) &* 16 &* states &+ (d & 15)
      var n = 0
      while n < states {
        let p = d &* states &+ n
        state[p] = adding ? state[p] + from[n &* 16] : from[n &* 16]
        n &+= 1
      }
      d &+= 1
    }
  }
}
