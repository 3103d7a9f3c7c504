/// The gradients of norms, biases and rotation, from those of k̂, q̂ and c.

/// The gradients of a chunk's rows, and those that are gathered over all rows.
struct Mamba3RowGradients: BitwiseCopyable {
  /// dk̂, dq̂ [H, chunkPlaces, R, padded] and dc [chunk, H, R, R].
  let k, q, own: Output
  /// Σ over the rows so far: dΔ, dλ, d(log α), [rows, H].
  let step, mix, log: Output
  /// Of the parameters in the kernel's order, added to: [padded] twice, [H, R, padded] twice.
  let bNorm, cNorm, bBias, cBias: Output
  /// ⟨dL/dg_t, g_t⟩ [H] at the last of the rows still to come, from which d(log α) follows row by row.
  let weight: Output
}

extension Mamba3Core {
  /// Rows `first` ..< `first + count` of one sequence, from the last. Columns B, C, ω of dProjection are overwritten.
  ///
  /// The decay needs no product of its own: w_t = ⟨dL/dg_t, g_t⟩ loses k̂·dk̂ and gains q̂·dq̂ on its way to t−1, and
  /// d(log α_t) = w_{t−1}.
  @inline(never) func rotateBackward(
    _ shape: SequenceShape, first: Int, count: Int, _ projection: Input, dProjection: Output, _ w: Mamba3Workspace,
    _ s: Mamba3RowScratch, _ g: Mamba3RowGradients
  ) {
    var t = 0
    while t < count {
      let source = projection + (first &+ t) &* projectionStride
      turns(source, s.turn + t &* turning)
      restore(source, first &+ t, w, s.normB + t &* normCount, s.normC + t &* normCount)
      t &+= 1
    }
    s.dTurn.update(repeating: 0, count: count &* turning)
    s.dNormB.update(repeating: 0, count: count &* normCount)
    s.dNormC.update(repeating: 0, count: count &* normCount)
    let b = first / shape.time
    var h = 0
    while h < heads {
      let place = w.place(b, h, first &- b &* shape.time), norm = normOffset(ofHead: h)
      t = count &- 1
      while t >= 0 {
        rotateBackward(shape, first &+ t, t, h, place: place &+ t, norm: t &* normCount &+ norm, w, s, g)
        if shape.beginsEpisode(first &+ t) { (s.angle + h &* half).update(repeating: 0, count: half) }
        t &-= 1
      }
      h &+= 1
    }
    t = 0
    while t < count {
      let source = projection + (first &+ t) &* projectionStride, target = dProjection + (first &+ t) &* projectionStride
      normaliseBackward(source, target, first &+ t, t &* normCount, w, s, g)
      var j = 0
      while j < angles {
        let turn = s.turn[t &* turning &+ j] / .pi
        target[angleColumn &+ j] = s.dTurn[t &* turning &+ j] * .pi * (1 - turn * turn)
        j &+= 1
      }
      t &+= 1
    }
  }

  @inline(__always) private func rotateBackward(
    _ shape: SequenceShape, _ row: Int, _ rowOfChunk: Int, _ h: Int, place: Int, norm: Int, _ w: Mamba3Workspace,
    _ s: Mamba3RowScratch, _ g: Mamba3RowGradients
  ) {
    let i = row &* heads &+ h, angle = s.angle + h &* half, step = splat(w.step[i])
    let all =
      ranks == 1
      ? turnBackOnly(i, rowOfChunk, h, place, norm, w, s, g) : turnBackRanks(i, rowOfChunk, h, place, norm, w, s, g)
    g.step[i] += all.gamma * w.mix[i]
    g.mix[i] += all.gamma * w.step[i]

    // Δ by the angle, λ and Δ by γ + e.
    var dStep = Vector.zero
    let turn = s.turn + rowOfChunk &* turning, dTurn = s.dTurn + rowOfChunk &* turning
    var j = 0
    while j < turning {
      dStep = fma(load(angle + j), load(turn + j), dStep)
      store(dTurn + j, fma(load(angle + j), step, load(dTurn + j)))
      j &+= lanes
    }
    let dScale = sum(all.scale) * w.inverseReach[i]
    g.step[i] += sum(dStep) + dScale * w.mix[i]
    g.mix[i] += dScale * w.step[i]
    if goesOn(shape, after: row) {
      g.step[i &+ heads] += dScale * (1 - w.mix[i &+ heads])
      g.mix[i &+ heads] -= dScale * w.step[i &+ heads]
    }
    let weight = shape.beginsEpisode(row) ? 0 : g.weight[h] + sum(all.weight)
    g.log[i] = weight
    g.weight[h] = weight
  }

