/// Bias and activation of a linear layer in one pass over its output, and their gradients in one pass.

public enum Activation: BitwiseCopyable, Sendable {
  case none, relu, softplus
}

extension Activation {
  /// In place: y[r, j] = f(y[r, j] + bias[j]). `y` is [rows, columns], dense.
  @inline(never) public func forward(
    rows: Int, columns: Int, bias: UnsafePointer<Float>?, y: UnsafeMutablePointer<Float>
  ) {
    switch self {
    case .none:
      guard let bias else { return }
      apply(rows, columns, bias, y) { $0 }
    case .relu: apply(rows, columns, bias, y) { larger($0, .zero) }
    case .softplus: apply(rows, columns, bias, y) { Kernels.softplus($0) }
    }
  }

  /// In place: dy becomes the gradient before the activation; dBias[j] += Σ_r of it.
  /// Needs the activation's output `y` only: σ(x) = 1 − e^−softplus(x).
  @inline(never) public func backward(
    rows: Int, columns: Int, y: UnsafePointer<Float>, dy: UnsafeMutablePointer<Float>,
    dBias: UnsafeMutablePointer<Float>?
  ) {
    switch self {
    case .none:
      guard let dBias else { return }
      pull(rows, columns, y, dy, dBias, writes: false) { _, d in d }
    case .relu: pull(rows, columns, y, dy, dBias, writes: true) { y, d in Vector.zero.replacing(with: d, where: y .> .zero) }
    case .softplus: pull(rows, columns, y, dy, dBias, writes: true) { y, d in d * (splat(1) - exp2(y * splat(-log2e))) }
    }
  }

  @inline(__always) private func apply(
    _ rows: Int, _ columns: Int, _ bias: Input?, _ y: Output, _ f: (Vector) -> Vector
  ) {
    var r = 0
    while r < rows {
      let row = y + r &* columns
      forEachVector(columns) { j, active in
        let shift = bias.map { load($0 + j, active) } ?? .zero
        store(row + j, f(load(row + j, active) + shift), active)
      }
      r &+= 1
    }
  }

  /// Blocks of columns outermost, so that the bias gradient stays in a register.
  @inline(__always) private func pull(
    _ rows: Int, _ columns: Int, _ y: Input, _ dy: Output, _ dBias: Output?, writes: Bool,
    _ f: (Vector, Vector) -> Vector
  ) {
    var r = 0
    while r < rows {
      let block = min(16, rows &- r)
      forEachVector(columns) { j, active in
        var total = Vector.zero
        var i = r
        while i < r &+ block {
          let p = i &* columns &+ j
          let d = f(load(y + p, active), load(dy + p, active))
          if writes { store(dy + p, d, active) }
          total += d
          i &+= 1
        }
        if let dBias { store(dBias + j, load(dBias + j, active) + total, active) }
      }
      r &+= block
    }
  }
}
