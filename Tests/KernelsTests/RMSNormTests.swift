/// The root mean square norms against their plain twins, under random upstream gradients, at sizes that are no multiple of
/// the vector length too, on strided views, adding to gradients and overwriting them.
import Kernels
import Randomness
import TestSupport
import Testing

@Suite struct RMSNormTests {
  /// rows, columns, distance between rows of x.
  @Test(arguments: [[5, 32, 32], [7, 128, 301], [3, 13, 20], [4, 3, 3], [4, 8, 9]], [Accumulation.overwrite, .add])
  func rmsNorm(_ size: [Int], _ accumulation: Accumulation) {
    let (rows, columns, stride) = (size[0], size[1], size[2])
    let norm = RMSNormKernel(rows: rows, columns: columns)
    var generator = SplitMix64(seed: 31)
    let x = random(rows * stride, -2, 3, &generator), weight = random(columns, 0.5, 1.5, &generator)
    let dy = random(rows * columns, -1, 1, &generator)
    var inverse = [Float](repeating: .nan, count: rows), y = [Float](repeating: .nan, count: dy.count)
    norm.forward(x: x, xStride: stride, weight: weight, inverse: &inverse, y: &y)
    let expected = norm.referenceForward(x: x, xStride: stride, weight: weight)
    #expect(relativeDifference(inverse, expected.inverse) < 2e-6)
    #expect(relativeDifference(y, expected.y) < 2e-6)

    let before: Float = accumulation == .add ? 0.5 : 7
    var dx = [Float](repeating: before, count: x.count), dWeight = [Float](repeating: 1, count: columns)
    norm.backward(
      x: x, xStride: stride, weight: weight, inverse: inverse, dy: dy, dx: &dx, dxStride: stride, accumulation,
      dWeight: &dWeight)
    let gradient = norm.referenceBackward(x: x, xStride: stride, weight: weight, dy: dy)
    let added = accumulation == .add ? 0.5 : 0.0
    #expect(relativeDifference(dense(dx, rows, columns, stride), gradient.dx.map { $0 + added }) < 5e-6)
    #expect(betweenRows(dx, columns, stride).allSatisfy { $0 == before })
    #expect(relativeDifference(dWeight, gradient.dWeight.map { $0 + 1 }) < 5e-6)
  }

  /// rows, columns, groups, distance between rows of y and of z.
  @Test(
    arguments: [[5, 32, 1, 32, 32], [7, 128, 2, 128, 301], [3, 39, 3, 50, 41], [4, 6, 2, 6, 7], [4, 45, 5, 45, 45]],
    [Accumulation.overwrite, .add])
  func gatedRMSNorm(_ size: [Int], _ accumulation: Accumulation) {
    let (rows, columns, yStride, zStride) = (size[0], size[1], size[3], size[4])
    let norm = GatedRMSNorm(rows: rows, columns: columns, groups: size[2])
    var generator = SplitMix64(seed: 32)
    let y = random(rows * yStride, -2, 2, &generator), z = random(rows * zStride, -3, 3, &generator)
    let weight = random(columns, 0.5, 1.5, &generator), dOut = random(rows * columns, -1, 1, &generator)
    var inverse = [Float](repeating: .nan, count: rows * size[2]), out = [Float](repeating: .nan, count: dOut.count)
    norm.forward(y: y, yStride: yStride, z: z, zStride: zStride, weight: weight, inverse: &inverse, out: &out)
    let expected = norm.referenceForward(y: y, yStride: yStride, z: z, zStride: zStride, weight: weight)
    #expect(relativeDifference(inverse, expected.inverse) < 2e-6)
    #expect(relativeDifference(out, expected.out) < 3e-6)

    let before: Float = accumulation == .add ? 0.5 : 7
    var dy = [Float](repeating: before, count: y.count), dz = [Float](repeating: before, count: z.count)
    var dWeight = [Float](repeating: 1, count: columns), scratch = [Float](repeating: .nan, count: columns / size[2])
    norm.backward(
      y: y, yStride: yStride, z: z, zStride: zStride, weight: weight, inverse: inverse, dOut: dOut, dy: &dy, dyStride: yStride,
      accumulation, dz: &dz, dzStride: zStride, accumulation, dWeight: &dWeight, scratch: &scratch)
    let gradient = norm.referenceBackward(y: y, yStride: yStride, z: z, zStride: zStride, weight: weight, dOut: dOut)
    let added = accumulation == .add ? 0.5 : 0.0
    #expect(relativeDifference(dense(dy, rows, columns, yStride), gradient.dy.map { $0 + added }) < 5e-6)
    #expect(relativeDifference(dense(dz, rows, columns, zStride), gradient.dz.map { $0 + added }) < 5e-6)
    #expect((betweenRows(dy, columns, yStride) + betweenRows(dz, columns, zStride)).allSatisfy { $0 == before })
    #expect(relativeDifference(dWeight, gradient.dWeight.map { $0 + 1 }) < 5e-6)
  }

  private func dense(_ x: [Float], _ rows: Int, _ columns: Int, _ stride: Int) -> [Float] {
    (0..<rows * columns).map { x[$0 / columns * stride + $0 % columns] }
  }
  private func betweenRows(_ x: [Float], _ columns: Int, _ stride: Int) -> [Float] {
    x.indices.filter { $0 % stride >= columns }.map { x[$0] }
  }
}