  /// What a row's keys and queries give to the numbers of its position: the lanes of dL/d((γ + e)/S) and of what ⟨dL/dg, g⟩ gains, and
  /// dγ by c.
  private struct Shares {
    var scale = Vector.zero, weight = Vector.zero
    var gamma: Float = 0
  }

  /// Where R = 1, in one pass: the angle's gradient, and those of b̂ and ĉ, which go on to biases and norms.
  @inline(__always) private func turnBackOnly(
    _ i: Int, _ rowOfChunk: Int, _ h: Int, _ place: Int, _ norm: Int, _ w: Mamba3Workspace, _ s: Mamba3RowScratch,
    _ g: Mamba3RowGradients
  ) -> Shares {
    let normB = s.normB + norm, normC = s.normC + norm, dNormB = s.dNormB + norm, dNormC = s.dNormC + norm
    let bias = h &* padded, biasB = w.bBias + bias, biasC = w.cBias + bias, dBiasB = g.bBias + bias, dBiasC = g.cBias + bias
    let gradient = (h &* Self.chunkPlaces &+ rowOfChunk) &* padded, dk = g.k + gradient, dq = g.q + gradient
    let cosine = w.cosine + place &* turning, sine = w.sine + place &* turning, angle = s.angle + h &* half
    let keyScale = splat(w.keyScale[i]), queryScale = splat(w.queryScale[i])
    let dOwn = g.own[rowOfChunk &* heads &+ h], own = splat(dOwn * w.mix[i] * w.step[i])
    var shares = Shares(), product = Vector.zero
    var j = 0
    while j < half {
      let b1 = load(normB + j) + load(biasB + j), b2 = load(normB + half &+ j) + load(biasB + half &+ j)
      let c1 = load(normC + j) + load(biasC + j), c2 = load(normC + half &+ j) + load(biasC + half &+ j)
      product = fma(c1, b1, fma(c2, b2, product))
      let dk1 = load(dk + j), dk2 = load(dk + half &+ j), dq1 = load(dq + j), dq2 = load(dq + half &+ j)
      // Turned back, in front of the factors of k̂ and q̂.
      let doesTurn = j < turning, c = doesTurn ? load(cosine + j) : splat(1), d = doesTurn ? load(sine + j) : splat(0)
      let dB1 = fma(dk1, c, dk2 * d), dB2 = fma(dk2, c, -(dk1 * d))
      let dC1 = fma(dq1, c, dq2 * d) * queryScale, dC2 = fma(dq2, c, -(dq1 * d)) * queryScale
      let ofKey = fma(b1, dB1, b2 * dB2)
      shares.scale += ofKey
      shares.weight += fma(c1, dC1, fma(c2, dC2, -(keyScale * ofKey)))
      // A rotation keeps products, so that what the angle is asked for can be taken before it.
      let turned = fma(keyScale, fma(dB2, b1, -(dB1 * b2)), fma(dC2, c1, -(dC1 * c2)))
      store(angle + j, load(angle + j) + turned)
      keep(fma(own, c1, dB1 * keyScale), dBiasB + j, dNormB + j)
      keep(fma(own, c2, dB2 * keyScale), dBiasB + half &+ j, dNormB + half &+ j)
      keep(fma(own, b1, dC1), dBiasC + j, dNormC + j)
      keep(fma(own, b2, dC2), dBiasC + half &+ j, dNormC + half &+ j)
      j &+= lanes
    }
    shares.gamma = dOwn * sum(product)
    return shares
  }
  @inline(__always) private func keep(_ d: Vector, _ bias: Output, _ norm: Output) {
    store(bias, load(bias) + d)
    store(norm, load(norm) + d)
  }

