/// The gradient of the plain twin, derived from the equations as they stand (not from the form that the kernel uses).
import Foundation

extension Mamba3Core {
  public struct ReferenceGradient {
    public var projection: [Double], state: [Double]
    public var parameters: Mamba3Parameters<[Double]>
    // What later positions ask of this one: dL/dh [H, P, N], of k [R, H, N], of x [H, P], of θ [H, S].
    fileprivate var h: [Double], k: [Double], x: [Double], angle: [Double]
  }

  /// dOutput [batch × time, E] → the gradients of projection, state and parameters.
  public func referenceGradient(
    _ shape: SequenceShape, projection: [Float], state: [Float]?, parameters: Mamba3Parameters<[Float]>, dOutput: [Float]
  ) -> ReferenceGradient {
    let forward = reference(shape, projection: projection, state: state, parameters: parameters)
    let w = parameters.map { $0.map(Double.init) }
    func zeros(_ count: Int) -> [Double] { [Double](repeating: 0, count: count) }
    var g = ReferenceGradient(
      projection: zeros(projection.count), state: zeros(shape.batch * stateCount), parameters: w.map { zeros($0.count) },
      h: [], k: [], x: [], angle: [])
    for b in 0..<shape.batch {
      (g.h, g.k, g.x, g.angle) = (zeros(inner * states), zeros(ranks * heads * states), zeros(inner), zeros(heads * angles))
      let initial = state.map { $0[b * stateCount..<(b + 1) * stateCount].map(Double.init) } ?? zeros(stateCount)
      for t in stride(from: shape.time - 1, through: 0, by: -1) {
        let row = b * shape.time + t
        let before = shape.beginsEpisode(row) ? zeros(stateCount) : t > 0 ? stateAfter(row - 1) : initial
        gradientOfRow(row, projection, w, dOutput, before, forward, &g)
        if shape.beginsEpisode(row) {
          (g.h, g.k, g.x, g.angle) = (zeros(g.h.count), zeros(g.k.count), zeros(g.x.count), zeros(g.angle.count))
        }
      }
      g.state.replaceSubrange(b * stateCount..<(b + 1) * stateCount, with: g.angle + g.h + g.k + g.x)
    }
    return g

    func stateAfter(_ row: Int) -> [Double] {
      let x = projection[row * projectionSize + xColumn..<row * projectionSize + xColumn + inner]
      return Array(forward.angle[row * heads * angles..<(row + 1) * heads * angles])
        + forward.h[row * inner * states..<(row + 1) * inner * states]
        + forward.k[row * ranks * heads * states..<(row + 1) * ranks * heads * states] + x.map(Double.init)
    }
  }

