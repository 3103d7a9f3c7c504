/// The product of a recurrence, rotary positions and banded attention against their plain twins.
import Kernels
import Randomness
import TestSupport
import Testing

@Suite struct RecurrentKernelTests {
  /// rows, inputs, outputs: every tile of rows, whole and partial panels, and the single row's wide ones.
  @Test(arguments: (1...13).map { [$0, 9, 21] } + [[1, 17, 64], [1, 40, 150], [200, 5, 16], [3, 1, 1], [32, 33, 48]])
  func packedProduct(_ size: [Int]) {
    let (rows, inputs, outputs) = (size[0], size[1], size[2])
    let product = PackedProduct(inputs: inputs, outputs: outputs)
    var generator = SplitMix64(seed: 51)
    let (aStride, cStride) = (inputs + 3, outputs + 2)
    let a = random(rows * aStride, -1, 1, &generator), b = random(inputs * outputs, -1, 1, &generator)
    let start = random(rows * cStride, -1, 1, &generator)
    let transposed = (0..<outputs).flatMap { o in (0..<inputs).map { b[$0 * outputs + o] } }
    func expected(_ start: (Int, Int) -> Float) -> [Double] {
      (0..<rows).flatMap { r in
        (0..<outputs).map { o in
          (0..<inputs).reduce(Double(start(r, o))) { $0 + Double(a[r * aStride + $1]) * Double(b[$1 * outputs + o]) }
        }
      }
    }
    func dense(_ c: [Float]) -> [Float] { (0..<rows).flatMap { c[$0 * cStride..<$0 * cStride + outputs] } }
    var packed = [Float](repeating: .nan, count: product.packedCount), again = packed
    product.pack(b, into: &packed)
    product.pack(transposed: transposed, into: &again)
    #expect(packed == again)
    var c = [Float](repeating: .nan, count: rows * cStride)
    product.apply(
      rows: rows, a: a, aStride: aStride, packed: packed, start: nil, startStride: 0, c: &c, cStride: cStride)
    #expect(relativeDifference(dense(c), expected { _, _ in 0 }) < 1e-6)
    product.apply(
      rows: rows, a: a, aStride: aStride, packed: packed, start: start, startStride: 0, c: &c, cStride: cStride)
    #expect(relativeDifference(dense(c), expected { start[$1] }) < 1e-6)
    c = start
    c.withUnsafeMutableBufferPointer {
      let c = $0.baseAddress!
      product.apply(rows: rows, a: a, aStride: aStride, packed: packed, start: c, startStride: cStride, c: c, cStride: cStride)
    }
    #expect(relativeDifference(dense(c), expected { start[$0 * cStride + $1] }) < 1e-6)
    // What lies between c's rows stays as it was.
    #expect((0..<rows).allSatisfy { c[$0 * cStride + outputs] == start[$0 * cStride + outputs] })
  }

  /// rows (in one and several blocks), columns of a (every tile), columns of b (whole and partial panels).
  @Test(arguments: (1...26).map { [7, $0, 18] } + [[1, 12, 16], [400, 13, 33], [192, 12, 1], [193, 6, 48]])
  func transposedProduct(_ size: [Int]) {
    let (rows, m, n) = (size[0], size[1], size[2])
    let product = TransposedProduct(rows: rows, aColumns: m, bColumns: n)
    var generator = SplitMix64(seed: 52)
    let (aStride, bStride, cStride) = (m + 3, n + 1, n + 2)
    let a = random(rows * aStride, -1, 1, &generator), b = random(rows * bStride, -1, 1, &generator)
    let before = random(m * cStride, -1, 1, &generator)
    var c = before, scratch = [Float](repeating: .nan, count: product.scratchCount)
    product.add(a: a, aStride: aStride, b: b, bStride: bStride, to: &c, cStride: cStride, scratch: &scratch)
    let expected = (0..<m).flatMap { i in
      (0..<n).map { j in
        (0..<rows).reduce(Double(before[i * cStride + j])) { $0 + Double(a[$1 * aStride + i]) * Double(b[$1 * bStride + j]) }
      }
    }
    #expect(relativeDifference((0..<m).flatMap { c[$0 * cStride..<$0 * cStride + n] }, expected) < 1e-6)
    // What lies between c's rows stays as it was.
    #expect((0..<m).allSatisfy { i in (n..<n + 2).allSatisfy { c[i * cStride + $0] == before[i * cStride + $0] } })
  }

