/// Mamba's output gate, y · silu(z).
import Kernels

struct SiLUGateOperation: Operation {
  let y, z, g: Tensor

  func pullback(_ tape: Tape) {
    guard let dg = g.gradient else { return }
    SiLUGate.backward(
      count: g.rows * g.columns, y: y.values, z: z.values, dg: dg, dy: y.gradient(orScratchOn: tape),
      dz: z.gradient(orScratchOn: tape))
  }
}

extension Tape {
  /// y, z: the same shape, dense.
  public func siluGate(_ y: Tensor, _ z: Tensor) -> Tensor {
    precondition(y.isDense && z.isDense && y.rows == z.rows && y.columns == z.columns, "siluGate: shapes differ")
    let g = tensor(rows: y.rows, columns: y.columns)
    SiLUGate.forward(count: g.rows * g.columns, y: y.values, z: z.values, g: g.values)
    record(SiLUGateOperation(y: y, z: z, g: g))
    return g
  }
}
