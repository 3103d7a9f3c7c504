/// y = layerNorm(x + r)·γ + β (`AddLayerNorm` has the mathematics).
import Kernels

struct AddLayerNormOperation: Operation {
  let norm: AddLayerNorm
  let x, r, gain, bias, y: Tensor
  let normalised, inverseDeviation: UnsafeMutablePointer<Float>

  func pullback(_ tape: Tape) {
    guard let dy = y.gradient else { return }
    let (dx, dxAccumulation) = x.gradientToWrite(orScratchOn: tape)
    let (dr, drAccumulation) = r.gradientToWrite(orScratchOn: tape)
    norm.backward(
      normalised: normalised, inverseDeviation: inverseDeviation, gain: gain.values, dy: dy, dx: dx, dxStride: x.stride,
      dxAccumulation, dr: dr, drAccumulation, dGain: gain.gradient(orScratchOn: tape),
      dBias: bias.gradient(orScratchOn: tape))
  }
}

extension Tape {
  /// x [rows, columns]; r the same, dense; gain and bias [1, columns].
  public func addLayerNorm(_ x: Tensor, _ r: Tensor, gain: Tensor, bias: Tensor) -> Tensor {
    precondition(
      r.isDense && x.rows == r.rows && x.columns == r.columns && gain.columns == x.columns,
      "addLayerNorm: [\(x.rows), \(x.columns)] + [\(r.rows), \(r.columns)], gain of \(gain.columns)")
    let norm = AddLayerNorm(rows: x.rows, columns: x.columns)
    let y = tensor(rows: x.rows, columns: x.columns)
    let normalised = isRecording ? floats(x.rows * x.columns) : y.values
    let inverseDeviation = isRecording ? floats(x.rows) : nil
    norm.forward(
      x: x.values, xStride: x.stride, r: r.values, gain: gain.values, bias: bias.values, normalised: normalised,
      inverseDeviation: inverseDeviation, y: y.values)
    if let inverseDeviation {
      record(
        AddLayerNormOperation(
          norm: norm, x: x, r: r, gain: gain, bias: bias, y: y, normalised: normalised, inverseDeviation: inverseDeviation))
    }
    return y
  }
}
