/// The fused LSTM step against its plain twin: gates, states and every gradient under random upstream gradients, at sizes
/// that are and are not multiples of the vector length and of the tile's three rows.
import Kernels
import Randomness
import TestSupport
import Testing

@Suite struct LSTMCellTests {
  @Test(arguments: [[6, 24, 16], [7, 10, 13], [1, 3, 1], [64, 128, 128], [2, 9, 33]], [true, false])
  func equalsItsTwin(_ shape: [Int], _ hasState: Bool) {
    let (rows, inputs, size) = (shape[0], shape[1], shape[2])
    let cell = LSTMCell(size: size)
    var generator = SplitMix64(seed: 13)
    let x = random(rows * inputs, -1, 1, &generator), bias = random(4 * size, -1, 1, &generator)
    let inputWeight = random(4 * size * inputs, -0.5, 0.5, &generator)
    let recurrentWeight = random(4 * size * size, -0.5, 0.5, &generator)
    let zeros = [Float](repeating: 0, count: rows * size)
    let hidden = hasState ? random(rows * size, -1, 1, &generator) : zeros
    let previous = hasState ? random(rows * size, -3, 3, &generator) : zeros
    let dh = random(rows * size, -1, 1, &generator), dc = random(rows * size, -1, 1, &generator)

    var packedInput = [Float](repeating: .nan, count: cell.packedCount(inputs: inputs))
    var packedRecurrent = [Float](repeating: .nan, count: cell.packedCount(inputs: size))
    cell.pack(inputWeight, inputs: inputs, into: &packedInput)
    cell.pack(recurrentWeight, inputs: size, into: &packedRecurrent)
    // Rows of gates lie further apart than they are long, as they do in a window.
    let gateStride = 4 * size + 3
    var gates = [Float](repeating: .nan, count: rows * gateStride)
    var c = [Float](repeating: .nan, count: rows * size), h = c, alone = c
    func forward(
      _ x: UnsafePointer<Float>, _ hidden: UnsafePointer<Float>, _ packedInput: UnsafePointer<Float>,
      _ packedRecurrent: UnsafePointer<Float>, _ previous: UnsafePointer<Float>, _ h: UnsafeMutablePointer<Float>,
      _ gates: UnsafeMutablePointer<Float>?
    ) {
      cell.forward(
        rows: rows, bias: bias, x: .init(x, stride: inputs, inputs: inputs, packed: packedInput),
        hidden: hasState ? .init(hidden, stride: size, inputs: size, packed: packedRecurrent) : nil,
        previous: hasState ? previous : nil, c: &c, cStride: size, h: h, hStride: size, gates: gates, gateStride: gateStride)
    }
    forward(x, hidden, packedInput, packedRecurrent, previous, &alone, nil)
    forward(x, hidden, packedInput, packedRecurrent, previous, &h, &gates)
    func dense(_ rowsApart: [Float]) -> [Float] {
      (0..<rows).flatMap { rowsApart[$0 * gateStride..<$0 * gateStride + 4 * size] }
    }
    let expected = cell.referenceForward(
      rows: rows, inputs: inputs, x: x, hidden: hidden, previous: previous, inputWeight: inputWeight,
      recurrentWeight: recurrentWeight, bias: bias)
    #expect(relativeDifference(dense(gates), expected.gates) < 5e-6)  // sums of up to 256 products in float32
    #expect(relativeDifference(c, expected.c) < 2e-6)
    #expect(relativeDifference(h, expected.h) < 2e-6)
    #expect(alone == h)

    // The same step with its products elsewhere.
    var split = (0..<rows).flatMap { r in
      (0..<gateStride).map { j -> Float in
        guard j < 4 * size else { return 7 }
        let own = (0..<inputs).reduce(Double(bias[j])) { $0 + Double(x[r * inputs + $1]) * Double(inputWeight[j * inputs + $1]) }
        return Float((0..<size).reduce(own) { $0 + Double(hidden[r * size + $1]) * Double(recurrentWeight[j * size + $1]) })
      }
    }
    var splitC = [Float](repeating: .nan, count: rows * size), splitH = splitC
    previous.withUnsafeBufferPointer { previous in
      cell.activate(
        rows: rows, gates: &split, gateStride: gateStride, previous: hasState ? previous.baseAddress : nil,
        previousStride: size, c: &splitC, cStride: size, h: &splitH, hStride: size)
    }
    #expect(relativeDifference(dense(split), expected.gates) < 2e-6)
    #expect(relativeDifference(splitC, expected.c) < 2e-6)
    #expect(relativeDifference(splitH, expected.h) < 2e-6)
    #expect((0..<rows).allSatisfy { split[$0 * gateStride + 4 * size] == 7 })

    var dPrevious = dc, dBias = [Float](repeating: 1, count: 4 * size)
    previous.withUnsafeBufferPointer { previous in
      cell.backward(
        rows: rows, gates: &gates, gateStride: gateStride, previous: hasState ? previous.baseAddress : nil,
        previousStride: size, c: c, cStride: size, dh: dh, dc: &dPrevious, dBias: &dBias)
    }
    let g = cell.referenceBackward(
      rows: rows, gates: expected.gates, c: expected.c, previous: previous, dh: dh, dc: dc)
    #expect(relativeDifference(dense(gates), g.da) < 3e-6)
    #expect(relativeDifference(dPrevious, g.dPrevious) < 3e-6)
    let sums = (0..<4 * size).map { column in (0..<rows).reduce(1.0) { $0 + g.da[$1 * 4 * size + column] } }
    #expect(relativeDifference(dBias, sums) < 3e-6)
  }
}
