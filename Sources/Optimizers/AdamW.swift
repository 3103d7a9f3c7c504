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

  /// The block in order, and what each part's learning rate is a multiple by.
  private let parts: [(range: Range<Int>, multiple: Double)]

  /// - Parameter apart: parameters with a learning rate of their own: their places in the block, ascending, and its multiple
  ///   of the rest's.
  public init(_ block: ParameterBlock, _ settings: Settings, apart: (ranges: [Range<Int>], multiple: Double)? = nil) {
    self.settings = settings
    self.block = block
    var parts: [(range: Range<Int>, multiple: Double)] = [], end = 0
    for range in apart?.ranges ?? [] {
      parts += [(end..<range.lowerBound, 1), (range, apart?.multiple ?? 1)]
      end = range.upperBound
    }
    self.parts = parts + [(end..<block.values.count, 1)]
    firstMoment = Buffer(count: block.values.count)
    secondMoment = Buffer(count: block.values.count)
    largestSecondMoment = settings.amsgrad ? Buffer(count: block.values.count) : nil
  }

  /// Clips the `gradient` of the block, laid out as it is, to `maximumNorm` and takes one step with a `share` of the learning
  /// rate. Returns the norm before clipping; where that is not finite no parameter is touched.
  public func step(gradient: Buffer, maximumNorm: Double, share: Double = 1) -> Float {
    let count = block.values.count
    precondition(gradient.count == count, "\(gradient.count) gradients of \(count) parameters")
    let norm = AdamWKernel.squaredNorm(count: count, gradient: gradient.pointer).squareRoot()
    guard norm.isFinite else { return norm }
    steps += 1
    let scale = min(1, Float(maximumNorm) / (norm + 1e-6)), rate = settings.learningRate * share
    for part in parts { update(part.range, gradient, rate * part.multiple, scale) }
    return norm
  }

  private func update(_ range: Range<Int>, _ gradient: Buffer, _ rate: Double, _ scale: Float) {
    let start = range.lowerBound
    AdamWKernel.update(
      count: range.count,
      AdamWKernel.Step(
        shrink: Float(1 - rate * settings.weightDecay), beta1: settings.beta1,
        beta2: settings.beta2, stepSize: Float(rate / (1 - pow(settings.beta1, Double(steps)))),
        secondMomentScale: Float(1 / (1 - pow(settings.beta2, Double(steps))).squareRoot()),
        epsilon: Float(settings.epsilon), gradientScale: scale),
      parameter: block.values.pointer + start, gradient: gradient.pointer + start, firstMoment: firstMoment.pointer + start,
      secondMoment: secondMoment.pointer + start, largestSecondMoment: largestSecondMoment.map { $0.pointer + start })
  }
}
