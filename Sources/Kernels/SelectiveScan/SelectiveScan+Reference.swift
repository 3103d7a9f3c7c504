/// The plain twin of `SelectiveScan`: the recurrence as the paper writes it, and back-propagation through time, in Double.
import Foundation

extension SelectiveScan {
  /// Everything dense and written out; no initial state is zeros.
  public struct ReferenceInputs {
    public var u, step, stepBias, aLog, b, c, skip, z, initial: [Float]
    public init(
      u: [Float], step: [Float], stepBias: [Float], aLog: [Float], b: [Float], c: [Float], skip: [Float], z: [Float],
      initial: [Float]
    ) {
      (self.u, self.step, self.stepBias, self.aLog, self.b, self.c) = (u, step, stepBias, aLog, b, c)
      (self.skip, self.z, self.initial) = (skip, z, initial)
    }

    func delta(_ p: Int, _ d: Int) -> Double { log1p(Foundation.exp(Double(step[p]) + Double(stepBias[d]))) }
  }
  public struct ReferenceGradients {
    public var u, step, stepBias, aLog, b, c, skip, z, initial: [Double]
  }

  /// out [rows, channels] and the final state [batch, channels × states].
  public func reference(_ x: ReferenceInputs) -> (out: [Double], final: [Double]) {
    var out = [Double](repeating: 0, count: shape.rows * channels)
    var final = x.initial.map(Double.init)
    for b in 0..<shape.batch {
      for d in 0..<channels {
        let (y, h) = history(x, b, d)
        for t in 0..<shape.time {
          let p = (b * shape.time + t) * channels + d
          out[p] = y[t] * silu(Double(x.z[p])).value
        }
        for n in 0..<states { final[(b * channels + d) * states + n] = h[shape.time][n] }
      }
    }
    return (out, final)
  }

  public func referenceBackward(_ x: ReferenceInputs, upstream: [Float]) -> ReferenceGradients {
    func zeros(_ like: [Float]) -> [Double] { [Double](repeating: 0, count: like.count) }
    var g = ReferenceGradients(
      u: zeros(x.u), step: zeros(x.step), stepBias: zeros(x.stepBias), aLog: zeros(x.aLog), b: zeros(x.b), c: zeros(x.c),
      skip: zeros(x.skip), z: zeros(x.z), initial: zeros(x.initial))
    for b in 0..<shape.batch {
      for d in 0..<channels {
        let (y, h) = history(x, b, d)
        var dh = [Double](repeating: 0, count: states)
        for t in (0..<shape.time).reversed() {
          let row = b * shape.time + t, p = row * channels + d
          let gate = silu(Double(x.z[p])), dy = Double(upstream[p]) * gate.value
          g.z[p] += Double(upstream[p]) * y[t] * gate.slope
          let step = x.delta(p, d), input = Double(x.u[p])
          var dDelta = 0.0
          g.skip[d] += dy * input
          g.u[p] += dy * Double(x.skip[d])
          for n in 0..<states {
            let a = -Foundation.exp(Double(x.aLog[d * states + n])), decay = Foundation.exp(step * a)
            let bValue = Double(x.b[row * states + n]), before = shape.beginsEpisode(row) ? 0 : h[t][n]
            g.c[row * states + n] += dy * h[t + 1][n]
            dh[n] += dy * Double(x.c[row * states + n])
            g.u[p] += dh[n] * step * bValue
            g.b[row * states + n] += dh[n] * step * input
            dDelta += dh[n] * (input * bValue + before * decay * a)
            g.aLog[d * states + n] += dh[n] * before * decay * step * a
            dh[n] = shape.beginsEpisode(row) ? 0 : dh[n] * decay
          }
          g.step[p] += dDelta * -expm1(-step)
          g.stepBias[d] += dDelta * -expm1(-step)
        }
        for n in 0..<states { g.initial[(b * channels + d) * states + n] += dh[n] }
      }
    }
    return g
  }

  /// Of one sequence and channel: y at every position, and h [time + 1][states] before the first and after every one.
  private func history(_ x: ReferenceInputs, _ b: Int, _ d: Int) -> (y: [Double], h: [[Double]]) {
    var y: [Double] = [], h = [(0..<states).map { Double(x.initial[(b * channels + d) * states + $0]) }]
    for t in 0..<shape.time {
      let row = b * shape.time + t, p = row * channels + d
      let before = shape.beginsEpisode(row) ? [Double](repeating: 0, count: states) : h[t]
      h.append(
        (0..<states).map { n in
          let decay = Foundation.exp(-Foundation.exp(Double(x.aLog[d * states + n])) * x.delta(p, d))
          return decay * before[n] + x.delta(p, d) * Double(x.u[p]) * Double(x.b[row * states + n])
        })
      y.append(
        (0..<states).reduce(Double(x.skip[d]) * Double(x.u[p])) { $0 + Double(x.c[row * states + $1]) * h[t + 1][$1] })
    }
    return (y, h)
  }

  private func silu(_ z: Double) -> (value: Double, slope: Double) {
    let s = 1 / (1 + Foundation.exp(-z))
    return (z * s, s * (1 + z * (1 - s)))
  }
}
