/// What `StateSpaceDual` computes of a chunk before its products: decays between its positions, padded copies of its rows.

extension StateSpaceDual {
  /// Positions of one sequence that are multiplied out together.
  struct Chunk {
    let x, b, c: Rows
    let skip, delta, a: Input
    /// Its first row, and rows.
    let first, length: Int
    let rows: Int

    init(_ dual: StateSpaceDual, _ inputs: Inputs, _ decays: Input, sequence: Int, _ index: Int) {
      (x, b, c, skip) = (inputs.x, inputs.b, inputs.c, inputs.skip)
      let start = index &* dual.chunk
      first = sequence &* dual.shape.time &+ start
      length = min(dual.chunk, dual.shape.time &- start)
      rows = dual.shape.rows
      delta = decays
      a = decays + dual.heads &* dual.shape.rows
    }

    /// Of the chunk's positions.
    @inline(__always) func delta(_ head: Int) -> Input { delta + head &* rows &+ first }
    @inline(__always) func a(_ head: Int) -> Input { a + head &* rows &+ first }
  }

  /// Scratch matrices of a chunk; their rows are padded with zeros to whole vectors.
  struct Memory {
    let dual: StateSpaceDual
    /// [chunk, states]: B, C, and B or C times a number a row.
    let b, c, scaled: Output
    /// [chunk, head size]: U = Δ x.
    let u: Output
    /// [chunk, chunk]: C Bᵀ, L, and their product, of which blocks of eight columns up to the diagonal are written.
    let g, l, m: Output
    /// [chunk].
    let prefix: Output
    /// Zeros around a single 1, which a row of the identity matrix is read from.
    let unit: Output
    /// What comes after these.
    let end: Output

    static func count(_ dual: StateSpaceDual) -> Int {
      let rows = dual.paddedChunk
      return rows &* (3 &* dual.paddedStates &+ dual.paddedHead &+ 3 &* rows &+ 1) &+ 2 &* rows &+ lanes
    }

    init(_ dual: StateSpaceDual, _ scratch: Output) {
      self.dual = dual
      let rows = dual.paddedChunk, states = rows &* dual.paddedStates
      b = scratch
      c = b + states
      scaled = c + states
      u = scaled + states
      g = u + rows &* dual.paddedHead
      l = g + rows &* rows
      m = l + rows &* rows
      prefix = m + rows &* rows
      unit = prefix + rows
      end = unit + (2 &* rows &+ lanes)
      scratch.update(repeating: 0, count: Self.count(dual))
      unit[rows] = 1
    }

    /// B and C of a group.
    func loadGroup(_ range: Chunk, _ group: Int) {
      let states = dual.states
      var t = 0
      while t < range.length {
        let from = range.first &+ t, to = t &* dual.paddedStates
        copy(states, range.b[from] + group &* states, to: b + to)
        copy(states, range.c[from] + group &* states, to: c + to)
        t &+= 1
      }
    }

    /// U of a head.
    func loadHead(_ range: Chunk, _ head: Int) {
      let delta = range.delta(head)
      var t = 0
      while t < range.length {
        let x = range.x[range.first &+ t] + head &* dual.headSize, u = u + t &* dual.paddedHead
        let scale = splat(delta[t])
        forEachVector(dual.headSize) { p, active in store(u + p, load(x + p, active) * scale) }
        t &+= 1
      }
    }

    /// L, its product with C Bᵀ, and `prefix` of a head.
    func mix(_ range: Chunk, _ head: Int) {
      let a = range.a(head), stride = dual.paddedChunk
      var through: Float = 1
      var t = 0
      while t < range.length {
        through *= a[t]
        prefix[t] = through
        let decay = splat(a[t])
        let row = l + t &* stride, above = t > 0 ? row - stride : unit  // the first row has nothing above it: zeros
        let one = unit + (stride &- t), g = g + t &* stride, m = m + t &* stride
        var i = 0
        while i <= t {
          let value = fma(decay, load(above + i), load(one + i))
          store(row + i, value)
          store(m + i, value * load(g + i))
          i &+= lanes
        }
        t &+= 1
      }
    }

    /// L's last row: what is left of a position at the end of the chunk.
    @inline(__always) func suffix(_ length: Int) -> Input { Input(l + (length &- 1) &* dual.paddedChunk) }

    /// out[t, n] = scale[t] · from[t, n].
    func scaleRows(_ length: Int, _ from: Input, by scale: Input, into out: Output) {
      let states = dual.paddedStates
      var t = 0
      while t < length {
        let factor = splat(scale[t])
        var n = t &* states
        while n < (t &+ 1) &* states {
          store(out + n, load(from + n) * factor)
          n &+= lanes
        }
        t &+= 1
      }
    }
  }
}

@inline(__always) func copy(_ count: Int, _ from: Input, to: Output) {
  forEachVector(count) { i, active in store(to + i, load(from + i, active)) }
}
