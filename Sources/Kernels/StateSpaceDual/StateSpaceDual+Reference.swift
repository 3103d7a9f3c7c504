/// The plain twin of `StateSpaceDual`: the recurrence position by position in nested loops, in Double.
import Foundation

extension StateSpaceDual {
  /// Everything dense: x [batch × time, heads × head size], b and c [batch × time, groups × states], step [batch × time,
  /// heads], initial [batch, heads × head size × states] or empty.
  public struct ReferenceInputs {
    public var x, b, c, step, stepBias, aLog, skip, initial: [Float]
    public init(
      x: [Float], b: [Float], c: [Float], step: [Float], stepBias: [Float], aLog: [Float], skip: [Float], initial: [Float]
    ) {
      (self.x, self.b, self.c, self.step) = (x, b, c, step)
      (self.stepBias, self.aLog, self.skip, self.initial) = (stepBias, aLog, skip, initial)
    }
  }
  public struct ReferenceGradients {
    public var x, b, c, step, stepBias, aLog, skip, initial: [Double]
  }

  private func decay(_ inputs: ReferenceInputs, _ row: Int, _ head: Int) -> (delta: Double, a: Double) {
    let delta = log1p(Foundation.exp(Double(inputs.step[row * heads + head]) + Double(inputs.stepBias[head])))
    return (delta, shape.beginsEpisode(row) ? 0 : Foundation.exp(-delta * Foundation.exp(Double(inputs.aLog[head]))))
  }

  /// y, and h before the first and after every position, [batch, time + 1, heads × head size × states].
  public func referenceForward(_ inputs: ReferenceInputs) -> (y: [Double], states: [Double]) {
    let size = heads * headSize * states, perGroup = heads / groups
    var y = [Double](repeating: 0, count: inputs.x.count)
    var all = [Double](repeating: 0, count: shape.batch * (shape.time + 1) * size)
    for sequence in 0..<shape.batch {
      let start = sequence * (shape.time + 1) * size
      if !inputs.initial.isEmpty { for i in 0..<size { all[start + i] = Double(inputs.initial[sequence * size + i]) } }
      for t in 0..<shape.time {
        let row = sequence * shape.time + t, before = start + t * size, after = before + size
        for head in 0..<heads {
          let (delta, a) = decay(inputs, row, head), group = row * groups + head / perGroup
          for p in 0..<headSize {
            let x = Double(inputs.x[(row * heads + head) * headSize + p])
            var total = Double(inputs.skip[head]) * x
            for n in 0..<states {
              let i = (head * headSize + p) * states + n
              all[after + i] = a * all[before + i] + delta * x * Double(inputs.b[group * states + n])
              total += all[after + i] * Double(inputs.c[group * states + n])
            }
            y[(row * heads + head) * headSize + p] = total
          }
        }
      }
    }
    return (y, all)
  }

  public func referenceBackward(_ inputs: ReferenceInputs, dy: [Float]) -> ReferenceGradients {
    func zeros(_ count: Int) -> [Double] { [Double](repeating: 0, count: count) }
    let size = heads * headSize * states, perGroup = heads / groups, all = referenceForward(inputs).states
    var d = ReferenceGradients(
      x: zeros(inputs.x.count), b: zeros(inputs.b.count), c: zeros(inputs.c.count), step: zeros(inputs.step.count),
      stepBias: zeros(heads), aLog: zeros(heads), skip: zeros(heads), initial: zeros(shape.batch * size))
    for sequence in 0..<shape.batch {
      var g = zeros(size)  // of the state after a position, from later ones
      for t in (0..<shape.time).reversed() {
        let row = sequence * shape.time + t, before = (sequence * (shape.time + 1) + t) * size, after = before + size
        for head in 0..<heads {
          let (delta, a) = decay(inputs, row, head), group = row * groups + head / perGroup
          let rate = -Foundation.exp(Double(inputs.aLog[head]))
          var dDelta = 0.0, dLogDecay = 0.0
          for p in 0..<headSize {
            let j = (row * heads + head) * headSize + p
            let x = Double(inputs.x[j]), upstream = Double(dy[j])
            d.skip[head] += upstream * x
            d.x[j] += upstream * Double(inputs.skip[head])
            for n in 0..<states {
              let i = (head * headSize + p) * states + n
              let b = Double(inputs.b[group * states + n]), c = Double(inputs.c[group * states + n])
              d.c[group * states + n] += upstream * all[after + i]
              g[i] += upstream * c
              d.x[j] += g[i] * delta * b
              d.b[group * states + n] += g[i] * delta * x
              dDelta += g[i] * x * b
              dLogDecay += g[i] * a * all[before + i]
              g[i] *= a
            }
          }
          d.aLog[head] += dLogDecay * delta * rate
          let step = (dDelta + dLogDecay * rate) * (1 - Foundation.exp(-delta))
          d.step[row * heads + head] += step
          d.stepBias[head] += step
        }
      }
      for i in 0..<size { d.initial[sequence * size + i] += g[i] }
    }
    return d
  }
}
