/// y = f(layerNorm(x + r)·γ + β), with or without r (`AddLayerNorm` has the mathematics).
import Kernels

struct AddLayerNormOperation: Operation {
  let norm: AddLayerNorm
  let x: Tensor
  let r: Tensor?
  let gain, bias, y: Tensor
  let activation: Activation
  let normalised, inverseDeviation: UnsafeMutablePointer<Float>

  func pullback(_ tape: Tape) {
    guard let dy = y.gradient else { return }
    activation.backward(rows: y.rows, columns: y.columns, y: y.values, dy: dy, dBias: nil)
    let (dx, dxAccumulation) = x.gradientToWrite(orScratchOn: tape)
    let dr = r?.gradientToWrite()
    norm.backward(
      normalised: normalised, inverseDeviation: inverseDeviation, gain: gain.values, dy: dy, dx: dx, dxStride: x.stride,
      dxAccumulation, dr: dr?.0, dr?.1 ?? .overwrite, dGain: gain.gradient(orScratchOn: tape),
      dBias: bias.gradient(orScratchOn: tape))
  }
}

extension Tape {
  /// x [rows, columns]; r the same, dense; gain and bias [1, columns].
  public func addLayerNorm(
    _ x: Tensor, _ r: Tensor? = nil, gain: Tensor, bias: Tensor, activation: Activation = .none
  ) -> Tensor {
    precondition(
      (r.map { $0.isDense && x.rows == $0.rows && x.columns == $0.columns } ?? true) && gain.columns == x.columns,
      "addLayerNorm: [\(x.rows), \(x.columns)] + [\(r?.rows ?? 0), \(r?.columns ?? 0)], gain of \(gain.columns)")
    let norm = AddLayerNorm(rows: x.rows, columns: x.columns)
    let y = tensor(rows: x.rows, columns: x.columns)
    let normalised = isRecording ? floats(x.rows * x.columns) : y.values
    let inverseDeviation = isRecording ? floats(x.rows) : nil
    norm.forward(
      x: x.values, xStride: x.stride, r: r?.values, gain: gain.values, bias: bias.values, normalised: normalised,
      inverseDeviation: inverseDeviation, y: y.values)
    activation.forward(rows: y.rows, columns: y.columns, bias: nil, y: y.values)
    if let inverseDeviation {
      record(
        AddLayerNormOperation(
          norm: norm, x: x, r: r, gain: gain, bias: bias, y: y, activation: activation, normalised: normalised,
          inverseDeviation: inverseDeviation))
    }
    return y
  }
}
