/// Every fused kernel against its plain twin: outputs, and every gradient under random upstream gradients, at sizes that
/// are and are not multiples of the vector length.
import Foundation
import Kernels
import Randomness
import TestSupport
import Testing

func random(_ count: Int, _ low: Double, _ high: Double, _ generator: inout SplitMix64) -> [Float] {
  (0..<count).map { _ in Float(generator.uniform(low, high)) }
}

@Suite struct KernelTwinTests {
  @Test(arguments: [[3, 7, 24, 8], [2, 10, 256, 64], [3, 11, 13, 5], [1, 1, 16, 3], [2, 2, 1, 1], [2, 4, 33, 17]])
  func lastStateScan(_ size: [Int]) {
    let (batch, time, channels, states) = (size[0], size[1], size[2], size[3])
    let scan = LastStateScan(batch: batch, time: time, channels: channels, states: states)
    var generator = SplitMix64(seed: 11)
    let u = random(batch * time * channels, -2, 2, &generator)
    let delta = random(batch * time * channels, 0.001, 0.8, &generator)
    let aLog = (0..<channels * states).map { i in Float(0.2 * generator.uniform(-1, 1)) + logf(Float(i % states + 1)) }
    let b = random(batch * time * states, -1, 1, &generator)
    let c = random(batch * states, -1, 1, &generator)
    let skip = random(channels, 0.5, 1.5, &generator)
    let dy = random(batch * channels, -1, 1, &generator)

    var packed = [Float](repeating: 0, count: scan.packedCount), packedGradient = packed
    scan.pack(aLog: aLog, into: &packed)
    var scratch = [Float](repeating: .nan, count: scan.scratchCount)
    var q = [Float](repeating: .nan, count: scan.momentCount), r = q
    var y = [Float](repeating: .nan, count: batch * channels), yOnly = y
    scan.forward(
      u: u, delta: delta, packedA: packed, b: b, bStride: states, c: c, cStride: states, skip: skip, y: &yOnly, q: nil,
      r: nil, scratch: &scratch)
    scan.forward(
      u: u, delta: delta, packedA: packed, b: b, bStride: states, c: c, cStride: states, skip: skip, y: &y, q: &q, r: &r,
      scratch: &scratch)
    let expected = scan.referenceForward(u: u, delta: delta, aLog: aLog, b: b, c: c, skip: skip)
    #expect(relativeDifference(y, expected) < 3e-6)
    #expect(relativeDifference(yOnly, expected) < 3e-6)

    func zeros(_ count: Int) -> [Float] { [Float](repeating: 0, count: count) }
    var du = zeros(u.count), dDelta = zeros(delta.count), dALog = zeros(aLog.count), db = zeros(b.count)
    var dc = zeros(c.count), dSkip = zeros(channels)
    scan.backward(
      u: u, delta: delta, packedA: packed, b: b, bStride: states, c: c, cStride: states, skip: skip, q: q, r: r, dy: dy,
      du: &du, dDelta: &dDelta, .add, packedGradient: &packedGradient, db: &db, dbStride: states, dc: &dc, dcStride: states,
      dSkip: &dSkip, scratch: &scratch)
    scan.unpackGradient(packed: packed, packedGradient: packedGradient, into: &dALog)
    let g = scan.referenceBackward(u: u, delta: delta, aLog: aLog, b: b, c: c, skip: skip, dy: dy)
    #expect(relativeDifference(du, g.u) < 5e-6)
    #expect(relativeDifference(dDelta, g.delta) < 5e-6)
    if time > 1 { #expect(relativeDifference(dALog, g.aLog) < 5e-6) }
    #expect(relativeDifference(db, g.b) < 5e-6)
    #expect(relativeDifference(dc, g.c) < 5e-6)
    #expect(relativeDifference(dSkip, g.skip) < 5e-6)

    // The single pass, under a readout whose slopes are random too (Huber's both branches).
    let offset = random(batch, -1, 1, &generator), weights = random(batch, 0.1, 1, &generator)
    let slopes = (0..<batch).map { i -> Double in
      let q = (0..<channels).reduce(Double(offset[i])) { $0 + expected[i * channels + $1] * Double(dy[i * channels + $1]) }
      let target = q + (i % 2 == 0 ? 0.4 : -3)
      return -Double(weights[i]) * max(-1, min(1, target - q)) / Double(batch)
    }
    let targets = (0..<batch).map { i -> Float in
      let q = (0..<channels).reduce(Double(offset[i])) { $0 + expected[i * channels + $1] * Double(dy[i * channels + $1]) }
      return Float(q + (i % 2 == 0 ? 0.4 : -3))
    }
    let scaled = dy.indices.map { Float(slopes[$0 / channels] * Double(dy[$0])) }
    let single = scan.referenceBackward(u: u, delta: delta, aLog: aLog, b: b, c: c, skip: skip, dy: scaled)
    (du, dDelta, dALog, db) = (zeros(u.count), zeros(delta.count), zeros(aLog.count), zeros(b.count))
    (dc, dSkip, packedGradient) = (zeros(c.count), zeros(channels), zeros(scan.packedCount))
    var singleY = [Float](repeating: .nan, count: batch * channels)
    scratch = [Float](repeating: .nan, count: scan.singlePassScratchCount)
    offset.withUnsafeBufferPointer { offset in
      targets.withUnsafeBufferPointer { targets in
        weights.withUnsafeBufferPointer { weights in
          dy.withUnsafeBufferPointer { direction in
            guard let direction = direction.baseAddress, let offset = offset.baseAddress,
              let targets = targets.baseAddress, let weights = weights.baseAddress
            else { return }
            scan.forwardAndBackward(
              u: u, delta: delta, packedA: packed, b: b, bStride: states, c: c, cStride: states, skip: skip,
              readout: LinearReadout(
                direction: direction, offset: offset, targets: targets, weights: weights, limit: 1, rows: batch),
              y: &singleY, du: &du, dDelta: &dDelta, .add, packedGradient: &packedGradient, db: &db, dbStride: states, dc: &dc,
              dcStride: states, dSkip: &dSkip, scratch: &scratch)
          }
        }
      }
    }
    scan.unpackGradient(packed: packed, packedGradient: packedGradient, into: &dALog)
    #expect(relativeDifference(singleY, expected) < 3e-6)
    // The slope itself is a difference of float32 numbers, target − q.
    #expect(relativeDifference(du, single.u) < 2e-5)
    #expect(relativeDifference(dDelta, single.delta) < 2e-5)
    if time > 1 { #expect(relativeDifference(dALog, single.aLog) < 2e-5) }
    #expect(relativeDifference(db, single.b) < 2e-5)
    #expect(relativeDifference(dc, single.c) < 2e-5)
    #expect(relativeDifference(dSkip, single.skip) < 2e-5)
  }

  @Test(arguments: [[3, 7, 24, 4], [2, 10, 256, 4], [2, 5, 13, 4], [2, 2, 9, 4], [2, 6, 11, 3], [1, 1, 8, 2]])
  func causalConv(_ size: [Int]) {
    let (batch, time, channels, width) = (size[0], size[1], size[2], size[3])
    var generator = SplitMix64(seed: 12)
    let x = random(batch * time * channels, -2, 2, &generator)
    let w = random(channels * width, -1, 1, &generator), bias = random(channels, -1, 1, &generator)
    let dy = random(x.count, -1, 1, &generator)
    var s = [Float](repeating: .nan, count: x.count), y = s
    var scratch = [Float](repeating: .nan, count: CausalConv.scratchCount(channels: channels, width: width))
    CausalConv.forward(
      batch: batch, time: time, channels: channels, width: width, x: x, w: w, bias: bias, s: &s, y: &y,
      scratch: &scratch)
    let expected = CausalConv.referenceForward(
      batch: batch, time: time, channels: channels, width: width, x: x, w: w, bias: bias)
    #expect(relativeDifference(y, expected.y) < 1e-6)
    var dx = [Float](repeating: 0, count: x.count), dw = [Float](repeating: 0, count: w.count)
    var dBias = [Float](repeating: 0, count: channels)
    CausalConv.backward(
      batch: batch, time: time, channels: channels, width: width, x: x, w: w, s: s, dy: dy, dx: &dx, .add, dw: &dw,
      dBias: &dBias, scratch: &scratch)
    let g = CausalConv.referenceBackward(
      batch: batch, time: time, channels: channels, width: width, x: x, w: w, bias: bias, dy: dy)
    #expect(relativeDifference(dx, g.dx) < 3e-6)
    #expect(relativeDifference(dw, g.dw) < 3e-6)
    #expect(relativeDifference(dBias, g.dBias) < 3e-6)
  }

  @Test(arguments: [[640, 8, 256], [7, 5, 19], [1, 16, 3], [4, 1, 8]], [Activation.none, .relu, .softplus])
  func narrowProduct(_ size: [Int], _ activation: Activation) {
    let (rows, inputs, outputs) = (size[0], size[1], size[2])
    let stride = inputs + 3
    var generator = SplitMix64(seed: 12)
    let x = random(rows * stride, -2, 2, &generator), bias = random(outputs, -1, 1, &generator)
    let weight = random(outputs * inputs, -1, 1, &generator)
    for withBias in [true, false] {
      var y = [Float](repeating: .nan, count: rows * outputs)
      var scratch = [Float](repeating: .nan, count: inputs * outputs)
      bias.withUnsafeBufferPointer { bias in
        NarrowProduct.forward(
          rows: rows, inputs: inputs, outputs: outputs, x: x, xStride: stride, weight: weight,
          bias: withBias ? bias.baseAddress : nil, activation: activation, y: &y, scratch: &scratch)
      }
      let expected = (0..<rows * outputs).map { i -> Double in
        let (r, o) = (i / outputs, i % outputs)
        let sum = (0..<inputs).reduce(withBias ? Double(bias[o]) : 0) {
          $0 + Double(x[r * stride + $1]) * Double(weight[o * inputs + $1])
        }
        switch activation {
        case .none: return sum
        case .relu: return max(sum, 0)
        case .softplus: return log1p(exp(sum))
        }
      }
      #expect(relativeDifference(y, expected) < 1e-6)
    }
  }
}
