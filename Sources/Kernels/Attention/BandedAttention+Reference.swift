/// The plain twin of `BandedAttention`: the definition in nested loops, in Double.
import Foundation

@inline(__always) func logarithm(_ x: Float) -> Float { Foundation.log(x) }

extension BandedAttention {
  /// y, and the gradients of Σ y · dy.
  public func reference(
    q: [Float], kv: [Float], first: [Int32], dy: [Float]
  ) -> (y: [Double], dq: [Double], dkv: [Double]) {
    var y = [Double](repeating: 0, count: q.count), dq = y, dkv = [Double](repeating: 0, count: kv.count)
    for b in 0..<batch {
      for h in 0..<heads {
        for i in 0..<time {
          let row = (b * time + i) * model + h * width, seen = Int(first[b * time + i])...past + i
          func key(_ s: Int, _ j: Int) -> Int { (b * (past + time) + s) * 2 * model + h * width + j }
          let scale = 1 / Double(width).squareRoot()
          let scores = seen.map { s in (0..<width).reduce(0) { $0 + Double(q[row + $1]) * Double(kv[key(s, $1)]) } * scale }
          let greatest = scores.max() ?? 0
          let total = scores.reduce(0) { $0 + Foundation.exp($1 - greatest) }
          let p = scores.map { Foundation.exp($0 - greatest) / total }
          let dp = seen.map { s in (0..<width).reduce(0) { $0 + Double(dy[row + $1]) * Double(kv[key(s, $1) + model]) } }
          let mean = zip(p, dp).reduce(0) { $0 + $1.0 * $1.1 }
          for (n, s) in seen.enumerated() {
            let ds = p[n] * (dp[n] - mean) * scale
            for j in 0..<width {
              y[row + j] += p[n] * Double(kv[key(s, j) + model])
              dq[row + j] += ds * Double(kv[key(s, j)])
              dkv[key(s, j)] += ds * Double(q[row + j])
              dkv[key(s, j) + model] += p[n] * Double(dy[row + j])
            }
          }
        }
      }
    }
    return (y, dq, dkv)
  }
}
