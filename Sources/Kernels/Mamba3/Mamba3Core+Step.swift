/// One position, for acting: the equations as they stand, on a row of state in the reference's order, in place.

extension Mamba3Core {
  /// projection [projectionSize] → output [E]; `state` [stateCount] moves on.
  @inline(never) public func step(
    projection: UnsafePointer<Float>, parameters: Mamba3Parameters<UnsafeMutablePointer<Float>>,
    state: UnsafeMutablePointer<Float>, output: UnsafeMutablePointer<Float>, scratch: UnsafeMutablePointer<Float>
  ) {
    let s = Mamba3StepScratch(self, at: scratch)
    numbers(projection, parameters.stepBias, s)
    var i = 0
    while i < ranks &* groups {
      normalise(projection + bColumn &+ i &* states, parameters.bNorm, into: s.normB + i &* states)
      normalise(projection + cColumn &+ i &* states, parameters.cNorm, into: s.normC + i &* states)
      i &+= 1
    }
    forEachVector(angles) { j, active in
      store(s.turn + j, splat(.pi) * tanh(load(projection + angleColumn &+ j, active)))
    }
    var h = 0
    while h < heads {
      turn(h, state + h &* angles, parameters, s)
      values(h, projection + xColumn &+ h &* headSize, state + valueOffset &+ h &* headSize, parameters.mimoX, s)
      move(h, state, skip: parameters.skip[h], s)
      keep(h, projection + xColumn &+ h &* headSize, state, s)
      gate(
        h, rows: 1, y: s.y, projection: projection + h &* headSize, parameters, into: output + h &* headSize)
      h &+= 1
    }
  }

  public var stepScratchCount: Int {
    Mamba3StepScratch(self, at: UnsafeMutablePointer(bitPattern: 64)!).count
  }

  /// Δ, α, β, γ of all heads.
  @inline(__always) private func numbers(_ projection: Input, _ stepBias: Input, _ s: Mamba3StepScratch) {
    forEachVector(heads) { h, active in
      let step = softplus(load(projection + stepColumn &+ h, active) + load(stepBias + h, active))
      let mix = sigmoid(load(projection + mixColumn &+ h, active))
      let decay = exp(step * rate(load(projection + rateColumn &+ h, active)).value)
      store(s.step + h, step)
      store(s.decay + h, decay)
      store(s.beta + h, (splat(1) - mix) * step * decay)
      store(s.gamma + h, mix * step)
    }
  }

  @inline(__always) private func normalise(_ x: Input, _ weight: Input, into y: Output) {
    var total = Vector.zero
    forEachVector(states) { n, active in
      let v = load(x + n, active)
      total = fma(v, v, total)
    }
    let inverse = splat(1 / (sum(total) / Float(states) + 1e-5).squareRoot())
    forEachVector(states) { n, active in store(y + n, load(x + n, active) * inverse * load(weight + n, active), active) }
  }

  /// θ of one head moves on; its k and q [R, N].
  @inline(__always) private func turn(
    _ h: Int, _ angle: Output, _ parameters: Mamba3Parameters<Output>, _ s: Mamba3StepScratch
  ) {
    let step = splat(s.step[h])
    forEachVector(angles) { j, active in
      let theta = wrappedAngle(fma(step, load(s.turn + j), load(angle + j, active)))
      store(angle + j, theta, active)
      let both = sineCosine(theta)
      store(s.sine + j, both.sine)
      store(s.cosine + j, both.cosine)
    }
    var r = 0
    while r < ranks {
      let norm = (r &* groups &+ group(ofHead: h)) &* states, bias = (h &* ranks &+ r) &* states
      let k = s.k + r &* states, q = s.q + r &* states
      forEachVector(states) { n, active in
        store(k + n, load(s.normB + norm &+ n, active) + load(parameters.bBias + bias &+ n, active), active)
        store(q + n, load(s.normC + norm &+ n, active) + load(parameters.cBias + bias &+ n, active), active)
      }
      var j = 0
      while j < angles {
        let (first, second) = pair(j), c = s.cosine[j], d = s.sine[j]
        (k[first], k[second]) = (k[first] * c - k[second] * d, k[first] * d + k[second] * c)
        (q[first], q[second]) = (q[first] * c - q[second] * d, q[first] * d + q[second] * c)
        j &+= 1
      }
      r &+= 1
    }
  }

