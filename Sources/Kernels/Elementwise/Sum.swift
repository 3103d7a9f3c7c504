/// Sums of arrays.
public enum Elementwise {
  /// y = a + b, [count] each.
  @inline(never) public static func sum(
    _ count: Int, _ a: UnsafePointer<Float>, _ b: UnsafePointer<Float>, into y: UnsafeMutablePointer<Float>
  ) {
    forEachVector(count) { i, active in store(y + i, load(a + i, active) + load(b + i, active), active) }
  }

  /// y = p·a + q·b, [count] each. y may be a or b.
  @inline(never) public static func weightedSum(
    _ count: Int, _ a: UnsafePointer<Float>, _ p: Float, _ b: UnsafePointer<Float>, _ q: Float,
    into y: UnsafeMutablePointer<Float>
  ) {
    forEachVector(count) { i, active in
      store(y + i, fma(splat(q), load(b + i, active), splat(p) * load(a + i, active)), active)
    }
  }
}
