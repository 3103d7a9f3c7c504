/// One number a position and head: Δ, λ, α, γ + e, and their gradients.

extension Mamba3Core {
  /// Fills the workspace's [rows, H] arrays. Columns are first gathered, so that whatever the number of heads the functions
  /// run on full vectors.
  @inline(never) func scalars(_ shape: SequenceShape, _ projection: Input, stepBias: Input, _ w: Mamba3Workspace) {
    var row = 0
    while row < shape.rows {
      let source = projection + row &* projectionSize, target = row &* heads
      var h = 0
      while h < heads {
        w.rawStep[target &+ h] = source[stepColumn &+ h] + stepBias[h]
        w.rawRate[target &+ h] = source[rateColumn &+ h]
        w.mix[target &+ h] = source[mixColumn &+ h]
        h &+= 1
      }
      row &+= 1
    }
    forEachVector(shape.rows &* heads) { i, active in
      let step = softplus(load(w.rawStep + i, active)), mix = sigmoid(load(w.mix + i, active))
      store(w.step + i, step, active)
      store(w.mix + i, mix, active)
      store(w.decay + i, exp(step * rate(load(w.rawRate + i, active)).value), active)
    }
    row = 0
    while row < shape.rows {
      let here = row &* heads
      let hasNext = goesOn(shape, after: row)
      if shape.beginsEpisode(row) { (w.decay + here).update(repeating: 0, count: heads) }
      var h = 0
      while h < heads {
        let i = here &+ h
        w.scale[i] = w.mix[i] * w.step[i] + (hasNext ? (1 - w.mix[i &+ heads]) * w.step[i &+ heads] : 0)
        h &+= 1
      }
      row &+= 1
    }
  }

  /// Whether the position after `row` reads this one's k and v.
  @inline(__always) func goesOn(_ shape: SequenceShape, after row: Int) -> Bool {
    (row &+ 1) % shape.time != 0 && !shape.beginsEpisode(row &+ 1)
  }

  /// A and dA/da. The corner at a = 0 is smooth: both sides have slope −1.
  @inline(__always) func rate(_ raw: Vector) -> (value: Vector, slope: Vector) {
    let bend = splat(1) / (splat(1) - smaller(raw, Vector.zero))
    let value = -(larger(raw, Vector.zero) + bend)
    let slope = (-(bend * bend)).replacing(with: splat(-1), where: raw .>= Vector.zero)
    return (smaller(value, splat(-1e-4)), slope.replacing(with: Vector.zero, where: value .> splat(-1e-4)))
  }

  /// dΔ, dλ and d(log α), [rows, H] each (overwritten on the way) → the columns δ, a, τ of dProjection, overwritten; dStepBias
  /// is added to.
  @inline(never) func scalarsBackward(
    _ shape: SequenceShape, _ w: Mamba3Workspace, dStep: Output, dMix: Output, dLog: Output, dProjection: Output,
    dStepBias: Output
  ) {
    forEachVector(shape.rows &* heads) { i, active in
      let step = load(w.step + i, active), mix = load(w.mix + i, active), log = load(dLog + i, active)
      let (rate, slope) = rate(load(w.rawRate + i, active))
      let slopeOfStep = sigmoid(load(w.rawStep + i, active))
      store(dStep + i, fma(rate, log, load(dStep + i, active)) * slopeOfStep, active)
      store(dMix + i, load(dMix + i, active) * mix * (splat(1) - mix), active)
      store(dLog + i, log * step * slope, active)
    }
    var row = 0
    while row < shape.rows {
      let target = dProjection + row &* projectionSize, source = row &* heads
      var h = 0
      while h < heads {
        target[stepColumn &+ h] = dStep[source &+ h]
        target[rateColumn &+ h] = dLog[source &+ h]
        target[mixColumn &+ h] = dMix[source &+ h]
        dStepBias[h] += dStep[source &+ h]
        h &+= 1
      }
      row &+= 1
    }
  }
}
