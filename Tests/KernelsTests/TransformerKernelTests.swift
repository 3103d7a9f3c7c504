/// Attention and layer norm against their plain twins, under random upstream gradients, also at sizes that are no multiple
/// of the vector length, adding to gradients and overwriting them.
import Kernels
import Randomness
import TestSupport
import Testing

@Suite struct TransformerKernelTests {
  /// batch, time, queries, heads, width of a head.
  @Test(
    arguments: [
      [3, 7, 7, 4, 8], [2, 10, 10, 4, 32], [2, 10, 1, 4, 32], [3, 9, 4, 3, 5], [1, 1, 1, 1, 1], [2, 17, 17, 2, 11],
    ],
    [Accumulation.overwrite, .add])
  func causalAttention(_ size: [Int], _ accumulation: Accumulation) {
    let attention = CausalAttention(batch: size[0], time: size[1], queries: size[2], heads: size[3], width: size[4])
    var generator = SplitMix64(seed: 21)
    let q = random(attention.batch * attention.queries * attention.model, -2, 2, &generator)
    let kv = random(attention.batch * attention.time * 2 * attention.model, -2, 2, &generator)
    let dy = random(q.count, -1, 1, &generator)
    var probabilities = [Float](repeating: .nan, count: attention.probabilityCount), y = [Float](repeating: .nan, count: q.count)
    attention.forward(q: q, kv: kv, probabilities: &probabilities, y: &y)
    let expected = attention.referenceForward(q: q, kv: kv)
    #expect(relativeDifference(probabilities, expected.probabilities) < 2e-6)
    #expect(relativeDifference(y, expected.y) < 2e-6)

    let before: Float = accumulation == .add ? 0.5 : .nan
    var dq = [Float](repeating: before, count: q.count), dkv = [Float](repeating: before, count: kv.count)
    var scratch = [Float](repeating: .nan, count: attention.scratchCount)
    attention.backward(
      q: q, kv: kv, probabilities: probabilities, dy: dy, dq: &dq, accumulation, dkv: &dkv, accumulation, scratch: &scratch)
    let gradient = attention.referenceBackward(q: q, kv: kv, dy: dy)
    let added = accumulation == .add ? 0.5 : 0.0
    #expect(relativeDifference(dq, gradient.dq.map { $0 + added }) < 5e-6)
    #expect(relativeDifference(dkv, gradient.dkv.map { $0 + added }) < 5e-6)
  }

  /// rows, columns, distance between rows of x.
  @Test(arguments: [[5, 32, 32], [64, 128, 1280], [3, 13, 20], [2, 1, 1], [4, 8, 9]], [Accumulation.overwrite, .add])
  func addLayerNorm(_ size: [Int], _ accumulation: Accumulation) {
    let (rows, columns, stride) = (size[0], size[1], size[2])
    let norm = AddLayerNorm(rows: rows, columns: columns)
    var generator = SplitMix64(seed: 22)
    let x = random(rows * stride, -2, 3, &generator), r = random(rows * columns, -1, 1, &generator)
    let gain = random(columns, 0.5, 1.5, &generator), bias = random(columns, -1, 1, &generator)
    let dy = random(r.count, -1, 1, &generator)
    var normalised = [Float](repeating: .nan, count: r.count), y = normalised
    var inverse = [Float](repeating: .nan, count: rows)
    norm.forward(
      x: x, xStride: stride, r: r, gain: gain, bias: bias, normalised: &normalised, inverseDeviation: &inverse, y: &y)
    let expected = norm.referenceForward(x: x, xStride: stride, r: r, gain: gain, bias: bias)
    #expect(relativeDifference(y, expected.y) < 2e-6)
    #expect(relativeDifference(inverse, expected.inverseDeviation) < 2e-6)

    // What lies between x's rows must stay as it was.
    let before: Float = accumulation == .add ? 0.5 : 7
    var dx = [Float](repeating: before, count: x.count), dr = [Float](repeating: before, count: r.count)
    var dGain = [Float](repeating: 1, count: columns), dBias = dGain
    norm.backward(
      normalised: normalised, inverseDeviation: inverse, gain: gain, dy: dy, dx: &dx, dxStride: stride, accumulation, dr: &dr,
      accumulation, dGain: &dGain, dBias: &dBias)
    let gradient = norm.referenceBackward(x: x, xStride: stride, r: r, gain: gain, bias: bias, dy: dy)
    let added = accumulation == .add ? 0.5 : 0.0
    #expect(relativeDifference(dr, gradient.ds.map { $0 + added }) < 1e-5)
    #expect(
      (0..<rows * stride).allSatisfy { i in
        i % stride < columns ? dx[i] == dr[i / stride * columns + i % stride] : dx[i] == before
      })
    #expect(relativeDifference(dGain, gradient.dGain.map { $0 + 1 }) < 5e-6)
    #expect(relativeDifference(dBias, gradient.dBias.map { $0 + 1 }) < 5e-6)
  }
}
