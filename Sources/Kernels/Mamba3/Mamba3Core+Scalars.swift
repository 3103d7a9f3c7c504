/// Numbers of a position and head: Δ, λ, the factors of the recurrence, and their gradients.
///
/// **Decays once a chunk.** With S_t, the product of α since the state was last brought up to date, the recurrence of ĝ = g/S needs
/// no product with a decay, which is a third of its arithmetic:
///
///     ĝ_t = ĝ_{t−1} + Σ_r v ⊗ k̂     k̂ = (γ + e)/S_t k     q̂ = S_t q     y[r] = ĝ_{t−1} q̂[r] + …
///
/// At the last position of a chunk, and where S_t would fall below 2^−40 (an episode begins, or a state is forgotten), ĝ is multiplied
/// with what S_t would be, its `fade`, and S is 1 again. Everywhere else `fade` is 1. The gradients of k̂, q̂ and ĝ obey the same.

extension Mamba3Core {
  /// Fills the workspace's [rows, H] arrays. Columns are first gathered, so that whatever the number of heads the functions
  /// run on full vectors.
  @inline(never) func scalars(_ shape: SequenceShape, _ projection: Input, stepBias: Input, _ w: Mamba3Workspace) {
    var row = 0
    while row < shape.rows {
      let source = projection + row &* projectionStride, target = row &* heads
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
      store(w.queryScale + i, exp(step * rate(load(w.rawRate + i, active)).value), active)  // α, for now
    }
    row = 0
    while row < shape.rows {
      let here = row &* heads
      let hasNext = goesOn(shape, after: row)
      if shape.beginsEpisode(row) { (w.queryScale + here).update(repeating: 0, count: heads) }
      let place = row % shape.time, endsChunk = (place &+ 1) % Self.chunk == 0 || place == shape.time &- 1
      var h = 0
      while h < heads {
        let i = here &+ h
        let scale = w.mix[i] * w.step[i] + (hasNext ? (1 - w.mix[i &+ heads]) * w.step[i &+ heads] : 0)
        let reach = row > 0 && w.fade[i &- heads] == 1 ? w.queryScale[i] * w.queryScale[i &- heads] : w.queryScale[i]
        let isBroughtUp = endsChunk || reach < Self.smallestReach
        let inverse = isBroughtUp ? 1 : 1 / reach
        w.queryScale[i] = reach
        w.fade[i] = isBroughtUp ? reach : 1
        w.inverseReach[i] = inverse
        w.keyScale[i] = scale * inverse
        h &+= 1
      }
      row &+= 1
    }
  }

  /// Of S.
  private static var smallestReach: Float { 0x1p-40 }

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
      let target = dProjection + row &* projectionStride, source = row &* heads
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
