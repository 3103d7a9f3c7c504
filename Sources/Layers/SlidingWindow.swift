/// Acting: a layer's last output while its window slides on by one token, with the work on older tokens kept.

public protocol SlidingWindow: AnyObject {
  /// Forgets every token, and reads the parameters anew: call it after they have changed.
  func reset()
  /// `features` [modelSize] of the new token → the layer's output at it [modelSize], valid until the next call. Right once
  /// a whole window was pushed: then it equals the layer over that window to rounding. Allocates nothing.
  func push(_ features: UnsafePointer<Float>) -> UnsafeMutablePointer<Float>
}
