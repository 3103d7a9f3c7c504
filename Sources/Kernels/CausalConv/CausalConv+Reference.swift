/// The plain twin of `CausalConv`: the definition in nested loops, in Double.
import Foundation

extension CausalConv {
  public static func referenceForward(
    batch: Int, time: Int, channels: Int, width: Int, x: [Float], w: [Float], bias: [Float]
  ) -> (s: [Double], y: [Double]) {
    var s = [Double](repeating: 0, count: x.count)
    for b in 0..<batch {
      for l in 0..<time {
        for c in 0..<channels {
          var total = Double(bias[c])
          for k in 0..<width where l - (width - 1) + k >= 0 {
            total += Double(w[c * width + k]) * Double(x[(b * time + l - (width - 1) + k) * channels + c])
          }
          s[(b * time + l) * channels + c] = total
        }
      }
    }
    return (s, s.map { $0 / (1 + Foundation.exp(-$0)) })
  }

  public static func referenceBackward(
    batch: Int, time: Int, channels: Int, width: Int, x: [Float], w: [Float], bias: [Float], dy: [Float]
  ) -> (dx: [Double], dw: [Double], dBias: [Double]) {
    let s = referenceForward(batch: batch, time: time, channels: channels, width: width, x: x, w: w, bias: bias).s
    var dx = [Double](repeating: 0, count: x.count)
    var dw = [Double](repeating: 0, count: w.count)
    var dBias = [Double](repeating: 0, count: channels)
    for b in 0..<batch {
      for l in 0..<time {
        for c in 0..<channels {
          let here = (b * time + l) * channels + c
          let g = 1 / (1 + Foundation.exp(-s[here]))
          let d = Double(dy[here]) * g * (1 + s[here] * (1 - g))
          dBias[c] += d
          for k in 0..<width where l - (width - 1) + k >= 0 {
            let there = (b * time + l - (width - 1) + k) * channels + c
            dw[c * width + k] += d * Double(x[there])
            dx[there] += d * Double(w[c * width + k])
          }
        }
      }
    }
    return (dx, dw, dBias)
  }
}
