/// Mamba-2's gate and the norm after it in one pass (mamba-ssm's `RMSNormGated`, norm_before_gate = False).
///
///     v = y · silu(z)     r = 1 / √(mean(v²) + ε)     out = v r · w      the mean over each group of columns / groups
///
/// y, z [rows, columns], rows `yStride` and `zStride` apart; out dense; w [columns]. r [rows, groups] is kept for the
/// gradient; v is computed again. The plain twin is in GatedRMSNorm+Reference.swift.
public struct GatedRMSNorm: BitwiseCopyable, Sendable {
  public let rows, columns, groups: Int
  var width: Int { columns / groups }

  public init(rows: Int, columns: Int, groups: Int) {
    precondition(groups > 0 && columns % groups == 0, "\(columns) columns in \(groups) groups")
    (self.rows, self.columns, self.groups) = (rows, columns, groups)
  }

  /// `inverse` (r) is nil where no gradient is wanted.
  @inline(never) public func forward(
    y: UnsafePointer<Float>, yStride: Int, z: UnsafePointer<Float>, zStride: Int, weight: UnsafePointer<Float>,
    inverse: UnsafeMutablePointer<Float>?, out: UnsafeMutablePointer<Float>
  ) {
    let width = self.width
    var row = 0
    while row < rows {
      var group = 0
      while group < groups {
        let first = group &* width
        let y = y + row &* yStride &+ first, z = z + row &* zStride &+ first, weight = weight + first
        let out = out + row &* columns &+ first
        prefetch(y + 2 &* yStride, width)
        prefetch(z + 2 &* zStride, width)
        var squares = Vector.zero
        forEachVector(width) { j, active in
          let gate = load(z + j, active)
          let v = load(y + j, active) * gate * sigmoid(gate)
          store(out + j, v, active)
          squares = fma(v, v, squares)
        }
        let r = inverseRoot(sum(squares), width)
        inverse?[row &* groups &+ group] = r
        forEachVector(width) { j, active in
          store(out + j, load(out + j, active) * splat(r) * load(weight + j, active), active)
        }
        group &+= 1
      }
      row &+= 1
    }
  }

  /// dw is added to; dy and dz as their accumulations say. `scratch` [columns / groups] holds σ(z) between the two passes.
  ///
  ///     g = w dout     dv = r (g − v r² mean(g v))     dy = dv silu(z)     dz = dv y σ(z)(1 + z(1 − σ(z)))
  @inline(never) public func backward(
    y: UnsafePointer<Float>, yStride: Int, z: UnsafePointer<Float>, zStride: Int, weight: UnsafePointer<Float>,
    inverse: UnsafePointer<Float>, dOut: UnsafePointer<Float>, dy: UnsafeMutablePointer<Float>, dyStride: Int,
    _ dyAccumulation: Accumulation, dz: UnsafeMutablePointer<Float>, dzStride: Int, _ dzAccumulation: Accumulation,
    dWeight: UnsafeMutablePointer<Float>, scratch: UnsafeMutablePointer<Float>
  ) {
    let width = self.width
    var row = 0
    while row < rows {
      var group = 0
      while group < groups {
        let first = group &* width, r = inverse[row &* groups &+ group]
        let y = y + row &* yStride &+ first, z = z + row &* zStride &+ first, weight = weight + first
        let dOut = dOut + row &* columns &+ first, dWeight = dWeight + first
        let dy = dy + row &* dyStride &+ first, dz = dz + row &* dzStride &+ first
        var projected = Vector.zero
        forEachVector(width) { j, active in
          let gate = load(z + j, active), s = sigmoid(gate), d = load(dOut + j, active)
          let v = load(y + j, active) * gate * s
          store(scratch + j, s, active)
          projected = fma(d * load(weight + j, active), v, projected)
          store(dWeight + j, fma(d, v * splat(r), load(dWeight + j, active)), active)
        }
        let slope = splat(-r * r * r * sum(projected) / Float(width))
        forEachVector(width) { j, active in
          let gate = load(z + j, active), s = load(scratch + j, active), value = load(y + j, active)
          let silu = gate * s
          let dv = fma(value * silu, slope, load(dOut + j, active) * load(weight + j, active) * splat(r))
          let dValue = dv * silu, dGate = dv * value * siluSlope(gate, sigmoid: s)
          store(dy + j, dyAccumulation == .add ? load(dy + j, active) + dValue : dValue, active)
          store(dz + j, dzAccumulation == .add ? load(dz + j, active) + dGate : dGate, active)
        }
        group &+= 1
      }
      row &+= 1
    }
  }
}
