/// The convolution with state against its plain twin: any width, odd sizes, views, tails, episodes inside a sequence; and one
/// position at a time against the sequence.
import Kernels
import Randomness
import TestSupport
import Testing

/// Episodes that begin at about every fifth position, the first ones included.
func randomBegins(_ count: Int, _ generator: inout SplitMix64) -> [UInt8] {
  (0..<count).map { _ in generator.uniform(0, 1) < 0.2 ? 1 : 0 }
}

@Suite struct SequenceConvTests {
  struct Case: Sendable, CustomStringConvertible {
    let batch, time, channels, width: Int
    var hasBias = true, hasTail = true, hasResets = false
    var description: String { "\(batch)×\(time)×\(channels), \(width) taps, \(hasBias) \(hasTail) \(hasResets)" }
  }
  static let cases = [
    Case(batch: 2, time: 11, channels: 24, width: 4), Case(batch: 3, time: 14, channels: 13, width: 4, hasResets: true),
    Case(batch: 1, time: 1, channels: 5, width: 4), Case(batch: 2, time: 2, channels: 8, width: 4, hasBias: false),
    Case(batch: 2, time: 9, channels: 7, width: 1, hasResets: true), Case(batch: 2, time: 9, channels: 16, width: 2),
    Case(batch: 2, time: 23, channels: 9, width: 3, hasTail: false, hasResets: true),
    Case(batch: 2, time: 12, channels: 10, width: 7, hasResets: true), Case(batch: 1, time: 3, channels: 3, width: 6),
    Case(batch: 2, time: 8, channels: 19, width: 4, hasBias: false, hasTail: false),
    Case(batch: 2, time: 0, channels: 3, width: 4),
  ]

  @Test(arguments: cases) func againstTwin(_ c: Case) {
    var generator = SplitMix64(seed: 21)
    let (channels, width, rows, stride) = (c.channels, c.width, c.batch * c.time, c.channels + 3)
    let begins = c.hasResets ? randomBegins(rows, &generator) : [UInt8](repeating: 0, count: rows)
    let dense = random(rows * channels, -2, 2, &generator), w = random(channels * width, -1, 1, &generator)
    let bias = c.hasBias ? random(channels, -1, 1, &generator) : [Float](repeating: 0, count: channels)
    let tailCount = c.batch * channels * width, upstream = random(rows * channels, -1, 1, &generator)
    var tail = c.hasTail ? random(tailCount, -2, 2, &generator) : [Float](repeating: 0, count: tailCount)
    var x = [Float](repeating: .nan, count: rows * stride)
    for i in dense.indices { x[i / channels * stride + i % channels] = dense[i] }

    begins.withUnsafeBufferPointer { begins in
      let conv = SequenceConv(
        shape: SequenceShape(batch: c.batch, time: c.time, begins: c.hasResets ? begins.baseAddress : nil), channels: channels,
        width: width)
      let expected = conv.reference(x: dense, w: w, bias: bias, tail: tail)
      let g = conv.referenceBackward(x: dense, w: w, bias: bias, tail: tail, dy: upstream)
      var y = [Float](repeating: .nan, count: rows * channels), dy = upstream
      var final = [Float](repeating: .nan, count: tailCount), scratch = [Float](repeating: .nan, count: conv.scratchCount)
      var dw = w.map { _ in Float(0) }, dBias = bias.map { _ in Float(0) }, dTail = tail.map { _ in Float(0) }
      var dx = x.map { _ in Float(1) }
      bias.withUnsafeBufferPointer { bias in
        x.withUnsafeMutableBufferPointer { x in
          tail.withUnsafeMutableBufferPointer { tail in
            final.withUnsafeMutableBufferPointer { final in
              dx.withUnsafeMutableBufferPointer { dx in
                dTail.withUnsafeMutableBufferPointer { dTail in
                  func rows(_ p: UnsafeMutableBufferPointer<Float>, _ stride: Int) -> SequenceConv.Rows {
                    .init(p.baseAddress ?? nothing, stride: stride)
                  }
                  let input = rows(x, stride), before = c.hasTail ? rows(tail, channels * width) : nil
                  conv.forward(
                    x: input, w: w, bias: c.hasBias ? bias.baseAddress : nil, tail: before, y: &y,
                    final: rows(final, channels * width), scratch: &scratch)
                  conv.backward(
                    x: input, w: w, bias: c.hasBias ? bias.baseAddress : nil, tail: before, dy: &dy, dx: rows(dx, stride), .add,
                    dw: &dw, dBias: &dBias, dTail: rows(dTail, channels * width), scratch: &scratch)
                }
              }
            }
          }
        }
      }
      #expect(final.map(Double.init) == expected.final)
      guard rows > 0 else { return }
      #expect(relativeDifference(y, expected.y) < 1e-6)
      #expect(relativeDifference(dense.indices.map { dx[$0 / channels * stride + $0 % channels] - 1 }, g.x) < 3e-6)
      #expect(relativeDifference(dw, g.w) < 3e-6)
      #expect(relativeDifference(dBias, g.bias) < 3e-6)
      if c.hasTail && width > 1 && g.tail.contains(where: { $0 != 0 }) { #expect(relativeDifference(dTail, g.tail) < 3e-6) }
    }
  }
  /// Where an array of no floats is.
  private var nothing: UnsafeMutablePointer<Float> { UnsafeMutablePointer(bitPattern: 64)! }

  @Test(arguments: [[13, 4], [16, 4], [4, 4], [5, 1], [3, 6]]) func steps(_ size: [Int]) {
    let (channels, width, time) = (size[0], size[1], 9)
    var generator = SplitMix64(seed: 22)
    let x = random(time * channels, -2, 2, &generator), w = random(channels * width, -1, 1, &generator)
    let bias = random(channels, -1, 1, &generator)
    var tail = random(channels * width, -2, 2, &generator)
    let conv = SequenceConv(shape: SequenceShape(batch: 1, time: time), channels: channels, width: width)
    let expected = conv.reference(x: x, w: w, bias: bias, tail: tail)
    var y = [Float](repeating: .nan, count: time * channels)
    for t in 0..<time {
      x.withUnsafeBufferPointer { x in
        y.withUnsafeMutableBufferPointer { y in
          guard let x = x.baseAddress, let y = y.baseAddress else { return }
          SequenceConv.step(
            channels: channels, width: width, x: x + t * channels, w: w, bias: bias, tail: &tail, y: y + t * channels)
        }
      }
    }
    #expect(relativeDifference(y, expected.y) < 1e-6)
    #expect(tail.map(Double.init) == expected.final)
  }
}
