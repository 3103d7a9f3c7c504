/// Gradients of `SelectiveScan`, chunk by chunk from the last: the decays a and states h of a chunk are computed anew from
/// the state kept before it, some states at a time so that they stay in L1, then walked backwards with g = dL/dh carried on:
///     dy = dout · silu(z)   g ← g + dy C   dC = Σ_d dy h   dB = Σ_d g Δu   r = Σ_n g B   q = g a h_(t−1)
///     du = Δ r + D dy   dδ = (u r + Σ_n q A)(1 − e^−Δ)   dA = Σ_t q Δ   g ← g a
/// Sums over channels are kept eight at a time while blocks of channels pass, and added up once a chunk.

extension SelectiveScan {
  /// A gradient and whether to overwrite it.
  public typealias Written = (start: UnsafeMutablePointer<Float>, Accumulation)

  /// Where gradients go, strides as those of the inputs. Those without an `Accumulation` are added to.
  public struct Gradients {
    public var u, step, z: Written
    public var packedA, b, c, skip, stepBias: UnsafeMutablePointer<Float>
    public var initial: UnsafeMutablePointer<Float>?

    public init(
      u: Written, step: Written, stepBias: UnsafeMutablePointer<Float>, packedA: UnsafeMutablePointer<Float>,
      b: UnsafeMutablePointer<Float>, c: UnsafeMutablePointer<Float>, skip: UnsafeMutablePointer<Float>, z: Written,
      initial: UnsafeMutablePointer<Float>?
    ) {
      (self.u, self.step, self.z, self.packedA, self.b, self.c) = (u, step, z, packedA, b, c)
      (self.skip, self.stepBias, self.initial) = (skip, stepBias, initial)
    }
  }

  /// States at a time: their a and h of a chunk are 16 KB.
  static let group = 8

  /// Floats of scratch for `backward`.
  public var backwardScratchCount: Int {
    let rows = 16 * Self.chunk
    return blocks * 16 * states + 2 * 8 * Self.chunk * states + 5 * rows + (2 * Self.chunk + 1) * Self.group * 16 + Self.group
      * 16
  }

  /// A chunk's working set.
  struct ChunkMemory {
    let g, db, dc: Output  // [blocks][states][16]; [rows][states][8] each
    let rows: ChunkRows
    let dy, r, s: Output  // [rows][16] each; s is Σ_n q A, A scaled as it is packed
    let a, h, zeros: Output  // [rows][group][16], one row more of h, [group][16]

    init(_ scan: SelectiveScan, _ scratch: Output) {
      g = scratch
      db = g + scan.blocks &* 16 &* scan.states
      dc = db + 8 &* chunk &* scan.states
      rows = ChunkRows(dc + 8 &* chunk &* scan.states)
      dy = rows.delta + 2 &* chunk &* 16
      r = dy + chunk &* 16
      s = r + chunk &* 16
      a = s + chunk &* 16
      h = a + chunk &* group &* 16
      zeros = h + (chunk &+ 1) &* group &* 16
    }
  }

  /// `upstream` is dL/dout [rows, channels]; `ungated` and `kept` are what `forward` wrote.
  @inline(never) public func backward(
    _ inputs: Inputs, upstream: UnsafePointer<Float>, ungated: UnsafePointer<Float>, kept: UnsafePointer<Float>,
    gradients: Gradients, scratch: UnsafeMutablePointer<Float>
  ) {
    let memory = ChunkMemory(self, scratch), size = 16 &* states
    memory.zeros.update(repeating: 0, count: Self.group &* 16)
    var sequence = 0
    while sequence < shape.batch {
      memory.g.update(repeating: 0, count: blocks &* size)
      var chunk = chunks &- 1
      while chunk >= 0 {
        let rows = Chunk(
          first: sequence &* shape.time &+ chunk &* Self.chunk, count: min(Self.chunk, shape.time &- chunk &* Self.chunk),
          begins: shape.begins.map { $0 + (sequence &* shape.time &+ chunk &* Self.chunk) })
        memory.db.update(repeating: 0, count: 16 &* Self.chunk &* states)
        var block = 0
        while block < blocks {
          let fastest = prepare(rows, block, memory, inputs, upstream, ungated, gradients)
          let before = kept + ((sequence &* chunks &+ chunk) &* blocks &+ block) &* size
          if fastest * inputs.packedA[blocks &* size &+ block] < smallestExponent {
            states(ClampedPower.self, rows, block, memory, inputs, before, gradients)
          } else {
            states(UnclampedPower.self, rows, block, memory, inputs, before, gradients)
          }
          finish(rows, block, memory, inputs, gradients)
          block &+= 1
        }
        addLanes(rows, memory.db, to: gradients.b, stride: inputs.bStride)
        addLanes(rows, memory.dc, to: gradients.c, stride: inputs.cStride)
        chunk &-= 1
      }
      if let initial = gradients.initial {
        unpackState(memory.g, into: initial + sequence &* inputs.initialStride, adding: true)
      }
      sequence &+= 1
    }
  }

