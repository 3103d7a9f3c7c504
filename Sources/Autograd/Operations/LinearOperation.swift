/// y = f(x Wᵀ + b): one product, then bias and activation in one pass; of few inputs, all in one.
import Kernels

struct LinearOperation: Operation {
  let x, weight, bias, y: Tensor
  let hasBias: Bool
  let activation: Activation
  let packs: Bool

  func pullback(_ tape: Tape) {
    guard let dy = y.gradient else { return }
    activation.backward(
      rows: y.rows, columns: y.columns, stride: y.stride, y: y.values, dy: dy, dBias: hasBias ? bias.gradient : nil)
    if let dWeight = weight.gradient {
      let product = TransposedProduct(rows: y.rows, aColumns: weight.rows, bColumns: weight.columns)
      if packs && product.isFast {
        product.add(
          a: dy, aStride: y.stride, b: x.values, bStride: x.stride, to: dWeight, cStride: weight.stride,
          scratch: tape.floats(product.scratchCount))
      } else {
        GEMM.transposedTimes(
          m: weight.rows, n: weight.columns, k: y.rows, a: dy, aStride: y.stride, b: x.values, bStride: x.stride,
          c: dWeight, cStride: weight.stride, .add)
      }
    }
    if let (dx, accumulation) = x.gradientToWrite() {
      let product = PackedProduct(inputs: y.columns, outputs: x.columns)
      if packs && product.isFast && weight.isDense {
        let packed = tape.floats(product.packedCount)
        product.pack(weight.values, into: packed)
        product.apply(
          rows: x.rows, a: dy, aStride: y.stride, packed: packed, start: accumulation == .add ? dx : nil, startStride: x.stride,
          c: dx, cStride: x.stride)
      } else {
        GEMM.times(
          m: x.rows, n: x.columns, k: y.columns, a: dy, aStride: y.stride, b: weight.values, bStride: weight.stride,
          c: dx, cStride: x.stride, accumulation)
      }
    }
  }
}

extension Tape {
  /// x [rows, in], weight [out, in], bias [1, out] → [rows, out].
  ///
  /// `packs` takes our own product where it is faster than CBLAS's. The published networks do without: their bits are CBLAS's.
  /// `alignsRows` lets every row of the result begin at a cache line, which makes a wide product up to a tenth faster: its stride
  /// is then a multiple of sixteen floats.
  public func linear(
    _ x: Tensor, weight: Tensor, bias: Tensor? = nil, activation: Activation = .none, packs: Bool = false,
    alignsRows: Bool = false
  ) -> Tensor {
    precondition(
      x.columns == weight.columns, "linear: x is [\(x.rows), \(x.columns)], weight [\(weight.rows), \(weight.columns)]")
    let isNarrow = x.columns <= NarrowProduct.mostInputs && weight.isDense
    let y = tensor(
      rows: x.rows, columns: weight.rows, stride: alignsRows && !isNarrow ? (weight.rows + 15) & ~15 : weight.rows)
    if isNarrow {
      NarrowProduct.forward(
        rows: x.rows, inputs: x.columns, outputs: weight.rows, x: x.values, xStride: x.stride, weight: weight.values,
        bias: bias?.values, activation: activation, y: y.values, scratch: floats(weight.rows * weight.columns))
    } else {
      if packs {
        project(x, weight, bias: nil, into: y.values, stride: y.stride)
      } else {
        GEMM.timesTransposed(
          m: x.rows, n: weight.rows, k: x.columns, a: x.values, aStride: x.stride, b: weight.values, bStride: weight.stride,
          c: y.values, cStride: y.stride, .overwrite)
      }
      activation.forward(rows: y.rows, columns: y.columns, stride: y.stride, bias: bias?.values, y: y.values)
    }
    record(
      LinearOperation(
        x: x, weight: weight, bias: bias ?? weight, y: y, hasBias: bias != nil, activation: activation, packs: packs))
    return y
  }

  /// y = x Wᵀ + bias, rows `stride` apart (nil: dense), by our own product where it is faster than CBLAS's; not recorded. Our
  /// sums begin with the bias; CBLAS's end with it.
  public func project(
    _ x: Tensor, _ weight: Tensor, bias: UnsafePointer<Float>?, into y: UnsafeMutablePointer<Float>, stride: Int? = nil
  ) {
    let stride = stride ?? weight.rows
    let product = PackedProduct(inputs: x.columns, outputs: weight.rows)
    if product.isFast && weight.isDense {
      let packed = floats(product.packedCount)
      product.pack(transposed: weight.values, into: packed)
      product.apply(
        rows: x.rows, a: x.values, aStride: x.stride, packed: packed, start: bias, startStride: 0, c: y,
        cStride: stride)
    } else {
      GEMM.timesTransposed(
        m: x.rows, n: weight.rows, k: x.columns, a: x.values, aStride: x.stride, b: weight.values, bStride: weight.stride,
        c: y, cStride: stride, .overwrite)
      Activation.none.forward(rows: x.rows, columns: weight.rows, stride: stride, bias: bias, y: y)
    }
  }
}
