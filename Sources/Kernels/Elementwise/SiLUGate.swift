/// Mamba's output gate g = y · silu(z), silu(z) = z σ(z). All are [count].
public enum SiLUGate {
  @inline(never) public static func forward(
    count: Int, y: UnsafePointer<Float>, z: UnsafePointer<Float>, g: UnsafeMutablePointer<Float>
  ) {
    forEachVector(count) { i, active in
      let gate = load(z + i, active)
      store(g + i, load(y + i, active) * gate * sigmoid(gate), active)
    }
  }

  /// dy += dg · silu(z);  dz += dg · y · σ(z)(1 + z(1 − σ(z))).
  @inline(never) public static func backward(
    count: Int, y: UnsafePointer<Float>, z: UnsafePointer<Float>, dg: UnsafePointer<Float>,
    dy: UnsafeMutablePointer<Float>, dz: UnsafeMutablePointer<Float>
  ) {
    forEachVector(count) { i, active in
      let gate = load(z + i, active)
      let d = load(dg + i, active)
      let s = sigmoid(gate)
      store(dy + i, fma(d, gate * s, load(dy + i, active)), active)
      store(dz + i, fma(d * load(y + i, active), siluSlope(gate, sigmoid: s), load(dz + i, active)), active)
    }
  }
}
