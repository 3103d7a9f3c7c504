/// Mamba-2's gate and the norm after it (`GatedRMSNorm` has the mathematics).
import Kernels

struct GatedRMSNormOperation: Operation {
  let norm: GatedRMSNorm
  let y, z, weight, out: Tensor
  let inverse, scratch: UnsafeMutablePointer<Float>

  func pullback(_ tape: Tape) {
    guard let dOut = out.gradient else { return }
    let (dy, dyAccumulation) = y.gradientToWrite(orScratchOn: tape), (dz, dzAccumulation) = z.gradientToWrite(orScratchOn: tape)
    norm.backward(
      y: y.values, yStride: y.stride, z: z.values, zStride: z.stride, weight: weight.values, inverse: inverse, dOut: dOut,
      dy: dy, dyStride: y.stride, dyAccumulation, dz: dz, dzStride: z.stride, dzAccumulation,
      dWeight: weight.gradient(orScratchOn: tape), scratch: scratch)
  }
}

extension Tape {
  /// RMSNorm of y · silu(z) over each group of columns / groups. y, z [rows, columns]; weight [1, columns] → [rows, columns],
  /// dense.
  public func gatedRMSNorm(_ y: Tensor, gate z: Tensor, _ weight: Tensor, groups: Int = 1) -> Tensor {
    precondition(
      z.rows == y.rows && z.columns == y.columns && weight.columns == y.columns && weight.rows == 1,
      "gatedRMSNorm: y is [\(y.rows), \(y.columns)], z [\(z.rows), \(z.columns)], weight [\(weight.rows), \(weight.columns)]")
    let norm = GatedRMSNorm(rows: y.rows, columns: y.columns, groups: groups)
    let out = tensor(rows: y.rows, columns: y.columns)
    let inverse = isRecording ? floats(y.rows * groups) : nil
    norm.forward(
      y: y.values, yStride: y.stride, z: z.values, zStride: z.stride, weight: weight.values, inverse: inverse, out: out.values)
    if let inverse {
      record(
        GatedRMSNormOperation(
          norm: norm, y: y, z: z, weight: weight, out: out, inverse: inverse, scratch: floats(y.columns / groups)))
    }
    return out
  }
}
