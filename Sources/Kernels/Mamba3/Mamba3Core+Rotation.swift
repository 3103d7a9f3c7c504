/// From a chunk's rows of the projection to k̂, q̂ and c of every head: norms, biases and the rotation.

/// What a sequence carries from row to row, and a chunk's B and C on their way.
struct Mamba3RowScratch: BitwiseCopyable {
  /// θ [H, half], and backwards what later rows ask of it.
  let angle: Output
  /// π tanh(ω) [chunk, turning], and its gradient.
  let turn, dTurn: Output
  /// RMSNorm(B), RMSNorm(C) [chunk, R, G, padded], and their gradients.
  let normB, normC, dNormB, dNormC: Output
  /// b̂, ĉ of one head and row [R, padded], and their gradients.
  let hatB, hatC, dHatB, dHatC: Output
  let count: Int

  init(_ core: Mamba3Core, at memory: Output) {
    var next = 0
    func take(_ count: Int) -> Output {
      defer { next &+= count }
      return memory + next
    }
    angle = take(core.heads &* core.half)
    let chunk = Mamba3Core.chunk
    (turn, dTurn) = (take(chunk &* core.turning), take(chunk &* core.turning))
    let groups = chunk &* core.normCount, ranks = core.ranks &* core.padded
    (normB, normC, dNormB, dNormC) = (take(groups), take(groups), take(groups), take(groups))
    (hatB, hatC, dHatB, dHatC) = (take(ranks), take(ranks), take(ranks), take(ranks))
    count = next
  }
}

extension Mamba3Core {
  /// Floats of a row's RMSNorm(B).
  var normCount: Int { ranks &* groups &* padded }

  /// Rows `first` ..< `first + count` of one sequence and chunk. `finalKey` [R, H, N] gets k of the last of them.
  ///
  /// Head by head: what is written for one head lies together, for one row all over the workspace.
  @inline(never) func rotate(
    _ shape: SequenceShape, first: Int, count: Int, _ projection: Input, skip: Input, _ w: Mamba3Workspace,
    _ s: Mamba3RowScratch, finalKey: Output?
  ) {
    var t = 0
    while t < count {
      let source = projection + (first &+ t) &* projectionStride
      turns(source, s.turn + t &* turning)
      normalise(source, first &+ t, w, s.normB + t &* normCount, s.normC + t &* normCount)
      t &+= 1
    }
    let b = first / shape.time
    var h = 0
    while h < heads {
      let angle = s.angle + h &* half, placeOfFirst = w.place(b, h, first &- b &* shape.time), norm = normOffset(ofHead: h)
      t = 0
      while t < count {
        if shape.beginsEpisode(first &+ t) { angle.update(repeating: 0, count: half) }
        advance(angle, by: s.turn + t &* turning, w.step[(first &+ t) &* heads &+ h], placeOfFirst &+ t, w)
        t &+= 1
      }
      // By itself: what follows waits for no other row, and goes on while cosines are still on their way.
      t = 0
      while t < count {
        let i = (first &+ t) &* heads &+ h, place = placeOfFirst &+ t, normOfRow = t &* normCount &+ norm
        if ranks == 1 {
          let product = rotateOnly(i, h, normOfRow, place, w, s)
          w.own[i] = w.mix[i] * w.step[i] * product + skip[h]
        } else {
          rotateRanks(i, h, normOfRow, place, skip: skip[h], w, s)
        }
        if let finalKey, t == count &- 1 { keepKey(h, normOfRow, place, w, s, into: finalKey) }
        t &+= 1
      }
      h &+= 1
    }
  }

  /// θ, its cosine and sine.
  @inline(__always) private func advance(_ angle: Output, by turns: Input, _ step: Float, _ place: Int, _ w: Mamba3Workspace) {
    let cosine = w.cosine + place &* turning, sine = w.sine + place &* turning
    var j = 0
    while j < turning {
      let theta = wrappedAngle(fma(splat(step), load(turns + j), load(angle + j)))
      store(angle + j, theta)
      let both = sineCosine(theta)
      store(sine + j, both.sine)
      store(cosine + j, both.cosine)
      j &+= lanes
    }
  }

  /// k̂ and q̂ where R = 1, in one pass; returns ĉ·b̂.
  @inline(__always) private func rotateOnly(
    _ i: Int, _ h: Int, _ norm: Int, _ place: Int, _ w: Mamba3Workspace, _ s: Mamba3RowScratch
  ) -> Float {
    let normB = s.normB + norm, normC = s.normC + norm, biasB = w.bBias + h &* padded, biasC = w.cBias + h &* padded
    let cosine = w.cosine + place &* turning, sine = w.sine + place &* turning
    let k = w.k + place &* padded, q = w.q + place &* padded
    let keyScale = splat(w.keyScale[i]), queryScale = splat(w.queryScale[i])
    var product = Vector.zero
    var j = 0
    while j < half {
      let b1 = load(normB + j) + load(biasB + j), b2 = load(normB + half &+ j) + load(biasB + half &+ j)
      let c1 = load(normC + j) + load(biasC + j), c2 = load(normC + half &+ j) + load(biasC + half &+ j)
      product = fma(c1, b1, fma(c2, b2, product))
      if j < turning {
        let cosine = load(cosine + j), sine = load(sine + j)
        store(k + j, fma(b1, cosine, -(b2 * sine)) * keyScale)
        store(k + half &+ j, fma(b1, sine, b2 * cosine) * keyScale)
        store(q + j, fma(c1, cosine, -(c2 * sine)) * queryScale)
        store(q + half &+ j, fma(c1, sine, c2 * cosine) * queryScale)
      } else {
        store(k + j, b1 * keyScale)
        store(k + half &+ j, b2 * keyScale)
        store(q + j, c1 * queryScale)
        store(q + half &+ j, c2 * queryScale)
      }
      j &+= lanes
    }
    return sum(product)
  }

