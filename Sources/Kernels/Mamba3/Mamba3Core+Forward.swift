/// The order of the forward pass: numbers of all positions, then chunk after chunk, in which everything stays in the cache.
extension Mamba3Core {
  /// projection [batch × time, projectionSize], rows `projectionStride` apart; state [batch, stateCount] or nil for zero → output [batch × time, E]
  /// and the state after the last position. Overwrites all it writes.
  @inline(never) public func forward(
    _ shape: SequenceShape, projection: UnsafePointer<Float>, parameters: Mamba3Parameters<UnsafeMutablePointer<Float>>,
    state: UnsafePointer<Float>?, output: UnsafeMutablePointer<Float>, finalState: UnsafeMutablePointer<Float>,
    workspace: UnsafeMutablePointer<Float>, keepsStates: Bool, scratch: UnsafeMutablePointer<Float>
  ) {
    guard shape.time > 0 else {
      if let state {
        finalState.update(from: state, count: shape.batch &* stateCount)
      } else {
        finalState.update(repeating: 0, count: shape.batch &* stateCount)
      }
      return
    }
    let w = Mamba3Workspace(self, shape, keepsStates: keepsStates, at: workspace)
    let s = Mamba3RowScratch(self, at: scratch), v = scratch + s.count
    scratch.update(repeating: 0, count: forwardScratchCount)
    w.arrange(self, parameters)
    scalars(shape, projection, stepBias: parameters.stepBias, w)
    let chunks = chunks(shape), statesOfChunk = heads &* tileCount
    var b = 0
    while b < shape.batch {
      let target = finalState + b &* stateCount
      var states = w.states + (keepsStates ? b &* (chunks &+ 1) &* statesOfChunk : 0)
      begin(
        state.map { $0 + b &* stateCount }, row: b &* shape.time, mimoX: parameters.mimoX, w, tiles: states, angle: s.angle)
      var c = 0
      while c < chunks {
        let first = b &* shape.time &+ c &* Self.chunk, count = min(Self.chunk, shape.time &- c &* Self.chunk)
        let next = keepsStates || states == w.states ? states + statesOfChunk : w.states
        rotate(
          shape, first: first, count: count, projection, skip: parameters.skip, w, s,
          finalKey: c == chunks &- 1 ? target + keyOffset : nil)
        var h = 0
        while h < heads {
          let place = w.place(b, h, c &* Self.chunk), y = w.y + place &* ranks &* width
          if h == 0 { fetch(projection, first, count, 0) }
          if h &+ 1 < heads { fetch(projection, first, count, h &+ 1) }
          let chunk = headChunk(first, count, h, place, projection, parameters, w, v)
          scan(chunk, from: states + h &* tileCount, to: next + h &* tileCount, y: y)
          gate(
            h, rows: count, y: y, projection: projection + first &* projectionStride &+ h &* headSize,
            parameters, into: output + first &* inner &+ h &* headSize)
          h &+= 1
        }
        states = next
        c &+= 1
      }
      let last = projection + (b &* shape.time &+ shape.time &- 1) &* projectionStride
      finish(tiles: states, angle: s.angle, last: last, into: target)
      b &+= 1
    }
  }

  public var forwardScratchCount: Int {
    Mamba3RowScratch(self, at: UnsafeMutablePointer(bitPattern: 64)!).count &+ valueCount
  }

  /// Floats of v of one head in a chunk.
  var valueCount: Int { readsXInPlace ? 0 : Self.chunk &* ranks &* width }

  /// Asks for a head's z and x ahead of time: they lie in rows so far apart that reading them one after another would wait
  /// for every one.
  @inline(__always) func fetch(_ projection: Input, _ first: Int, _ count: Int, _ h: Int) {
    let z = projection + first &* projectionStride &+ h &* headSize
    fetch(z, rows: count, stride: projectionStride)
    fetch(z + xColumn, rows: count, stride: projectionStride)
  }
  @inline(__always) func fetch(_ p: Input, rows: Int, stride: Int) {
    var t = 0
    while t < rows {
      prefetch(p + t &* stride, headSize)
      t &+= 1
    }
  }

  /// The rows of one head; v goes into `values` where x cannot be read in place. The values' padding is zero and stays so.
  @inline(__always) func headChunk(
    _ first: Int, _ count: Int, _ h: Int, _ place: Int, _ projection: Input, _ parameters: Mamba3Parameters<Output>,
    _ w: Mamba3Workspace, _ values: Output
  ) -> Mamba3HeadChunk {
    let x = projection + first &* projectionStride &+ xColumn &+ h &* headSize, i = first &* heads &+ h
    let keys = place &* ranks &* padded
    if !readsXInPlace { spread(x, h, count, parameters.mimoX, into: values) }
    return Mamba3HeadChunk(
      count: count, fade: Input(w.fade + i), own: Input(w.own + i &* ranks &* ranks), k: Input(w.k + keys),
      q: Input(w.q + keys),
      v: readsXInPlace ? x : Input(values),
      valueStride: readsXInPlace ? projectionStride : ranks &* width)
  }

  /// v[r] = x · mimo_x[r], [count, R, width].
  @inline(never) private func spread(_ x: Input, _ h: Int, _ count: Int, _ mimoX: Output?, into v: Output) {
    var t = 0
    while t < count {
      let x = x + t &* projectionStride
      var r = 0
      while r < ranks {
        let target = v + (t &* ranks &+ r) &* width, at = (h &* ranks &+ r) &* headSize
        forEachVector(headSize) { p, active in
          let scale = mimoX.map { load($0 + at &+ p, active) } ?? splat(1)
          store(target + p, load(x + p, active) * scale)
        }
        r &+= 1
      }
      t &+= 1
    }
  }
}
