/// AdamW with decoupled weight decay (Loshchilov & Hutter 2019), step for step as `torch.optim.AdamW`, after clipping the
/// global gradient norm as `torch.nn.utils.clip_grad_norm_`.
import Autograd
import Foundation
import Kernels
import Layers

public final class AdamW {
  public struct Settings: Sendable {
    public var learningRate: Double
    public var weightDecay = 0.01
    public var beta1 = 0.9
    public var beta2 = 0.999
    public var epsilon = 1e-8
    public var amsgrad = false
    public init(learningRate: Double, weightDecay: Double = 0.01, amsgrad: Bool = false) {
      (self.learningRate, self.weightDecay, self.amsgrad) = (learningRate, weightDecay, amsgrad)
    }
  }

  public let settings: Settings
  public let block: ParameterBlock
  /// Steps taken: PyTorch's t.
  public var steps = 0
  public let firstMoment: Buffer
  public let secondMoment: Buffer
  public let largestSecondMoment: Buffer?

  public init(_ block: ParameterBlock, _ settings: Settings) {
    self.settings = settings
    self.block = block
    firstMoment = Buffer(count: block.values.count)
    secondMoment = Buffer(count: block.values.count)
    largestSecondMoment = settings.amsgrad ? Buffer(count: block.values.count) : nil
  }

  /// Clips the `gradient` of the block, laid out as it is, to `maximumNorm` and takes one step. Returns the norm before clipping; where that is not
  /// finite no parameter is touched.
  public func step(gradient: Buffer, maximumNorm: Double) -> Float {
    precondition(gradient.count == block.values.count, "\(gradient.count) gradients of \(block.values.count) parameters")
    let norm = AdamWKernel.squaredNorm(count: gradient.count, gradient: gradient.pointer).squareRoot()
    guard norm.isFinite else { return norm }
    steps += 1
    let rate = settings.learningRate
    AdamWKernel.update(
      count: block.values.count,
      AdamWKernel.Step(
        shrink: Float(1 - rate * settings.weightDecay), beta1: settings.beta1,
        beta2: settings.beta2, stepSize: Float(rate / (1 - pow(settings.beta1, Double(steps)))),
        secondMomentScale: Float(1 / (1 - pow(settings.beta2, Double(steps))).squareRoot()),
        epsilon: Float(settings.epsilon), gradientScale: min(1, Float(maximumNorm) / (norm + 1e-6))),
      parameter: block.values.pointer, gradient: gradient.pointer, firstMoment: firstMoment.pointer,
      secondMoment: secondMoment.pointer, largestSecondMoment: largestSecondMoment?.pointer)
    return norm
  }
}
