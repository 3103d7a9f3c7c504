/// Sums of arrays.
public enum Elementwise {
  /// y = a + b, [count] each.
  @inline(never) public static func sum(
    _ count: Int, _ a: UnsafePointer<Float>, _ b: UnsafePointer<Float>, into y: UnsafeMutablePointer<Float>
  ) {
    forEachVector(count) { i, active in store(y + i, load(a + i, active) + load(b + i, active), active) }
  }
}
