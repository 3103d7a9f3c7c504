/// The plain twin of `SequenceConv`: every sequence with its tail written out before it, in Double. x is dense here.
import Foundation

extension SequenceConv {
  public struct ReferenceGradients {
    public var x, w, bias, tail: [Double]
  }

  /// s and y [batch × time, channels] and the final tail [batch, channels × width].
  public func reference(
    x: [Float], w: [Float], bias: [Float], tail: [Float]
  ) -> (s: [Double], y: [Double], final: [Double]) {
    var s: [Double] = [], final: [Double] = []
    for b in 0..<shape.batch {
      for t in 0..<shape.time {
        for c in 0..<channels {
          s.append(
            (0..<width).reduce(Double(bias[c])) { $0 + Double(w[c * width + $1]) * seen(b, c, t, t - width + 1 + $1, x, tail) })
        }
      }
      for c in 0..<channels {
        for k in 0..<width {
          // A tail is what one position later would see, its oldest column included.
          final.append(shape.time == 0 ? Double(tail[(b * channels + c) * width + k]) : lastSeen(b, c, k, x, tail))
        }
      }
    }
    return (s, s.map { $0 / (1 + Foundation.exp(-$0)) }, final)
  }

  public func referenceBackward(
    x: [Float], w: [Float], bias: [Float], tail: [Float], dy: [Float]
  ) -> ReferenceGradients {
    let s = reference(x: x, w: w, bias: bias, tail: tail).s
    func zeros(_ count: Int) -> [Double] { [Double](repeating: 0, count: count) }
    var g = ReferenceGradients(x: zeros(x.count), w: zeros(w.count), bias: zeros(channels), tail: zeros(tail.count))
    for b in 0..<shape.batch {
      for t in 0..<shape.time {
        for c in 0..<channels {
          let here = (b * shape.time + t) * channels + c
          let sigma = 1 / (1 + Foundation.exp(-s[here]))
          let d = Double(dy[here]) * sigma * (1 + s[here] * (1 - sigma))
          g.bias[c] += d
          for k in 0..<width {
            let there = t - width + 1 + k
            g.w[c * width + k] += d * seen(b, c, t, there, x, tail)
            guard there >= episodeStart(b, t) ?? -width else { continue }
            if there >= 0 {
              g.x[(b * shape.time + there) * channels + c] += d * Double(w[c * width + k])
            } else {
              g.tail[(b * channels + c) * width + width + there] += d * Double(w[c * width + k])
            }
          }
        }
      }
    }
    return g
  }

  /// Where the episode of position t began; nil: before the sequence.
  private func episodeStart(_ b: Int, _ t: Int) -> Int? { (0...t).last { shape.beginsEpisode(b * shape.time + $0) } }

  /// The input at position `there` as position t sees it.
  private func seen(_ b: Int, _ c: Int, _ t: Int, _ there: Int, _ x: [Float], _ tail: [Float]) -> Double {
    guard there >= episodeStart(b, t) ?? -width else { return 0 }
    return Double(there >= 0 ? x[(b * shape.time + there) * channels + c] : tail[(b * channels + c) * width + width + there])
  }

  private func lastSeen(_ b: Int, _ c: Int, _ k: Int, _ x: [Float], _ tail: [Float]) -> Double {
    seen(b, c, shape.time - 1, shape.time - width + k, x, tail)
  }
}
