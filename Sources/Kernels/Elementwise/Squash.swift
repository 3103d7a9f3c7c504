/// The two functions of every gated recurrence over arrays, in place.
public enum Squash {
  @inline(never) public static func sigmoid(_ count: Int, _ x: UnsafeMutablePointer<Float>) {
    forEachVector(count) { i, active in store(x + i, Kernels.sigmoid(load(x + i, active)), active) }
  }

  @inline(never) public static func tanh(_ count: Int, _ x: UnsafeMutablePointer<Float>) {
    forEachVector(count) { i, active in store(x + i, Kernels.tanh(load(x + i, active)), active) }
  }
}
