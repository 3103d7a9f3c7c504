/// The plain twin of `LastStateScan`: the recurrence as the paper writes it, and back-propagation through time, in Double.
import Foundation

extension LastStateScan {
  public struct ReferenceGradients {
    public var u, delta, aLog, b, c, skip: [Double]
  }

  /// y [batch, channels]. u, delta [batch, time, channels]; aLog [channels, states]; b [batch, time, states];
  /// c [batch, states]; skip [channels].
  public func referenceForward(
    u: [Float], delta: [Float], aLog: [Float], b: [Float], c: [Float], skip: [Float]
  ) -> [Double] {
    var y = [Double](repeating: 0, count: batch * channels)
    for i in 0..<batch {
      for d in 0..<channels {
        let h = history(i, d, u, delta, aLog, b)[time - 1]
        y[i * channels + d] = Double(skip[d]) * Double(u[(i * time + time - 1) * channels + d])
        for n in 0..<states { y[i * channels + d] += Double(c[i * states + n]) * h[n] }
      }
    }
    return y
  }

  public func referenceBackward(
    u: [Float], delta: [Float], aLog: [Float], b: [Float], c: [Float], skip: [Float], dy: [Float]
  ) -> ReferenceGradients {
    func zeros(_ like: [Float]) -> [Double] { [Double](repeating: 0, count: like.count) }
    var g = ReferenceGradients(
      u: zeros(u), delta: zeros(delta), aLog: zeros(aLog), b: zeros(b), c: zeros(c), skip: zeros(skip))
    for i in 0..<batch {
      for d in 0..<channels {
        let h = history(i, d, u, delta, aLog, b)
        let upstream = Double(dy[i * channels + d])
        let last = (i * time + time - 1) * channels + d
        g.skip[d] += upstream * Double(u[last])
        g.u[last] += upstream * Double(skip[d])
        for n in 0..<states {
          let a = -Foundation.exp(Double(aLog[d * states + n]))
          g.c[i * states + n] += upstream * h[time - 1][n]
          var dh = upstream * Double(c[i * states + n])
          for l in stride(from: time - 1, through: 0, by: -1) {
            let p = (i * time + l) * channels + d, bn = (i * time + l) * states + n
            let step = Double(delta[p]), input = Double(u[p]), bValue = Double(b[bn])
            let previous = l > 0 ? h[l - 1][n] : 0
            let decay = Foundation.exp(step * a)
            g.u[p] += dh * step * bValue
            g.b[bn] += dh * step * input
            g.delta[p] += dh * (input * bValue + previous * decay * a)
            g.aLog[d * states + n] += dh * previous * decay * step * a
            dh *= decay
          }
        }
      }
    }
    return g
  }

  /// h after every position, [time][states], of one row and channel.
  private func history(_ i: Int, _ d: Int, _ u: [Float], _ delta: [Float], _ aLog: [Float], _ b: [Float]) -> [[Double]] {
    var h = [Double](repeating: 0, count: states)
    return (0..<time).map { l in
      let p = (i * time + l) * channels + d
      for n in 0..<states {
        let decay = Foundation.exp(-Foundation.exp(Double(aLog[d * states + n])) * Double(delta[p]))
        h[n] = decay * h[n] + Double(delta[p]) * Double(u[p]) * Double(b[(i * time + l) * states + n])
      }
      return h
    }
  }
}