  /// The same for all ranks.
  @inline(__always) private func turnBackRanks(
    _ i: Int, _ rowOfChunk: Int, _ h: Int, _ place: Int, _ norm: Int, _ w: Mamba3Workspace, _ s: Mamba3RowScratch,
    _ g: Mamba3RowGradients
  ) -> Shares {
    hats(h, norm, w, s)
    let cosine = w.cosine + place &* turning, sine = w.sine + place &* turning, angle = s.angle + h &* half
    let keyScale = splat(w.keyScale[i]), queryScale = splat(w.queryScale[i])
    var shares = Shares()
    var r = 0
    while r < ranks {
      let at = (place &* ranks &+ r) &* padded, gradient = ((h &* Self.chunkPlaces &+ rowOfChunk) &* ranks &+ r) &* padded
      let k = w.k + at, q = w.q + at, dk = g.k + gradient, dq = g.q + gradient, hat = r &* padded
      var j = 0
      while j < half {
        let doesTurn = j < turning, c = doesTurn ? load(cosine + j) : splat(1), d = doesTurn ? load(sine + j) : splat(0)
        let k1 = load(k + j), k2 = load(k + half &+ j), q1 = load(q + j), q2 = load(q + half &+ j)
        let dk1 = load(dk + j), dk2 = load(dk + half &+ j), dq1 = load(dq + j), dq2 = load(dq + half &+ j)
        shares.weight += fma(q1, dq1, q2 * dq2) - fma(k1, dk1, k2 * dk2)
        let turned = fma(dk2, k1, -(dk1 * k2)) + fma(dq2, q1, -(dq1 * q2))
        store(angle + j, load(angle + j) + turned)
        let dB1 = fma(dk1, c, dk2 * d), dB2 = fma(dk2, c, -(dk1 * d))
        shares.scale = fma(load(s.hatB + hat &+ j), dB1, fma(load(s.hatB + hat &+ half &+ j), dB2, shares.scale))
        store(s.dHatB + hat &+ j, dB1 * keyScale)
        store(s.dHatB + hat &+ half &+ j, dB2 * keyScale)
        store(s.dHatC + hat &+ j, fma(dq1, c, dq2 * d) * queryScale)
        store(s.dHatC + hat &+ half &+ j, fma(dq2, c, -(dq1 * d)) * queryScale)
        j &+= lanes
      }
      r &+= 1
    }
    shares.gamma = ownBackward(i, rowOfChunk, h, w, s, g)
    keepHats(h, norm, s, g)
    return shares
  }

  /// c[r, r'] = γ ĉ[r]·b̂[r'] + D·(r = r') onto the gradients of b̂ and ĉ; D's share is taken elsewhere. Returns dγ.
  @inline(__always) private func ownBackward(
    _ i: Int, _ rowOfChunk: Int, _ h: Int, _ w: Mamba3Workspace, _ s: Mamba3RowScratch, _ g: Mamba3RowGradients
  ) -> Float {
    let own = g.own + (rowOfChunk &* heads &+ h) &* ranks &* ranks, gamma = w.mix[i] * w.step[i]
    var dGamma: Float = 0
    var r = 0
    while r < ranks {
      var other = 0
      while other < ranks {
        let d = own[r &* ranks &+ other], b = s.hatB + other &* padded, c = s.hatC + r &* padded
        dGamma += d * dot(c, b)
        let factor = splat(d * gamma), dB = s.dHatB + other &* padded, dC = s.dHatC + r &* padded
        var j = 0
        while j < padded {
          store(dB + j, fma(factor, load(c + j), load(dB + j)))
          store(dC + j, fma(factor, load(b + j), load(dC + j)))
          j &+= lanes
        }
        other &+= 1
      }
      r &+= 1
    }
    return dGamma
  }

