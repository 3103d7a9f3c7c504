/// Bias and activation of a linear layer in one pass over its output, and their gradients in one pass.

public enum Activation: BitwiseCopyable, Sendable {
  case none, relu, softplus
}

/// An activation of a vector, and its gradient from its output. Types and not closures: a loop is compiled for each by
/// itself, where a closure would be called for every vector.
protocol Nonlinearity {
  static var changesGradient: Bool { get }
  static func of(_ x: Vector) -> Vector
  static func gradient(y: Vector, _ dy: Vector) -> Vector
}
enum Identity: Nonlinearity {
  static var changesGradient: Bool { false }
  @inline(__always) static func of(_ x: Vector) -> Vector { x }
  @inline(__always) static func gradient(y: Vector, _ dy: Vector) -> Vector { dy }
}
enum Rectifier: Nonlinearity {
  static var changesGradient: Bool { true }
  @inline(__always) static func of(_ x: Vector) -> Vector { larger(x, .zero) }
  @inline(__always) static func gradient(y: Vector, _ dy: Vector) -> Vector {
    Vector.zero.replacing(with: dy, where: y .> .zero)
  }
}
/// σ(x) = 1 − e^−softplus(x).
enum Softplus: Nonlinearity {
  static var changesGradient: Bool { true }
  @inline(__always) static func of(_ x: Vector) -> Vector { softplus(x) }
  @inline(__always) static func gradient(y: Vector, _ dy: Vector) -> Vector { dy * (splat(1) - exp2(y * splat(-log2e))) }
}

extension Activation {
  /// In place: y[r, j] = f(y[r, j] + bias[j]). `y` is [rows, columns], rows `stride` apart (nil: dense).
  @inline(never) public func forward(
    rows: Int, columns: Int, stride: Int? = nil, bias: UnsafePointer<Float>?, y: UnsafeMutablePointer<Float>
  ) {
    let stride = stride ?? columns
    switch self {
    case .none: if bias != nil { apply(Identity.self, rows, columns, stride, bias, y) }
    case .relu: apply(Rectifier.self, rows, columns, stride, bias, y)
    case .softplus: apply(Softplus.self, rows, columns, stride, bias, y)
    }
  }

  /// In place: dy becomes the gradient before the activation; dBias[j] += Σ_r of it.
  /// Needs the activation's output `y` only. Both are laid out as in `forward`.
  @inline(never) public func backward(
    rows: Int, columns: Int, stride: Int? = nil, y: UnsafePointer<Float>, dy: UnsafeMutablePointer<Float>,
    dBias: UnsafeMutablePointer<Float>?
  ) {
    let stride = stride ?? columns
    switch self {
    case .none: if dBias != nil { pull(Identity.self, rows, columns, stride, y, dy, dBias) }
    case .relu: pull(Rectifier.self, rows, columns, stride, y, dy, dBias)
    case .softplus: pull(Softplus.self, rows, columns, stride, y, dy, dBias)
    }
  }

  @inline(__always) private func apply<F: Nonlinearity>(
    _: F.Type, _ rows: Int, _ columns: Int, _ stride: Int, _ bias: Input?, _ y: Output
  ) {
    var r = 0
    while r < rows {
      let row = y + r &* stride
      forEachVector(columns) { j, active in
        let shift = bias.map { load($0 + j, active) } ?? .zero
        store(row + j, F.of(load(row + j, active) + shift), active)
      }
      r &+= 1
    }
  }

  /// Blocks of columns outermost, so that the bias gradient stays in a register.
  @inline(__always) private func pull<F: Nonlinearity>(
    _: F.Type, _ rows: Int, _ columns: Int, _ stride: Int, _ y: Input, _ dy: Output, _ dBias: Output?
  ) {
    var r = 0
    while r < rows {
      let block = min(16, rows &- r)
      forEachVector(columns) { j, active in
        var total = Vector.zero
        var i = r
        while i < r &+ block {
          let p = i &* stride &+ j
          let d = F.gradient(y: load(y + p, active), load(dy + p, active))
          if F.changesGradient { store(dy + p, d, active) }
          total += d
          i &+= 1
        }
        if let dBias { store(dBias + j, load(dBias + j, active) + total, active) }
      }
      r &+= block
    }
  }
}