  struct Chunk {
    let first, count: Int
    let begins: UnsafePointer<UInt8>?
    @inline(__always) func beginsEpisode(_ t: Int) -> Bool { begins.map { $0[t] != 0 } ?? false }
  }

  /// Δ, Δu and dy of the block's rows, and dz. Returns the largest Δ.
  @inline(__always) private func prepare(
    _ rows: Chunk, _ block: Int, _ memory: ChunkMemory, _ inputs: Inputs, _ upstream: Input, _ ungated: Input,
    _ gradients: Gradients
  ) -> Float {
    let d = 16 &* block, active = channels &- d
    var largestDelta = Wide.zero
    var t = 0
    while t < rows.count {
      let p = (rows.first &+ t) &* channels &+ d
      let delta = loadWide(inputs.step + p, active)
      store(memory.rows.delta + t &* 16, delta)
      store(memory.rows.v + t &* 16, delta * loadWide(inputs.u + p, active))
      largestDelta = largestDelta.replacing(with: delta, where: delta .> largestDelta)
      let gate = loadWide(inputs.z + p, active), s = sigmoid(gate), dOut = loadWide(upstream + p, active)
      write(dOut * loadWide(ungated + p, active) * (s * fma(gate, wide(1) - s, wide(1))), to: gradients.z, p, active)
      store(memory.dy + t &* 16, dOut * (gate * s))
      store(memory.r + t &* 16, Wide.zero)
      store(memory.s + t &* 16, Wide.zero)
      t &+= 1
    }
    return largest(largestDelta)
  }

  @inline(__always) private func write(_ v: Wide, to gradient: Written, _ p: Int, _ active: Int) {
    store(gradient.start + p, gradient.1 == .add ? loadWide(gradient.start + p, active) + v : v, active)
  }

  @inline(__always) private func states<Power: DecayPower>(
    _: Power.Type, _ rows: Chunk, _ block: Int, _ memory: ChunkMemory, _ inputs: Inputs, _ before: Input,
    _ gradients: Gradients
  ) {
    let blockStart = block &* 16 &* states
    var n = 0
    while n < states {
      let count = min(Self.group, states &- n), here = blockStart &+ 16 &* n
      memory.h.update(from: before + 16 &* n, count: 16 &* count)
      recompute(Power.self, rows, count, memory, a: inputs.packedA + here, b: inputs.b + n, inputs)
      back(
        rows, count, memory, a: inputs.packedA + here, b: inputs.b + n, c: inputs.c + n, inputs, g: memory.g + here,
        dA: gradients.packedA + here, db: memory.db + 8 &* n, dc: memory.dc + 8 &* n)
      n &+= count
    }
  }

  /// a and h of a group of states at every row; h[0] is what comes before the chunk.
  @inline(__always) private func recompute<Power: DecayPower>(
    _: Power.Type, _ rows: Chunk, _ count: Int, _ memory: ChunkMemory, a: Input, b: Input, _ inputs: Inputs
  ) {
    var t = 0
    while t < rows.count {
      let delta = loadWide(memory.rows.delta + t &* 16), v = loadWide(memory.rows.v + t &* 16)
      let b = b + (rows.first &+ t) &* inputs.bStride
      let decays = memory.a + t &* Self.group &* 16, after = memory.h + (t &+ 1) &* Self.group &* 16
      let before = rows.beginsEpisode(t) ? memory.zeros : after - Self.group &* 16
      var n = 0
      while n < count {
        let decay = Power.of(delta, loadWide(a + n &* 16))
        store(decays + n &* 16, decay)
        store(after + n &* 16, fma(decay, loadWide(before + n &* 16), v * wide(b[n])))
        n &+= 1
      }
      t &+= 1
    }
  }

