/// The plain twin of `CausalAttention`: the definition in nested loops, in Double.
import Foundation

extension CausalAttention {
  public func referenceForward(q: [Float], kv: [Float]) -> (probabilities: [Double], y: [Double]) {
    var probabilities = [Double](repeating: 0, count: probabilityCount)
    var y = [Double](repeating: 0, count: q.count)
    for b in 0..<batch {
      for h in 0..<heads {
        for i in 0..<queries {
          let seen = 0...(time - queries + i)
          let scores = seen.map { s in
            (0..<width).reduce(0) { $0 + query(q, b, i, h, $1) * key(kv, b, s, h, $1) } / Double(width).squareRoot()
          }
          let total = scores.reduce(0) { $0 + Foundation.exp($1) }
          for s in seen {
            let p = Foundation.exp(scores[s]) / total
            probabilities[((b * heads + h) * queries + i) * time + s] = p
            for j in 0..<width { y[(b * queries + i) * model + h * width + j] += p * value(kv, b, s, h, j) }
          }
        }
      }
    }
    return (probabilities, y)
  }

  public func referenceBackward(q: [Float], kv: [Float], dy: [Float]) -> (dq: [Double], dkv: [Double]) {
    let probabilities = referenceForward(q: q, kv: kv).probabilities
    var dq = [Double](repeating: 0, count: q.count), dkv = [Double](repeating: 0, count: kv.count)
    for b in 0..<batch {
      for h in 0..<heads {
        for i in 0..<queries {
          let seen = 0...(time - queries + i)
          let p = seen.map { probabilities[((b * heads + h) * queries + i) * time + $0] }
          let dp = seen.map { s in (0..<width).reduce(0) { $0 + query(dy, b, i, h, $1) * value(kv, b, s, h, $1) } }
          let mean = zip(p, dp).reduce(0) { $0 + $1.0 * $1.1 }
          for s in seen {
            let ds = p[s] * (dp[s] - mean) / Double(width).squareRoot()
            for j in 0..<width {
              dq[(b * queries + i) * model + h * width + j] += ds * key(kv, b, s, h, j)
              dkv[(b * time + s) * 2 * model + h * width + j] += ds * query(q, b, i, h, j)
              dkv[(b * time + s) * 2 * model + model + h * width + j] += p[s] * query(dy, b, i, h, j)
            }
          }
        }
      }
    }
    return (dq, dkv)
  }

  private func query(_ q: [Float], _ b: Int, _ i: Int, _ h: Int, _ j: Int) -> Double {
    Double(q[(b * queries + i) * model + h * width + j])
  }
  private func key(_ kv: [Float], _ b: Int, _ s: Int, _ h: Int, _ j: Int) -> Double {
    Double(kv[(b * time + s) * 2 * model + h * width + j])
  }
  private func value(_ kv: [Float], _ b: Int, _ s: Int, _ h: Int, _ j: Int) -> Double {
    Double(kv[(b * time + s) * 2 * model + model + h * width + j])
  }
}
