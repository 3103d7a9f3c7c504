/// The plain twin of `Mamba3Core`: the equations as they stand, position after position, in Double.
import Foundation

extension Mamba3Core {
  /// Everything that the twin computes on its way, for its gradient and for the tests.
  public struct Reference {
    /// [batch × time, E] and [batch, stateCount].
    public var output: [Double], finalState: [Double]
    /// [rows, H]; `a` is A, `raw…` the columns δ + dt_bias and a.
    var rawStep: [Double] = [], rawRate: [Double] = [], step: [Double] = [], a: [Double] = [], mix: [Double] = []
    /// [rows, H, S].
    var angle: [Double] = []
    /// b̂, ĉ, k, q [rows, R, H, N]; 1 / root mean square of B and C [rows, R, G].
    var hatB: [Double] = [], hatC: [Double] = [], k: [Double] = [], q: [Double] = []
    var inverseB: [Double] = [], inverseC: [Double] = []
    /// [rows, H, P, N] and [rows, R, H, P].
    var h: [Double] = [], y: [Double] = []
  }

  /// projection [batch × time, projectionSize]; state [batch, stateCount] or nil for zero.
  public func reference(
    _ shape: SequenceShape, projection: [Float], state: [Float]?, parameters: Mamba3Parameters<[Float]>
  ) -> Reference {
    let rows = shape.rows, R = ranks, H = heads, N = states, S = angles, W = projectionSize
    let w = parameters.map { $0.map(Double.init) }
    var r = Reference(output: zeros(rows * inner), finalState: zeros(shape.batch * stateCount))
    (r.rawStep, r.rawRate, r.step, r.a, r.mix) = (
      zeros(rows * H), zeros(rows * H), zeros(rows * H), zeros(rows * H), zeros(rows * H)
    )
    r.angle = zeros(rows * H * S)
    (r.hatB, r.hatC, r.k, r.q) = (
      zeros(rows * R * H * N), zeros(rows * R * H * N), zeros(rows * R * H * N), zeros(rows * R * H * N)
    )
    (r.inverseB, r.inverseC) = (zeros(rows * R * groups), zeros(rows * R * groups))
    (r.h, r.y) = (zeros(rows * inner * N), zeros(rows * R * inner))
    for b in 0..<shape.batch {
      var now = state.map { $0[b * stateCount..<(b + 1) * stateCount].map(Double.init) } ?? zeros(stateCount)
      for t in 0..<shape.time {
        let row = b * shape.time + t
        let input = projection[row * W..<(row + 1) * W].map(Double.init)
        if shape.beginsEpisode(row) { now = zeros(stateCount) }
        let before = now
        referenceRow(row, input, w, before: before, after: &now, &r)
      }
      r.finalState.replaceSubrange(b * stateCount..<(b + 1) * stateCount, with: now)
    }
    return r

    func zeros(_ count: Int) -> [Double] { [Double](repeating: 0, count: count) }
  }

  private func referenceRow(
    _ row: Int, _ input: [Double], _ w: Mamba3Parameters<[Double]>, before: [Double], after: inout [Double],
    _ r: inout Reference
  ) {
    let R = ranks, H = heads, P = headSize, N = states, S = angles
    for rank in 0..<R {
      for g in 0..<groups {
        let at = (rank * groups + g) * N
        r.inverseB[(row * R + rank) * groups + g] = inverseRoot(input[bColumn + at..<bColumn + at + N])
        r.inverseC[(row * R + rank) * groups + g] = inverseRoot(input[cColumn + at..<cColumn + at + N])
      }
    }
    for h in 0..<H {
      let i = row * H + h
      r.rawStep[i] = input[stepColumn + h] + w.stepBias[h]
      r.rawRate[i] = input[rateColumn + h]
      r.step[i] = max(r.rawStep[i], 0) + log1p(Foundation.exp(-abs(r.rawStep[i])))
      r.a[i] = min(-(max(r.rawRate[i], 0) + 1 / (1 - min(r.rawRate[i], 0))), -1e-4)
      r.mix[i] = 1 / (1 + Foundation.exp(-input[mixColumn + h]))
      let step = r.step[i], alpha = Foundation.exp(r.a[i] * step)
      let beta = (1 - r.mix[i]) * step * alpha, gamma = r.mix[i] * step
      for s in 0..<S {
        after[h * S + s] = before[h * S + s] + Double.pi * Foundation.tanh(input[angleColumn + s]) * step
        r.angle[i * S + s] = after[h * S + s]
      }
      for rank in 0..<R {
        let group = (row * R + rank) * groups + self.group(ofHead: h)
        let column = (rank * groups + self.group(ofHead: h)) * N, at = ((row * R + rank) * H + h) * N
        for n in 0..<N {
          r.hatB[at + n] =
            input[bColumn + column + n] * r.inverseB[group] * w.bNorm[n] + w.bBias[(h * R + rank) * N + n]
          r.hatC[at + n] =
            input[cColumn + column + n] * r.inverseC[group] * w.cNorm[n] + w.cBias[(h * R + rank) * N + n]
          (r.k[at + n], r.q[at + n]) = (r.hatB[at + n], r.hatC[at + n])
        }
        for s in 0..<S {
          let (i1, i2) = pair(s), c = cos(r.angle[i * S + s]), d = sin(r.angle[i * S + s])
          r.k[at + i1] = r.hatB[at + i1] * c - r.hatB[at + i2] * d
          r.k[at + i2] = r.hatB[at + i1] * d + r.hatB[at + i2] * c
          r.q[at + i1] = r.hatC[at + i1] * c - r.hatC[at + i2] * d
          r.q[at + i2] = r.hatC[at + i1] * d + r.hatC[at + i2] * c
        }
        for n in 0..<N { after[keyOffset + (rank * H + h) * N + n] = r.k[at + n] }
      }
      for p in 0..<P {
        let x = input[xColumn + h * P + p], xBefore = before[valueOffset + h * P + p]
        after[valueOffset + h * P + p] = x
        for n in 0..<N {
          let place = (h * P + p) * N + n
          var total = alpha * before[ssmOffset + place]
          for rank in 0..<R {
            let scale = w.mimoX?[(h * R + rank) * P + p] ?? 1
            total += beta * xBefore * scale * before[keyOffset + (rank * H + h) * N + n]
            total += gamma * x * scale * r.k[((row * R + rank) * H + h) * N + n]
          }
          after[ssmOffset + place] = total
          r.h[row * inner * N + place] = total
        }
        for rank in 0..<R {
          let at = ((row * R + rank) * H + h) * N
          var total = w.skip[h] * x * (w.mimoX?[(h * R + rank) * P + p] ?? 1)
          for n in 0..<N { total += r.h[(row * inner + h * P + p) * N + n] * r.q[at + n] }
          r.y[((row * R + rank) * H + h) * P + p] = total
        }
      }
      for rank in 0..<R {
        let at = ((row * R + rank) * H + h) * P
        let inverse = isNormed ? inverseRoot(r.y[at..<at + P]) : 1
        for p in 0..<P {
          let m = (h * R + rank) * P + p, gate = input[h * P + p] * (w.mimoZ?[m] ?? 1)
          r.output[row * inner + h * P + p] +=
            (w.mimoO?[m] ?? 1) * r.y[at + p] * inverse * (w.norm?[h * P + p] ?? 1) * gate / (1 + Foundation.exp(-gate))
        }
      }
    }
  }

  func inverseRoot(_ x: ArraySlice<Double>) -> Double {
    1 / (x.reduce(0) { $0 + $1 * $1 } / Double(x.count) + 1e-5).squareRoot()
  }
}
