/// The order of the backward pass: chunk after chunk from the end of every sequence, then the numbers of all positions.

extension Mamba3Core {
  /// dOutput [batch × time, E] → dProjection, laid out as the projection, overwritten; `gradients` of the parameters and dState [batch, stateCount], where
  /// wanted, are added to. `workspace` as `forward` left it with `keepsStates`.
  @inline(never) public func backward(
    _ shape: SequenceShape, projection: UnsafePointer<Float>, parameters: Mamba3Parameters<UnsafeMutablePointer<Float>>,
    state: UnsafePointer<Float>?, dOutput: UnsafePointer<Float>, dProjection: UnsafeMutablePointer<Float>,
    gradients: Mamba3Parameters<UnsafeMutablePointer<Float>>, dState: UnsafeMutablePointer<Float>?,
    workspace: UnsafeMutablePointer<Float>, scratch: UnsafeMutablePointer<Float>
  ) {
    guard shape.rows > 0 else { return }
    let w = Mamba3Workspace(self, shape, keepsStates: true, at: workspace)
    let s = Mamba3BackwardScratch(self, shape, at: scratch)
    scratch.update(repeating: 0, count: s.count)
    let chunks = chunks(shape), statesOfChunk = heads &* tileCount
    var b = 0
    while b < shape.batch {
      let states = w.states + b &* (chunks &+ 1) &* statesOfChunk
      s.adjoint.update(repeating: 0, count: statesOfChunk)
      s.row.angle.update(repeating: 0, count: heads &* half)
      var c = chunks &- 1
      while c >= 0 {
        let first = b &* shape.time &+ c &* Self.chunk, count = min(Self.chunk, shape.time &- c &* Self.chunk)
        let before = states + c &* statesOfChunk
        var h = 0
        while h < heads {
          // Exact once a chunk, so that the sum over its rows gathers no rounding.
          let after = before + statesOfChunk &+ h &* tileCount
          s.gradients.weight[h] = product(tileCount, s.adjoint + h &* tileCount, after)
          let place = w.place(b, h, c &* Self.chunk)
          if h == 0 { fetch(projection, dOutput, dProjection, first, count, 0) }
          if h &+ 1 < heads { fetch(projection, dOutput, dProjection, first, count, h &+ 1) }
          headBackward(
            first, count, h, place, projection, parameters, w, s, from: before + h &* tileCount, dOutput: dOutput,
            dProjection: dProjection, gradients)
          h &+= 1
        }
        rotateBackward(
          shape, first: first, count: count, projection, dProjection: dProjection, w, s.row, s.gradients)
        c &-= 1
      }
      if let state, let dState {
        beginBackward(
          state + b &* stateCount, row: b &* shape.time, parameters: parameters, w, adjoint: s.adjoint, angle: s.row.angle,
          dState: dState + b &* stateCount, dStep: s.gradients.step, dMix: s.gradients.mix, dMimoX: gradients.mimoX)
      }
      b &+= 1
    }
    scalarsBackward(
      shape, w, dStep: s.gradients.step, dMix: s.gradients.mix, dLog: s.gradients.log, dProjection: dProjection,
      dStepBias: gradients.stepBias)
    addArranged(1, s.gradients.bNorm, to: gradients.bNorm)
    addArranged(1, s.gradients.cNorm, to: gradients.cNorm)
    addArranged(heads &* ranks, s.gradients.bBias, to: gradients.bBias)
    addArranged(heads &* ranks, s.gradients.cBias, to: gradients.cBias)
  }

  public func backwardScratchCount(_ shape: SequenceShape) -> Int {
    Mamba3BackwardScratch(self, shape, at: UnsafeMutablePointer(bitPattern: 64)!).count
  }

  /// As in the forward pass, for what backward reads and writes.
  @inline(__always) private func fetch(
    _ projection: Input, _ dOutput: Input, _ dProjection: Output, _ first: Int, _ count: Int, _ h: Int
  ) {
    fetch(dOutput + first &* inner &+ h &* headSize, rows: count, stride: inner)
    fetch(projection, first, count, h)
    fetch(Input(dProjection), first, count, h)
  }