  /// Gradients of b̂ and ĉ go to the biases and to the group's norms.
  @inline(__always) private func keepHats(_ h: Int, _ norm: Int, _ s: Mamba3RowScratch, _ g: Mamba3RowGradients) {
    var r = 0
    while r < ranks {
      let norm = norm &+ r &* groups &* padded, bias = (h &* ranks &+ r) &* padded
      var j = 0
      while j < padded {
        let dB = load(s.dHatB + r &* padded &+ j), dC = load(s.dHatC + r &* padded &+ j)
        store(g.bBias + bias &+ j, load(g.bBias + bias &+ j) + dB)
        store(g.cBias + bias &+ j, load(g.cBias + bias &+ j) + dC)
        store(s.dNormB + norm &+ j, load(s.dNormB + norm &+ j) + dB)
        store(s.dNormC + norm &+ j, load(s.dNormC + norm &+ j) + dC)
        j &+= lanes
      }
      r &+= 1
    }
  }

  /// RMSNorm(B) and RMSNorm(C) once more.
  @inline(__always) private func restore(
    _ source: Input, _ row: Int, _ w: Mamba3Workspace, _ normB: Output, _ normC: Output
  ) {
    let groupsAndRanks = ranks &* groups
    var i = 0
    while i < groupsAndRanks {
      let inverse = w.inverse + 2 &* row &* groupsAndRanks &+ i
      restore(source + bColumn &+ i &* states, inverse[0], w.bNorm, into: normB + i &* padded)
      restore(source + cColumn &+ i &* states, inverse[groupsAndRanks], w.cNorm, into: normC + i &* padded)
      i &+= 1
    }
  }
  @inline(__always) private func restore(_ source: Input, _ inverse: Float, _ weight: Input, into target: Output) {
    arrange(source, into: target)
    var j = 0
    while j < padded {
      store(target + j, load(target + j) * splat(inverse) * load(weight + j))
      j &+= lanes
    }
  }

  @inline(__always) private func normaliseBackward(
    _ source: Input, _ target: Output, _ row: Int, _ first: Int, _ w: Mamba3Workspace, _ s: Mamba3RowScratch,
    _ g: Mamba3RowGradients
  ) {
    let groupsAndRanks = ranks &* groups
    var i = 0
    while i < groupsAndRanks {
      let inverse = w.inverse + 2 &* row &* groupsAndRanks &+ i, norm = first &+ i &* padded
      normaliseBackward(
        source + bColumn &+ i &* states, inverse[0], w.bNorm, s.dNormB + norm, s.normB + norm, dWeight: g.bNorm,
        dx: target + bColumn &+ i &* states)
      normaliseBackward(
        source + cColumn &+ i &* states, inverse[groupsAndRanks], w.cNorm, s.dNormC + norm, s.normC + norm,
        dWeight: g.cNorm, dx: target + cColumn &+ i &* states)
      i &+= 1
    }
  }

  /// n = x · inverse, of which d is the gradient after the weight: dx = inverse (d w − n · mean(d w n)).
  @inline(__always) private func normaliseBackward(
    _ source: Input, _ inverse: Float, _ weight: Input, _ d: Output, _ x: Output, dWeight: Output, dx: Output
  ) {
    arrange(source, into: x)
    var products = Vector.zero
    var j = 0
    while j < padded {
      let n = load(x + j) * splat(inverse), gradient = load(d + j), weighted = gradient * load(weight + j)
      store(dWeight + j, fma(gradient, n, load(dWeight + j)))
      products = fma(weighted, n, products)
      store(x + j, n)
      store(d + j, weighted)
      j &+= lanes
    }
    let mean = splat(sum(products) / Float(states))
    j = 0
    while j < padded {
      store(d + j, splat(inverse) * fma(-mean, load(x + j), load(d + j)))
      j &+= lanes
    }
    scatter(d, into: dx)
  }
}