  @inline(__always) private func back(
    _ rows: Chunk, _ count: Int, _ memory: ChunkMemory, a: Input, b: Input, c: Input, _ inputs: Inputs, g: Output, dA: Output,
    db: Output, dc: Output
  ) {
    var t = rows.count &- 1
    while t >= 0 {
      let delta = loadWide(memory.rows.delta + t &* 16), v = loadWide(memory.rows.v + t &* 16)
      let dy = loadWide(memory.dy + t &* 16)
      var r = loadWide(memory.r + t &* 16), s = loadWide(memory.s + t &* 16)
      let b = b + (rows.first &+ t) &* inputs.bStride, c = c + (rows.first &+ t) &* inputs.cStride
      let decays = memory.a + t &* Self.group &* 16, after = memory.h + (t &+ 1) &* Self.group &* 16
      let begins = rows.beginsEpisode(t)
      let before = begins ? memory.zeros : after - Self.group &* 16
      let db = db + t &* 8 &* states, dc = dc + t &* 8 &* states
      var n = 0
      while n < count {
        let state = loadWide(after + n &* 16)
        addFolded(dy, state, to: dc + n &* 8)
        let total = fma(dy, wide(c[n]), loadWide(g + n &* 16))
        addFolded(total, v, to: db + n &* 8)
        r = fma(total, wide(b[n]), r)
        let carried = total * loadWide(decays + n &* 16)
        let q = carried * loadWide(before + n &* 16)
        s = fma(q, loadWide(a + n &* 16), s)
        store(dA + n &* 16, fma(q, delta, loadWide(dA + n &* 16)))
        store(g + n &* 16, carried)
        n &+= 1
      }
      if begins { g.update(repeating: 0, count: 16 &* count) }
      store(memory.r + t &* 16, r)
      store(memory.s + t &* 16, s)
      t &-= 1
    }
  }

  /// Eight sums p[i] += x[i] y[i] + x[i + 8] y[i + 8].
  @inline(__always) private func addFolded(_ x: Wide, _ y: Wide, to p: Output) {
    store(p, load(p) + fma(x.highHalf, y.highHalf, x.lowHalf * y.lowHalf))
  }

  /// du, dδ and the sums over rows of a block.
  @inline(__always) private func finish(
    _ rows: Chunk, _ block: Int, _ memory: ChunkMemory, _ inputs: Inputs, _ gradients: Gradients
  ) {
    let d = 16 &* block, active = channels &- d
    let skip = loadWide(inputs.skip + d, active)
    var dSkip = loadWide(gradients.skip + d, active), dBias = loadWide(gradients.stepBias + d, active)
    var t = 0
    while t < rows.count {
      let p = (rows.first &+ t) &* channels &+ d
      let u = loadWide(inputs.u + p, active), dy = loadWide(memory.dy + t &* 16), r = loadWide(memory.r + t &* 16)
      let delta = loadWide(memory.rows.delta + t &* 16)
      let dStep = fma(u, r, loadWide(memory.s + t &* 16) * wide(ln2)) * slopeOfSoftplus(y: delta)
      write(fma(delta, r, skip * dy), to: gradients.u, p, active)
      write(dStep, to: gradients.step, p, active)
      dSkip = fma(dy, u, dSkip)
      dBias += dStep
      t &+= 1
    }
    store(gradients.skip + d, dSkip, active)
    store(gradients.stepBias + d, dBias, active)
  }

  /// to[t, n] += Σ of the eight partial sums at [t][n].
  @inline(__always) private func addLanes(_ rows: Chunk, _ partial: Input, to: Output, stride: Int) {
    var t = 0
    while t < rows.count {
      let out = to + (rows.first &+ t) &* stride
      forEachSumOfEight(states, partial + t &* 8 &* states) { n, active, sums in
        store(out + n, load(out + n, active) + sums, active)
      }
      t &+= 1
    }
  }
}

/// Calls `body` with the sums of `count` eights of floats, eight sums at a time.
@inline(__always) func forEachSumOfEight(
  _ count: Int, _ p: Input, _ body: (_ offset: Int, _ active: Int, _ sums: Vector) -> Void
) {
  var n = 0
  while n &+ lanes <= count {
    let p = p + 8 &* n
    let first = Wide(lowHalf: fold(loadWide(p)), highHalf: fold(loadWide(p + 16)))
    let second = Wide(lowHalf: fold(loadWide(p + 32)), highHalf: fold(loadWide(p + 48)))
    body(n, lanes, fold(Wide(lowHalf: fold(first), highHalf: fold(second))))
    n &+= lanes
  }
  if n < count {
    var sums = Vector.zero
    var i = 0
    while i < count &- n {
      sums[i] = sum(load(p + 8 &* (n &+ i)))
      i &+= 1
    }
    body(n, count &- n, sums)
  }
}
/// Sums of neighbours.
@inline(__always) private func fold(_ v: Wide) -> Vector { v.evenHalf + v.oddHalf }