  private func gradientOfRow(
    _ row: Int, _ projection: [Float], _ w: Mamba3Parameters<[Double]>, _ dOutput: [Float], _ before: [Double],
    _ f: Reference, _ g: inout ReferenceGradient
  ) {
    let R = ranks, H = heads, P = headSize, N = states, S = angles, base = row * projectionSize
    let input = projection[base..<base + projectionSize].map(Double.init)
    for h in 0..<H {
      let i = row * H + h, step = f.step[i], mix = f.mix[i], alpha = Foundation.exp(f.a[i] * step)
      let beta = (1 - mix) * step * alpha, gamma = mix * step
      func at(_ rank: Int) -> Int { ((row * R + rank) * H + h) * N }
      func scale(_ rank: Int, _ p: Int) -> Double { w.mimoX?[(h * R + rank) * P + p] ?? 1 }
      let dy = (0..<R).map { gradientOfGate(row, h, $0, input, w, dOutput, f, &g) }
      var dk = (0..<R).map { rank in (0..<N).map { g.k[(rank * H + h) * N + $0] } }
      var dq = [[Double]](repeating: [Double](repeating: 0, count: N), count: R)
      var dAlpha = 0.0, dBeta = 0.0, dGamma = 0.0
      for rank in 0..<R { for n in 0..<N { g.k[(rank * H + h) * N + n] = 0 } }
      for p in 0..<P {
        let e = h * P + p, x = input[xColumn + e], xBefore = before[valueOffset + e]
        var dx = g.x[e], dxBefore = 0.0
        for rank in 0..<R {
          let m = (h * R + rank) * P + p
          g.parameters.skip[h] += dy[rank][p] * x * scale(rank, p)
          dx += w.skip[h] * dy[rank][p] * scale(rank, p)
          g.parameters.mimoX?[m] += w.skip[h] * dy[rank][p] * x
        }
        for n in 0..<N {
          let place = e * N + n
          var dh = g.h[place]
          for rank in 0..<R {
            dh += dy[rank][p] * f.q[at(rank) + n]
            dq[rank][n] += dy[rank][p] * f.h[row * inner * N + place]
          }
          dAlpha += dh * before[ssmOffset + place]
          for rank in 0..<R {
            let m = (h * R + rank) * P + p, kBefore = before[keyOffset + (rank * H + h) * N + n], k = f.k[at(rank) + n]
            dBeta += dh * xBefore * scale(rank, p) * kBefore
            dGamma += dh * x * scale(rank, p) * k
            dx += gamma * dh * scale(rank, p) * k
            dxBefore += beta * dh * scale(rank, p) * kBefore
            g.parameters.mimoX?[m] += gamma * dh * x * k + beta * dh * xBefore * kBefore
            dk[rank][n] += gamma * dh * x * scale(rank, p)
            g.k[(rank * H + h) * N + n] += beta * dh * xBefore * scale(rank, p)
          }
          g.h[place] = alpha * dh
        }
        g.projection[base + xColumn + e] = dx
        g.x[e] = dxBefore
      }
      for rank in 0..<R {
        for s in 0..<S {
          let (i1, i2) = pair(s), c = cos(f.angle[i * S + s]), d = sin(f.angle[i * S + s])
          g.angle[h * S + s] += dk[rank][i2] * f.k[at(rank) + i1] - dk[rank][i1] * f.k[at(rank) + i2]
          g.angle[h * S + s] += dq[rank][i2] * f.q[at(rank) + i1] - dq[rank][i1] * f.q[at(rank) + i2]
          (dk[rank][i1], dk[rank][i2]) = (dk[rank][i1] * c + dk[rank][i2] * d, dk[rank][i2] * c - dk[rank][i1] * d)
          (dq[rank][i1], dq[rank][i2]) = (dq[rank][i1] * c + dq[rank][i2] * d, dq[rank][i2] * c - dq[rank][i1] * d)
        }
        let place = (rank * groups + group(ofHead: h)) * N, bias = (h * R + rank) * N
        let inverse = (row * R + rank) * groups + group(ofHead: h)
        for n in 0..<N {
          g.parameters.bBias[bias + n] += dk[rank][n]
          g.parameters.cBias[bias + n] += dq[rank][n]
        }
        gradientOfNorm(
          dk[rank], Array(input[bColumn + place..<bColumn + place + N]), f.inverseB[inverse], w.bNorm,
          dx: &g.projection, base + bColumn + place, dw: &g.parameters.bNorm)
        gradientOfNorm(
          dq[rank], Array(input[cColumn + place..<cColumn + place + N]), f.inverseC[inverse], w.cNorm,
          dx: &g.projection, base + cColumn + place, dw: &g.parameters.cNorm)
      }
      let dDecay = dAlpha + dBeta * (1 - mix) * step
      var dStep = dDecay * alpha * f.a[i] + dBeta * (1 - mix) * alpha + dGamma * mix
      for s in 0..<S {
        let turn = Foundation.tanh(input[angleColumn + s])
        dStep += g.angle[h * S + s] * Double.pi * turn
        g.projection[base + angleColumn + s] += g.angle[h * S + s] * Double.pi * step * (1 - turn * turn)
      }
      let dRaw = dStep / (1 + Foundation.exp(-f.rawStep[i]))
      g.projection[base + stepColumn + h] = dRaw
      g.parameters.stepBias[h] += dRaw
      let bend = 1 / (1 - min(f.rawRate[i], 0))
      g.projection[base + rateColumn + h] = dDecay * alpha * step * (f.rawRate[i] < 0 ? (bend < 1e-4 ? 0 : -bend * bend) : -1)
      g.projection[base + mixColumn + h] = (dGamma * step - dBeta * step * alpha) * mix * (1 - mix)
    }
  }

  /// Gate and norm of one head and rank; returns dy [P].
  private func gradientOfGate(
    _ row: Int, _ h: Int, _ rank: Int, _ input: [Double], _ w: Mamba3Parameters<[Double]>, _ dOutput: [Float],
    _ f: Reference, _ g: inout ReferenceGradient
  ) -> [Double] {
    let P = headSize, at = ((row * ranks + rank) * heads + h) * P
    let y = Array(f.y[at..<at + P]), inverse = isNormed ? inverseRoot(y[...]) : 1
    var dNormed = [Double](repeating: 0, count: P)
    for p in 0..<P {
      let m = (h * ranks + rank) * P + p, e = h * P + p, z = input[e], scale = w.mimoZ?[m] ?? 1
      let gate = z * scale, sigma = 1 / (1 + Foundation.exp(-gate)), d = Double(dOutput[row * inner + e])
      let normed = y[p] * inverse * (w.norm?[e] ?? 1), out = w.mimoO?[m] ?? 1
      g.parameters.mimoO?[m] += d * normed * gate * sigma
      dNormed[p] = d * out * gate * sigma
      let dGate = d * out * normed * sigma * (1 + gate * (1 - sigma))
      g.projection[row * projectionSize + e] += dGate * scale
      g.parameters.mimoZ?[m] += dGate * z
    }
    guard isNormed, let weight = w.norm else { return dNormed }
    var dy = [Double](repeating: 0, count: P), dWeight = dy
    gradientOfNorm(dNormed, y, inverse, Array(weight[h * P..<(h + 1) * P]), dx: &dy, 0, dw: &dWeight)
    for p in 0..<P { g.parameters.norm?[h * P + p] += dWeight[p] }
    return dy
  }

  /// Of x · inverse · w, inverse = 1 / √(mean x² + ε); both gradients are added to.
  private func gradientOfNorm(
    _ d: [Double], _ x: [Double], _ inverse: Double, _ w: [Double], dx: inout [Double], _ offset: Int, dw: inout [Double]
  ) {
    let mean = x.indices.reduce(0) { $0 + d[$1] * w[$1] * x[$1] * inverse } / Double(x.count)
    for n in x.indices {
      dw[n] += d[n] * x[n] * inverse
      dx[offset + n] += inverse * (d[n] * w[n] - x[n] * inverse * mean)
    }
  }
}