  /// heads, width of a head; far positions too, forth and back.
  @Test(arguments: [[1, 2], [2, 8], [3, 7], [2, 32], [4, 1]])
  func rotaryPositions(_ size: [Int]) {
    let rotary = Rotary(heads: size[0], width: size[1]), model = size[0] * size[1], stride = model + 3, positions = 5_000
    var generator = SplitMix64(seed: 52)
    let x = random(positions * stride, -1, 1, &generator)
    var table = [Float](repeating: .nan, count: rotary.tableCount(positions)), y = x
    rotary.fillTable(&table, positions: positions)
    rotary.turn(rows: positions, &y, stride: stride, table: table)
    for t in [0, 1, 17, 4_999] {
      let row = x[t * stride..<t * stride + model].map(Double.init)
      #expect(
        relativeDifference(Array(y[t * stride..<t * stride + model]), rotary.referenceTurn(row, position: Double(t))) < 5e-7)
    }
    rotary.turn(rows: positions, &y, stride: stride, table: table, inverse: true)
    #expect(relativeDifference(y, x.map(Double.init)) < 5e-7)
  }

  /// batch, time, past, heads, width: less than a block of queries, whole blocks, and more.
  @Test(arguments: [[2, 1, 0, 1, 1], [3, 9, 0, 2, 5], [2, 32, 7, 3, 8], [1, 75, 20, 2, 11]], [1, 6, 1_000])
  func bandedAttention(_ size: [Int], _ context: Int) {
    let attention = BandedAttention(batch: size[0], time: size[1], past: size[2], heads: size[3], width: size[4])
    let length = attention.past + attention.time
    var generator = SplitMix64(seed: 53)
    let q = random(attention.batch * attention.time * attention.model, -2, 2, &generator)
    let kv = random(attention.batch * length * 2 * attention.model, -2, 2, &generator)
    let dy = random(q.count, -1, 1, &generator)
    // Episodes of random lengths, and a band of `context` positions.
    var first: [Int32] = []
    for _ in 0..<attention.batch {
      var begin = Int(generator.uniform(0, Double(attention.past + 1)))
      for t in 0..<attention.time {
        if generator.uniform(0, 1) < 0.1 { begin = attention.past + t }
        first.append(Int32(max(begin, attention.past + t - context + 1)))
      }
    }
    var y = [Float](repeating: .nan, count: q.count), dq = y
    var logSums = [Float](repeating: .nan, count: attention.batch * attention.heads * attention.time)
    var scratch = [Float](repeating: .nan, count: 2 * attention.scratchCount(first: first))
    attention.forward(q: q, kv: kv, first: first, y: &y, logSums: &logSums, scratch: &scratch)
    var dkv = [Float](repeating: 0.5, count: kv.count)
    attention.backward(q: q, kv: kv, first: first, logSums: logSums, dy: dy, dq: &dq, dkv: &dkv, scratch: &scratch)
    let expected = attention.reference(q: q, kv: kv, first: first, dy: dy)
    #expect(relativeDifference(y, expected.y) < 3e-6)
    // With one position in sight nothing depends on the query: what is left is rounding of products of order 1.
    let dqScale = max(expected.dq.map(abs).max() ?? 0, 1)
    #expect((zip(dq, expected.dq).map { abs(Double($0) - $1) }.max() ?? 0) < 5e-6 * dqScale)
    #expect(relativeDifference(dkv, expected.dkv.map { $0 + 0.5 }) < 5e-6)
  }
}
