/// The plain twin of `GatedRMSNorm`: the definition in nested loops, in Double.
import Foundation

extension GatedRMSNorm {
  /// y and z are [rows, stride], of which the first `columns` of a row are read.
  public func referenceForward(
    y: [Float], yStride: Int, z: [Float], zStride: Int, weight: [Float]
  ) -> (inverse: [Double], out: [Double]) {
    var inverses: [Double] = [], out: [Double] = []
    for row in 0..<rows {
      for group in 0..<groups {
        let columns = group * width..<(group + 1) * width
        let v = columns.map { j in
          let gate = Double(z[row * zStride + j])
          return Double(y[row * yStride + j]) * gate / (1 + Foundation.exp(-gate))
        }
        let inverse = 1 / (v.reduce(0) { $0 + $1 * $1 } / Double(width) + Double(RMSNormKernel.epsilon)).squareRoot()
        inverses.append(inverse)
        out += zip(v, columns).map { $0 * inverse * Double(weight[$1]) }
      }
    }
    return (inverses, out)
  }

  /// dy and dz are dense.
  public func referenceBackward(
    y: [Float], yStride: Int, z: [Float], zStride: Int, weight: [Float], dOut: [Float]
  ) -> (dy: [Double], dz: [Double], dWeight: [Double]) {
    let inverses = referenceForward(y: y, yStride: yStride, z: z, zStride: zStride, weight: weight).inverse
    var dy: [Double] = [], dz: [Double] = [], dWeight = [Double](repeating: 0, count: columns)
    for row in 0..<rows {
      for group in 0..<groups {
        let columns = group * width..<(group + 1) * width, inverse = inverses[row * groups + group]
        let value = columns.map { Double(y[row * yStride + $0]) }, gate = columns.map { Double(z[row * zStride + $0]) }
        let sigmoid = gate.map { 1 / (1 + Foundation.exp(-$0)) }
        let v = value.indices.map { value[$0] * gate[$0] * sigmoid[$0] }
        let d = columns.map { Double(dOut[row * self.columns + $0]) }
        let g = zip(d, columns).map { $0 * Double(weight[$1]) }
        let mean = zip(g, v).reduce(0) { $0 + $1.0 * $1.1 } / Double(width)
        for j in v.indices {
          let dv = inverse * (g[j] - v[j] * inverse * inverse * mean)
          dy.append(dv * gate[j] * sigmoid[j])
          dz.append(dv * value[j] * sigmoid[j] * (1 + gate[j] * (1 - sigmoid[j])))
          dWeight[columns.lowerBound + j] += d[j] * v[j] * inverse
        }
      }
    }
    return (dy, dz, dWeight)
  }
}