  /// k̂, q̂ and c of all ranks.
  @inline(__always) private func rotateRanks(
    _ i: Int, _ h: Int, _ norm: Int, _ place: Int, skip: Float, _ w: Mamba3Workspace, _ s: Mamba3RowScratch
  ) {
    let cosine = w.cosine + place &* turning, sine = w.sine + place &* turning
    hats(h, norm, w, s)
    var r = 0
    while r < ranks {
      let at = (place &* ranks &+ r) &* padded
      turn(s.hatB + r &* padded, cosine, sine, by: w.keyScale[i], into: w.k + at)
      turn(s.hatC + r &* padded, cosine, sine, by: w.queryScale[i], into: w.q + at)
      var other = 0
      while other < ranks {
        let product = dot(s.hatC + r &* padded, s.hatB + other &* padded)
        w.own[(i &* ranks &+ r) &* ranks &+ other] = w.mix[i] * w.step[i] * product + (r == other ? skip : 0)
        other &+= 1
      }
      r &+= 1
    }
  }

  /// k of one head and row in the reference's order.
  @inline(__always) private func keepKey(
    _ h: Int, _ norm: Int, _ place: Int, _ w: Mamba3Workspace, _ s: Mamba3RowScratch, into key: Output
  ) {
    hats(h, norm, w, s)
    var r = 0
    while r < ranks {
      turn(s.hatB + r &* padded, w.cosine + place &* turning, w.sine + place &* turning, by: 1, into: s.dHatB)
      scatter(s.dHatB, into: key + (r &* heads &+ h) &* states)
      r &+= 1
    }
  }

  /// π tanh(ω), zero beyond S.
  @inline(__always) func turns(_ source: Input, _ turn: Output) {
    var s = 0
    while s < turning {
      let omega = load(source + angleColumn &+ s, min(lanes, angles &- s))
      store(turn + s, splat(.pi) * tanh(omega))
      s &+= lanes
    }
  }

  @inline(__always) private func normalise(
    _ source: Input, _ row: Int, _ w: Mamba3Workspace, _ normB: Output, _ normC: Output
  ) {
    let groupsAndRanks = ranks &* groups
    var i = 0
    while i < groupsAndRanks {
      let inverse = w.inverse + 2 &* row &* groupsAndRanks &+ i
      inverse[0] = normalise(source + bColumn &+ i &* states, w.bNorm, into: normB + i &* padded)
      inverse[groupsAndRanks] = normalise(source + cColumn &+ i &* states, w.cNorm, into: normC + i &* padded)
      i &+= 1
    }
  }

  /// RMSNorm of [N] into the kernel's order; returns 1 / √(mean + 1e-5).
  @inline(__always) private func normalise(_ source: Input, _ weight: Input, into target: Output) -> Float {
    arrange(source, into: target)
    let inverse = 1 / (dot(target, target) / Float(states) + 1e-5).squareRoot()
    var j = 0
    while j < padded {
      store(target + j, load(target + j) * splat(inverse) * load(weight + j))
      j &+= lanes
    }
    return inverse
  }

  /// Where a head's group stands in a row's RMSNorm(B) of the first rank.
  @inline(__always) func normOffset(ofHead h: Int) -> Int { group(ofHead: h) &* padded }

  /// b̂ and ĉ of one head and row, whose norms of the first rank stand at `norm`.
  @inline(__always) func hats(_ h: Int, _ norm: Int, _ w: Mamba3Workspace, _ s: Mamba3RowScratch) {
    var r = 0
    while r < ranks {
      let norm = norm &+ r &* groups &* padded, bias = (h &* ranks &+ r) &* padded
      var j = 0
      while j < padded {
        store(s.hatB + r &* padded &+ j, load(s.normB + norm &+ j) + load(w.bBias + bias &+ j))
        store(s.hatC + r &* padded &+ j, load(s.normC + norm &+ j) + load(w.cBias + bias &+ j))
        j &+= lanes
      }
      r &+= 1
    }
  }

  @inline(__always) private func turn(
    _ x: Input, _ cosine: Input, _ sine: Input, by factor: Float, into y: Output
  ) {
    var j = 0
    while j < turning {
      let c = load(cosine + j) * splat(factor), s = load(sine + j) * splat(factor)
      let first = load(x + j), second = load(x + half &+ j)
      store(y + j, fma(first, c, -(second * s)))
      store(y + half &+ j, fma(first, s, second * c))
      j &+= lanes
    }
    while j < half {
      store(y + j, load(x + j) * splat(factor))
      store(y + half &+ j, load(x + half &+ j) * splat(factor))
      j &+= lanes
    }
  }

  /// Of [padded] floats.
  @inline(__always) func dot(_ a: Input, _ b: Input) -> Float {
    var total = Vector.zero
    var j = 0
    while j < padded {
      total = fma(load(a + j), load(b + j), total)
      j &+= lanes
    }
    return sum(total)
  }
}
