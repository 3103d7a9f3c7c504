/// y = x / rms(x) · w (`RMSNormKernel` has the mathematics).
import Kernels

struct RMSNormOperation: Operation {
  let norm: RMSNormKernel
  let x, weight, y: Tensor
  let inverse: UnsafeMutablePointer<Float>

  func pullback(_ tape: Tape) {
    guard let dy = y.gradient else { return }
    let (dx, accumulation) = x.gradientToWrite(orScratchOn: tape)
    norm.backward(
      x: x.values, xStride: x.stride, weight: weight.values, inverse: inverse, dy: dy, dx: dx, dxStride: x.stride, accumulation,
      dWeight: weight.gradient(orScratchOn: tape))
  }
}

extension Tape {
  /// x [rows, columns]; weight [1, columns] → [rows, columns], dense.
  public func rmsNorm(_ x: Tensor, _ weight: Tensor) -> Tensor {
    precondition(
      weight.columns == x.columns && weight.rows == 1,
      "rmsNorm: x is [\(x.rows), \(x.columns)], weight [\(weight.rows), \(weight.columns)]")
    let norm = RMSNormKernel(rows: x.rows, columns: x.columns)
    let y = tensor(rows: x.rows, columns: x.columns)
    let inverse = isRecording ? floats(x.rows) : nil
    norm.forward(x: x.values, xStride: x.stride, weight: weight.values, inverse: inverse, y: y.values)
    if let inverse { record(RMSNormOperation(norm: norm, x: x, weight: weight, y: y, inverse: inverse)) }
    return y
  }
}
