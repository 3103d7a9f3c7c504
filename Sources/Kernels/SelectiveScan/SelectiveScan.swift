/// Mamba's selective scan at all positions of sequences with state, with softplus before it and the gate behind it fused in.
///
/// Symbols (Gu & Dao 2023, eq. 2 and Algorithm 2): channels d, states n;
///     δ step, u input, z gate [rows, channels]   A = −exp(A_log) [channels, states]   B, C [rows, states]   D skip, bias
///     [channels]
///     Δ = softplus(δ + bias)   h_t = exp(Δ_t A) h_(t−1) + Δ_t u_t B_t   y_t = C_t·h_t + D u_t   out_t = y_t · silu(z_t)
/// A row is a position; `SequenceShape` says which sequence it belongs to and where h is zero before it.
///
/// Sixteen channels lie on the vector axis; A and h are packed [⌈channels/16⌉][states][16], A scaled by log₂e, so that a
/// decay is 2^(Δ A). Chunks of sixteen rows are the outer loop and blocks of channels the inner one: rows are read as they
/// lie in memory, and a chunk's B and C stay in L1. For the gradient, h is kept at the first row of every chunk and computed
/// anew inside it (SelectiveScan+Backward.swift): a float a row and channel for every sixteen states.
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
  /// Floats of scratch for `forward`: h of a sequence, then Δ and Δu of a chunk's block.
  public var scratchCount: Int { blocks * 16 * states + 2 * Self.chunk * 16 }

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
    let rows = ChunkRows(scratch + blocks &* size)
    var sequence = 0
    while sequence < shape.batch {
      packState(inputs.initial.map { $0 + sequence &* inputs.initialStride }, into: h)
      var chunk = 0
      while chunk < chunks {
        let first = sequence &* shape.time &+ chunk &* Self.chunk
        let count = min(Self.chunk, shape.time &- chunk &* Self.chunk)
        let begins = shape.begins.map { $0 + first }
        var block = 0
        while block < blocks {
          let state = h + block &* size
          if let kept { (kept + ((sequence &* chunks &+ chunk) &* blocks &+ block) &* size).update(from: state, count: size) }
          let fastest = steps(rows, inputs, first, count, block)
          if fastest * inputs.packedA[blocks &* size &+ block] < smallestExponent {
            outputs(ClampedPower.self, inputs, rows, first, count, block, begins, state, out, ungated)
          } else {
            outputs(UnclampedPower.self, inputs, rows, first, count, block, begins, state, out, ungated)
          }
          block &+= 1
        }
        chunk &+= 1
      }
      if let final { unpackState(h, into: final + sequence &* finalStride, adding: false) }
      sequence &+= 1
    }
  }

  /// Δ and Δu of a chunk's block [rows][16], whole vectors whatever the number of channels.
  struct ChunkRows {
    let delta, v: Output
    init(_ scratch: Output) { (delta, v) = (scratch, scratch + chunk &* 16) }
  }

  /// Δ and Δu of a chunk's block. Returns the largest Δ.
  @inline(__always) private func steps(
    _ rows: ChunkRows, _ inputs: Inputs, _ first: Int, _ count: Int, _ block: Int
  ) -> Float {
    let d = 16 &* block, active = channels &- d
    let bias = loadWide(inputs.stepBias + d, active)
    var largestDelta = Wide.zero
    var t = 0
    while t < count {
      let p = (first &+ t) &* channels &+ d
      let delta = softplus(loadWide(inputs.step + p, active) + bias)
      store(inputs.step + p, delta, active)
      store(rows.delta + t &* 16, delta)
      store(rows.v + t &* 16, delta * loadWide(inputs.u + p, active))
      largestDelta = largestDelta.replacing(with: delta, where: delta .> largestDelta)
      t &+= 1
    }
    return largest(largestDelta)
  }

  @inline(__always) private func outputs<Power: DecayPower>(
    _: Power.Type, _ inputs: Inputs, _ rows: ChunkRows, _ first: Int, _ count: Int, _ block: Int,
    _ begins: UnsafePointer<UInt8>?, _ h: Output, _ out: Output, _ ungated: Output?
  ) {
    let d = 16 &* block, active = channels &- d
    let a = inputs.packedA + d &* states
    let skip = loadWide(inputs.skip + d, active)
    var t = 0
    while t < count {
      if let begins, begins[t] != 0 { h.update(repeating: 0, count: 16 &* states) }
      let delta = loadWide(rows.delta + t &* 16), v = loadWide(rows.v + t &* 16)
      let p = (first &+ t) &* channels &+ d
      let b = inputs.b + (first &+ t) &* inputs.bStride, c = inputs.c + (first &+ t) &* inputs.cStride
      var y = skip * loadWide(inputs.u + p, active)
      var n = 0
      while n < states {
        let decay = Power.of(delta, loadWide(a + n &* 16))
        let state = fma(decay, loadWide(h + n &* 16), v * wide(b[n]))
        store(h + n &* 16, state)
        y = fma(state, wide(c[n]), y)
        n &+= 1
      }
      if let ungated { store(ungated + p, y, active) }
      let gate = loadWide(inputs.z + p, active)
      store(out + p, y * gate * sigmoid(gate), active)
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
