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
    blocks * 16 * states + 2 * 8 * Self.chunk * states + ChunkRows.count(blocks) + 2 * Self.chunk * 16 * blocks
      + (2 * Self.chunk + 2) * Self.group * 16
  }

  /// A chunk's working set.
  struct ChunkMemory {
    let g, db, dc: Output  // [blocks][states][16]; [rows][states][8] each
    let rows: ChunkRows  // y holds dy
    let r, s: Output  // [rows][width] each; s is Σ_n q A, A scaled as it is packed
    let a, h, zeros: Output  // [rows][group][16], one row more of h, [group][16]

    init(_ scan: SelectiveScan, _ scratch: Output) {
      g = scratch
      db = g + scan.blocks &* 16 &* scan.states
      dc = db + 8 &* chunk &* scan.states
      let start = dc + 8 &* chunk &* scan.states
      rows = ChunkRows(start, scan.blocks)
      r = start + ChunkRows.count(scan.blocks)
      s = r + chunk &* rows.width
      a = s + chunk &* rows.width
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
        prepare(rows, memory, inputs, upstream, ungated, gradients)
        var block = 0
        while block < blocks {
          let before = kept + ((sequence &* chunks &+ chunk) &* blocks &+ block) &* size
          if memory.rows.fastestDecay(block, packedA: inputs.packedA, size: size) < smallestExponent {
            states(ClampedPower.self, rows, block, memory, inputs, before, gradients)
          } else {
            states(UnclampedPower.self, rows, block, memory, inputs, before, gradients)
          }
          block &+= 1
        }
        finish(rows, memory, inputs, gradients)
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

  /// Δ, Δu and dy of the chunk's rows, and dz.
  @inline(never) private func prepare(
    _ rows: Chunk, _ memory: ChunkMemory, _ inputs: Inputs, _ upstream: Input, _ ungated: Input, _ gradients: Gradients
  ) {
    let width = memory.rows.width
    var t = 0
    while t < rows.count {
      let start = (rows.first &+ t) &* channels, to = t &* width
      var d = 0
      while d < channels {
        let p = start &+ d, active = channels &- d
        let delta = loadWide(inputs.step + p, active)
        store(memory.rows.delta + to &+ d, delta)
        store(memory.rows.v + to &+ d, delta * loadWide(inputs.u + p, active))
        memory.rows.raiseLargest(d, delta, isFirst: t == 0)
        let gate = loadWide(inputs.z + p, active), s = sigmoid(gate), dOut = loadWide(upstream + p, active)
        write(dOut * loadWide(ungated + p, active) * siluSlope(gate, sigmoid: s), to: gradients.z, p, active)
        store(memory.rows.y + to &+ d, dOut * (gate * s))
        d &+= 16
      }
      t &+= 1
    }
    memory.r.update(repeating: 0, count: 2 &* Self.chunk &* width)
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
    while hasWideRegisters && n &+ 4 <= states {
      let here = blockStart &+ 16 &* n
      recomputeFour(Power.self, rows, memory, 16 &* block, before + 16 &* n, a: inputs.packedA + here, b: inputs.b + n, inputs)
      backFour(
        rows, memory, 16 &* block, a: inputs.packedA + here, b: inputs.b + n, c: inputs.c + n, inputs, g: memory.g + here,
        dA: gradients.packedA + here, db: memory.db + 8 &* n, dc: memory.dc + 8 &* n)
      n &+= 4
    }
    while n < states {
      let count = min(Self.group, states &- n), here = blockStart &+ 16 &* n
      memory.h.update(from: before + 16 &* n, count: 16 &* count)
      recompute(Power.self, rows, count, memory, 16 &* block, a: inputs.packedA + here, b: inputs.b + n, inputs)
      back(
        rows, count, memory, 16 &* block, a: inputs.packedA + here, b: inputs.b + n, c: inputs.c + n, inputs, g: memory.g + here,
        dA: gradients.packedA + here, db: memory.db + 8 &* n, dc: memory.dc + 8 &* n)
      n &+= count
    }
  }

  /// a and h of a group of states at every row; h[0] is what comes before the chunk.
  @inline(__always) private func recompute<Power: DecayPower>(
    _: Power.Type, _ rows: Chunk, _ count: Int, _ memory: ChunkMemory, _ d: Int, a: Input, b: Input, _ inputs: Inputs
  ) {
    var t = 0
    while t < rows.count {
      let p = t &* memory.rows.width &+ d
      let delta = loadWide(memory.rows.delta + p), v = loadWide(memory.rows.v + p)
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
    _ rows: Chunk, _ count: Int, _ memory: ChunkMemory, _ d: Int, a: Input, b: Input, c: Input, _ inputs: Inputs, g: Output,
    dA: Output, db: Output, dc: Output
  ) {
    var t = rows.count &- 1
    while t >= 0 {
      let p = t &* memory.rows.width &+ d
      let delta = loadWide(memory.rows.delta + p), v = loadWide(memory.rows.v + p), dy = loadWide(memory.rows.y + p)
      var r = loadWide(memory.r + p), s = loadWide(memory.s + p)
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
      store(memory.r + p, r)
      store(memory.s + p, s)
      t &-= 1
    }
  }

  /// `recompute` of four states that stay in registers (`SelectiveScan.outputsOfFour` says why); rows of a and h hold four.
  @inline(__always) private func recomputeFour<Power: DecayPower>(
    _: Power.Type, _ rows: Chunk, _ memory: ChunkMemory, _ d: Int, _ before: Input, a: Input, b: Input, _ inputs: Inputs
  ) {
    let a0 = loadWide(a), a1 = loadWide(a + 16), a2 = loadWide(a + 32), a3 = loadWide(a + 48)
    var h0 = loadWide(before), h1 = loadWide(before + 16), h2 = loadWide(before + 32), h3 = loadWide(before + 48)
    var decays = memory.a, h = memory.h
    var t = 0
    while t < rows.count {
      store(h, h0)
      store(h + 16, h1)
      store(h + 32, h2)
      store(h + 48, h3)
      if rows.beginsEpisode(t) { (h0, h1, h2, h3) = (.zero, .zero, .zero, .zero) }
      let p = t &* memory.rows.width &+ d
      let delta = loadWide(memory.rows.delta + p), v = loadWide(memory.rows.v + p)
      let b = b + (rows.first &+ t) &* inputs.bStride
      let d0 = Power.of(delta, a0), d1 = Power.of(delta, a1), d2 = Power.of(delta, a2), d3 = Power.of(delta, a3)
      store(decays, d0)
      store(decays + 16, d1)
      store(decays + 32, d2)
      store(decays + 48, d3)
      h0 = fma(d0, h0, v * wide(b[0]))
      h1 = fma(d1, h1, v * wide(b[1]))
      h2 = fma(d2, h2, v * wide(b[2]))
      h3 = fma(d3, h3, v * wide(b[3]))
      decays += 64
      h += 64
      t &+= 1
    }
    store(h, h0)
    store(h + 16, h1)
    store(h + 32, h2)
    store(h + 48, h3)
  }

  /// `back` of four states: g, dA and the h of the row behind stay in registers.
  @inline(__always) private func backFour(
    _ rows: Chunk, _ memory: ChunkMemory, _ d: Int, a: Input, b: Input, c: Input, _ inputs: Inputs, g: Output, dA: Output,
    db: Output, dc: Output
  ) {
    let a0 = loadWide(a), a1 = loadWide(a + 16), a2 = loadWide(a + 32), a3 = loadWide(a + 48)
    var g0 = loadWide(g), g1 = loadWide(g + 16), g2 = loadWide(g + 32), g3 = loadWide(g + 48)
    var dA0 = loadWide(dA), dA1 = loadWide(dA + 16), dA2 = loadWide(dA + 32), dA3 = loadWide(dA + 48)
    let last = memory.h + rows.count &* 64
    var h0 = loadWide(last), h1 = loadWide(last + 16), h2 = loadWide(last + 32), h3 = loadWide(last + 48)
    var t = rows.count &- 1
    while t >= 0 {
      let p = t &* memory.rows.width &+ d
      let delta = loadWide(memory.rows.delta + p), v = loadWide(memory.rows.v + p), dy = loadWide(memory.rows.y + p)
      var r = loadWide(memory.r + p), s = loadWide(memory.s + p)
      let b = b + (rows.first &+ t) &* inputs.bStride, c = c + (rows.first &+ t) &* inputs.cStride
      let decays = memory.a + t &* 64, h = memory.h + t &* 64
      let db = db + t &* 8 &* states, dc = dc + t &* 8 &* states
      let begins = rows.beginsEpisode(t)
      @inline(__always) func state(_ n: Int, _ a: Wide, _ g: inout Wide, _ dA: inout Wide, _ after: inout Wide) {
        addFolded(dy, after, to: dc + n &* 8)
        let total = fma(dy, wide(c[n]), g)
        addFolded(total, v, to: db + n &* 8)
        r = fma(total, wide(b[n]), r)
        g = total * loadWide(decays + n &* 16)
        after = loadWide(h + n &* 16)
        if begins { g = .zero }
        let q = g * after
        s = fma(q, a, s)
        dA = fma(q, delta, dA)
      }
      state(0, a0, &g0, &dA0, &h0)
      state(1, a1, &g1, &dA1, &h1)
      state(2, a2, &g2, &dA2, &h2)
      state(3, a3, &g3, &dA3, &h3)
      store(memory.r + p, r)
      store(memory.s + p, s)
      t &-= 1
    }
    store(g, g0)
    store(g + 16, g1)
    store(g + 32, g2)
    store(g + 48, g3)
    store(dA, dA0)
    store(dA + 16, dA1)
    store(dA + 32, dA2)
    store(dA + 48, dA3)
  }

  /// Eight sums p[i] += x[i] y[i] + x[i + 8] y[i + 8].
  @inline(__always) private func addFolded(_ x: Wide, _ y: Wide, to p: Output) {
    store(p, load(p) + fma(x.highHalf, y.highHalf, x.lowHalf * y.lowHalf))
  }

  /// du, dδ and the sums over the chunk's rows.
  @inline(never) private func finish(_ rows: Chunk, _ memory: ChunkMemory, _ inputs: Inputs, _ gradients: Gradients) {
    var t = 0
    while t < rows.count {
      let start = (rows.first &+ t) &* channels, from = t &* memory.rows.width
      var d = 0
      while d < channels {
        let p = start &+ d, active = channels &- d
        let u = loadWide(inputs.u + p, active), dy = loadWide(memory.rows.y + from &+ d)
        let delta = loadWide(memory.rows.delta + from &+ d), r = loadWide(memory.r + from &+ d)
        let dStep = fma(u, r, loadWide(memory.s + from &+ d) * wide(ln2)) * slopeOfSoftplus(y: delta)
        write(fma(delta, r, loadWide(inputs.skip + d, active) * dy), to: gradients.u, p, active)
        write(dStep, to: gradients.step, p, active)
        store(gradients.skip + d, fma(dy, u, loadWide(gradients.skip + d, active)), active)
        store(gradients.stepBias + d, loadWide(gradients.stepBias + d, active) + dStep, active)
        d &+= 16
      }
      t &+= 1
    }
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