  /// γ v, β v of the position before, and v itself, [R, P] each.
  @inline(__always) private func values(_ h: Int, _ x: Input, _ before: Input, _ mimoX: Output?, _ s: Mamba3StepScratch) {
    let beta = splat(s.beta[h]), gamma = splat(s.gamma[h])
    var r = 0
    while r < ranks {
      let at = r &* width
      forEachVector(headSize) { p, active in
        let scale = mimoX.map { load($0 + (h &* ranks &+ r) &* headSize &+ p, active) } ?? splat(1)
        let v = load(x + p, active) * scale
        store(s.v + at &+ p, v)
        store(s.now + at &+ p, v * gamma)
        store(s.before + at &+ p, load(before + p, active) * scale * beta)
      }
      r &+= 1
    }
  }

  /// h and y [R, width] of one head: eight channels at a time, whose sums over the states are taken across lanes together.
  @inline(__always) private func move(_ h: Int, _ state: Output, skip: Float, _ s: Mamba3StepScratch) {
    let decay = splat(s.decay[h]), keys = state + keyOffset &+ h &* states
    var p = 0
    while p < headSize {
      let channels = min(lanes, headSize &- p)
      var i = 0
      while i < channels {
        let row = state + ssmOffset &+ (h &* headSize &+ p &+ i) &* states
        if ranks == 1 {
          move(1, row, keys, p &+ i, i, decay, s)
        } else {
          move(ranks, row, keys, p &+ i, i, decay, s)
        }
        i &+= 1
      }
      var r = 0
      while r < ranks {
        let at = r &* width &+ p
        store(s.y + at, fma(splat(skip), load(s.v + at), laneSums(s.sums + r &* 64)), channels)
        r &+= 1
      }
      p &+= lanes
    }
  }

  @inline(__always) private func move(
    _ ranks: Int, _ row: Output, _ keys: Input, _ p: Int, _ i: Int, _ decay: Vector, _ s: Mamba3StepScratch
  ) {
    forEachVector(states) { n, active in
      var total = load(row + n, active) * decay
      var r = 0
      while r < ranks {
        total = fma(splat(s.before[r &* width &+ p]), load(keys + r &* heads &* states &+ n, active), total)
        total = fma(splat(s.now[r &* width &+ p]), load(s.k + r &* states &+ n, active), total)
        r &+= 1
      }
      store(row + n, total, active)
    }
    var r = 0
    while r < ranks {
      var total = Vector.zero
      forEachVector(states) { n, active in
        total = fma(load(row + n, active), load(s.q + r &* states &+ n, active), total)
      }
      store(s.sums + (r &* lanes &+ i) &* lanes, total)
      r &+= 1
    }
  }

  /// k and x of one head, for the next position.
  @inline(__always) private func keep(_ h: Int, _ x: Input, _ state: Output, _ s: Mamba3StepScratch) {
    (state + valueOffset &+ h &* headSize).update(from: x, count: headSize)
    var r = 0
    while r < ranks {
      (state + keyOffset &+ (r &* heads &+ h) &* states).update(from: s.k + r &* states, count: states)
      r &+= 1
    }
  }
}

/// One block of floats, cut up. Padding is zero and stays so.
struct Mamba3StepScratch: BitwiseCopyable {
  /// [H]; [R, G, N]; [S]; [R, N] of one head; [R, width] of one head; [R, 8, 8] of eight channels.
  let step, decay, beta, gamma, normB, normC, turn, cosine, sine, k, q, v, now, before, y, sums: Output
  let count: Int

  init(_ core: Mamba3Core, at memory: Output) {
    var next = 0
    func take(_ count: Int) -> Output {
      defer { next &+= (count &+ 15) & ~15 }
      return memory + next
    }
    (step, decay, beta, gamma) = (take(core.heads), take(core.heads), take(core.heads), take(core.heads))
    let norms = core.ranks &* core.groups &* core.states, keys = core.ranks &* core.states, values = core.ranks &* core.width
    (normB, normC) = (take(norms), take(norms))
    (turn, cosine, sine) = (take(core.angles), take(core.angles), take(core.angles))
    (k, q) = (take(keys), take(keys))
    (v, now, before, y) = (take(values), take(values), take(values), take(values))
    sums = take(core.ranks &* lanes &* lanes)
    count = next
  }
}