  /// Gate, recurrence, and x of one head in one chunk.
  @inline(__always) private func headBackward(
    _ first: Int, _ count: Int, _ h: Int, _ place: Int, _ projection: Input, _ parameters: Mamba3Parameters<Output>,
    _ w: Mamba3Workspace, _ s: Mamba3BackwardScratch, from: Input, dOutput: Input, dProjection: Output,
    _ gradients: Mamba3Parameters<Output>
  ) {
    let chunk = headChunk(first, count, h, place, projection, parameters, w, s.v)
    let column = first &* projectionStride &+ h &* headSize
    gateBackward(
      h, rows: count, y: w.y + place &* ranks &* width, projection: projection + column,
      parameters, dOutput: dOutput + first &* inner &+ h &* headSize, dy: s.dy, dz: dProjection + column, gradients)
    let dv = readsXInPlace ? dProjection + column &+ xColumn : s.dv, dvStride = readsXInPlace ? projectionStride : ranks &* width
    scanBackward(
      chunk, from: from, adjoint: s.adjoint + h &* tileCount, dy: s.dy, dv: dv, dvStride: dvStride,
      dk: s.gradients.k + h &* Self.chunkPlaces &* ranks &* padded,
      dq: s.gradients.q + h &* Self.chunkPlaces &* ranks &* padded,
      lanesOfKeys: s.tile)
    var t = 0
    while t < count {
      let own = s.gradients.own + (t &* heads &+ h) &* ranks &* ranks
      var r = 0
      while r < ranks {
        var other = 0
        while other < ranks {
          own[r &* ranks &+ other] = product(
            channels, s.dy + (t &* ranks &+ r) &* width, chunk.v + t &* chunk.valueStride &+ other &* width)
          other &+= 1
        }
        gradients.skip[h] += own[r &* ranks &+ r]
        r &+= 1
      }
      t &+= 1
    }
    if !readsXInPlace { gather(first, count, h, projection, parameters.mimoX, s.dv, dProjection, gradients.mimoX) }
  }

  /// dx = Σ_r dv[r] · mimo_x[r], and the gradient of mimo_x.
  @inline(never) private func gather(
    _ first: Int, _ count: Int, _ h: Int, _ projection: Input, _ mimoX: Output?, _ dv: Input, _ dProjection: Output,
    _ dMimoX: Output?
  ) {
    var t = 0
    while t < count {
      let column = (first &+ t) &* projectionStride &+ xColumn &+ h &* headSize, x = projection + column
      forEachVector(headSize) { p, active in
        var total = Vector.zero
        var r = 0
        while r < ranks {
          let d = load(dv + (t &* ranks &+ r) &* width &+ p), at = (h &* ranks &+ r) &* headSize &+ p
          total = fma(d, mimoX.map { load($0 + at, active) } ?? splat(1), total)
          if let dMimoX { store(dMimoX + at, fma(d, load(x + p, active), load(dMimoX + at, active)), active) }
          r &+= 1
        }
        store(dProjection + column &+ p, total, active)
      }
      t &+= 1
    }
  }

  /// Of multiples of four floats.
  @inline(__always) private func product(_ count: Int, _ a: Input, _ b: Input) -> Float {
    var total = Wide.zero
    var i = 0
    while i &+ 16 <= count {
      total = fma(loadWide(a + i), loadWide(b + i), total)
      i &+= 16
    }
    var rest = SIMD4<Float>.zero
    while i < count {
      rest = fma(loadFour(a + i), loadFour(b + i), rest)
      i &+= 4
    }
    return sum(total.lowHalf + total.highHalf) + rest.sum()
  }

  /// Rows [padded] in the kernel's order, added to rows [N] in the reference's.
  private func addArranged(_ rows: Int, _ source: Input, to target: Output) {
    var row = 0
    while row < rows {
      var n = 0
      while n < states {
        target[row &* states &+ n] += source[row &* padded &+ slot(n)]
        n &+= 1
      }
      row &+= 1
    }
  }
}

/// One block of floats, cut up; zero at the beginning.
struct Mamba3BackwardScratch: BitwiseCopyable {
  let row: Mamba3RowScratch
  let gradients: Mamba3RowGradients
  /// dL/dg of one sequence [H, tiles]; dy, v, dv of one head in a chunk [chunk, R, width]; what `scanBackward` needs.
  let adjoint, dy, v, dv, tile: Output
  let count: Int

  init(_ core: Mamba3Core, _ shape: SequenceShape, at memory: Output) {
    row = Mamba3RowScratch(core, at: memory)
    var next = (row.count &+ 15) & ~15
    func take(_ count: Int) -> Output {
      defer { next &+= (count &+ 15) & ~15 }
      return memory + next
    }
    let chunk = Mamba3Core.chunk, perHead = shape.rows &* core.heads, ranks = core.ranks
    let keys = core.heads &* ranks &* core.padded, head = ranks &* core.width, places = Mamba3Core.chunkPlaces
    gradients = Mamba3RowGradients(
      k: take(places &* keys), q: take(places &* keys), own: take(chunk &* core.heads &* ranks &* ranks), step: take(perHead),
      mix: take(perHead), log: take(perHead), bNorm: take(core.padded), cNorm: take(core.padded), bBias: take(keys),
      cBias: take(keys), weight: take(core.heads))
    adjoint = take(core.heads &* core.tileCount)
    (dy, v, dv) = (take(chunk &* head), take(core.valueCount), take(core.valueCount))
    tile = take(core.tileScratchCount)
    count = next
  }
}
