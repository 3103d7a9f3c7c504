/// AdamW (Loshchilov & Hutter 2019, Algorithm 2; the order of PyTorch's `torch.optim.AdamW`) and the global gradient norm,
/// each one pass over one contiguous block. `count` is a multiple of 8 (blocks are padded with zeros).
public enum AdamWKernel {
  /// What one step needs: bias corrections are already folded in.
  public struct Step {
    /// 1 − learningRate · weightDecay.
    public var shrink: Float
    public var beta1: Float
    public var beta2: Float
    /// 1 − β₁ and 1 − β₂, rounded after the subtraction: 1 − Float(0.999) is off by 1.3e-5 of itself.
    public var take1: Float
    public var take2: Float
    /// learningRate / (1 − β₁ᵗ).
    public var stepSize: Float
    /// 1 / √(1 − β₂ᵗ).
    public var secondMomentScale: Float
    public var epsilon: Float
    /// What the gradient is multiplied by: the clipping coefficient.
    public var gradientScale: Float
    public init(
      shrink: Float, beta1: Double, beta2: Double, stepSize: Float, secondMomentScale: Float,
      epsilon: Float, gradientScale: Float
    ) {
      (self.shrink, self.stepSize) = (shrink, stepSize)
      (self.beta1, self.beta2, take1, take2) = (Float(beta1), Float(beta2), Float(1 - beta1), Float(1 - beta2))
      (self.secondMomentScale, self.epsilon, self.gradientScale) = (secondMomentScale, epsilon, gradientScale)
    }
  }

  /// Σ g². Sixteen partial sums, so float32 keeps its precision.
  @inline(never) public static func squaredNorm(count: Int, gradient g: UnsafePointer<Float>) -> Float {
    var first = Vector.zero, second = Vector.zero
    var i = 0
    while i &+ 16 <= count {
      let a = load(g + i), b = load(g + i &+ 8)
      first = fma(a, a, first)
      second = fma(b, b, second)
      i &+= 16
    }
    if i < count {
      let a = load(g + i)
      first = fma(a, a, first)
    }
    return sum(first + second)
  }

  /// `largestSecondMoment` non-nil is amsgrad.
  @inline(never) public static func update(
    count: Int, _ step: Step, parameter w: UnsafeMutablePointer<Float>, gradient g: UnsafePointer<Float>,
    firstMoment m: UnsafeMutablePointer<Float>, secondMoment v: UnsafeMutablePointer<Float>,
    largestSecondMoment: UnsafeMutablePointer<Float>?
  ) {
    let keep1 = splat(step.beta1), take1 = splat(step.take1), keep2 = splat(step.beta2), take2 = splat(step.take2)
    var i = 0
    while i < count {
      let gradient = load(g + i) * splat(step.gradientScale)
      let first = fma(keep1, load(m + i), take1 * gradient)
      var second = fma(keep2, load(v + i), take2 * gradient * gradient)
      store(m + i, first)
      store(v + i, second)
      if let largestSecondMoment {
        second = larger(load(largestSecondMoment + i), second)
        store(largestSecondMoment + i, second)
      }
      let denominator = fma(squareRoot(second), splat(step.secondMomentScale), splat(step.epsilon))
      store(w + i, load(w + i) * splat(step.shrink) - splat(step.stepSize) * first / denominator)
      i &+= 8
    }
  }
}
