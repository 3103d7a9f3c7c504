/// A Mamba-2 block (Dao & Gu 2024, section 7; mamba-ssm's `Mamba2` module: names, shapes, initialisation).
///
///     z, xBC, δ = in_proj(u)                 [inner], [inner + 2 × groups × states], [heads]
///     x, B, C = silu(conv1d(xBC))            one filter a channel
///     y = SSD(x, softplus(δ + dt_bias), A, B, C) + D x        A = −exp(A_log), a number a head
///     out = out_proj(RMSNorm(y · silu(z)))   the mean over each group of inner / groups channels
import Autograd
import Foundation
import Kernels
import Randomness

public struct Mamba2: SequenceLayer {
  public let modelSize, innerSize, stateSize, headSize, groups, convolutionWidth: Int
  public let stepBias, aLog, skip: Parameter
  public let inProjection: Linear
  public let convolutionWeight: Parameter
  public let convolutionBias: Parameter?
  public let normWeight: Parameter
  public let outProjection: Linear

  /// `headSize` nil: 64, mamba-ssm's, or the largest divisor that it shares with the inner size.
  public init(
    modelSize: Int, stateSize: Int, headSize: Int? = nil, groups: Int = 1, convolutionWidth: Int = 4, expansion: Int = 2,
    hasConvolutionBias: Bool = true, hasProjectionBias: Bool = false, _ generator: inout SplitMix64
  ) {
    let inner = expansion * modelSize, headSize = headSize ?? Self.headSize(dividing: inner)
    precondition(
      headSize > 0 && inner % headSize == 0 && groups > 0 && inner / headSize % groups == 0,
      "Mamba2: \(inner) channels in heads of \(headSize), \(groups) groups")
    let heads = inner / headSize, channels = Self.channels(inner, groups, stateSize)
    (self.modelSize, innerSize, self.stateSize, self.headSize) = (modelSize, inner, stateSize, headSize)
    (self.groups, self.convolutionWidth) = (groups, convolutionWidth)
    inProjection = Linear(modelSize, inner + channels + heads, bias: hasProjectionBias, &generator)
    convolutionWeight = Parameter(shape: [channels, 1, convolutionWidth], uniformOver: convolutionWidth, &generator)
    convolutionBias = hasConvolutionBias ? Parameter(shape: [channels], uniformOver: convolutionWidth, &generator) : nil
    // The inverse softplus of a step drawn log-uniformly from [0.001, 0.1].
    stepBias = Parameter(shape: [heads]) { _ in
      let step = max(exp(generator.uniform(log(1e-3), log(1e-1))), 1e-4)
      return Float(step + log(-expm1(-step)))
    }
    aLog = Parameter(shape: [heads]) { _ in Float(log(generator.uniform(1, 16))) }
    skip = Parameter(shape: [heads]) { _ in 1 }
    normWeight = Parameter(shape: [inner]) { _ in 1 }
    outProjection = Linear(inner, modelSize, bias: hasProjectionBias, &generator)
  }

  private static func headSize(dividing inner: Int) -> Int {
    var (a, b) = (64, inner)
    while b != 0 { (a, b) = (b, a % b) }
    return a
  }

  public var inputSize: Int { modelSize }
  public var outputSize: Int { modelSize }
  public var heads: Int { innerSize / headSize }
  var channels: Int { Self.channels(innerSize, groups, stateSize) }
  /// Of the convolution: x, B and C.
  private static func channels(_ inner: Int, _ groups: Int, _ states: Int) -> Int { inner + 2 * groups * states }
  public var stateLayout: StateLayout {
    Self.stateLayout(
      innerSize: innerSize, stateSize: stateSize, headSize: headSize, groups: groups, convolutionWidth: convolutionWidth)
  }
  /// The same before a block is made.
  public static func stateLayout(
    innerSize: Int, stateSize: Int, headSize: Int, groups: Int = 1, convolutionWidth: Int
  ) -> StateLayout {
    StateLayout([
      .init("conv", [channels(innerSize, groups, stateSize), convolutionWidth]),
      .init("ssm", [innerSize / headSize, headSize, stateSize]),
    ])
  }
  public var workPerPosition: Int {
    inProjection.work + outProjection.work + 2 * convolutionWidth * channels + 4 * innerSize * stateSize
  }

  public func callAsFunction(
    _ x: Tensor, _ shape: SequenceShape, from state: Tensor?, reading: Positions, on tape: Tape
  ) -> (output: Tensor, state: Tensor?) {
    let layout = stateLayout, tail = 0..<channels * convolutionWidth, hidden = tail.upperBound..<layout.count
    checkInput(x, shape, state)
    let final = Tensor(data: tape.floats(shape.batch * layout.count), rows: shape.batch, columns: layout.count)
    let inner = innerSize, weight = inProjection.weight.tensor(on: tape), bias = inProjection.bias?.tensor(on: tape)
    func project(_ x: Tensor, _ outputs: Range<Int>) -> Tensor {
      tape.linear(x, weight: weight.rows(outputs), bias: bias?.columns(outputs), packs: true, alignsRows: true)
    }
    let z: Tensor, unconvolved: Tensor, step: Tensor
    switch reading {
    case .all:
      let rest: Tensor
      (z, rest) = tape.split(project(x, 0..<inner + channels + heads), at: inner)
      (unconvolved, step) = tape.split(rest, at: channels)
    case .last:  // the gate is needed there alone
      z = project(x.lastPosition(time: shape.time), 0..<inner)
      (unconvolved, step) = tape.split(project(x, inner..<inner + channels + heads), at: channels)
    }
    let (xbc, _) = tape.causalConvSiLU(  // [batch × time, channels]
      unconvolved, weight: convolutionWeight.tensor(on: tape), bias: convolutionBias?.tensor(on: tape), shape: shape,
      from: state?.columns(tail), to: final.columns(tail))
    let (y, _) = tape.stateSpaceDual(  // [batch × time, inner]
      xbc, step: step, stepBias: stepBias.tensor(on: tape), aLog: aLog.tensor(on: tape), skip: skip.tensor(on: tape),
      shape: shape, groups: groups, states: stateSize, from: state?.columns(hidden), to: final.columns(hidden))
    let normed = tape.gatedRMSNorm(
      reading == .all ? y : y.lastPosition(time: shape.time), gate: z, normWeight.tensor(on: tape), groups: groups)
    return (outProjection(normed, packs: true, on: tape), final)
  }

  public func forEachParameter(_ body: (String, Parameter) -> Void) {
    body("dt_bias", stepBias)
    body("A_log", aLog)
    body("D", skip)
    forward("in_proj", inProjection, body)
    body("conv1d.weight", convolutionWeight)
    if let convolutionBias { body("conv1d.bias", convolutionBias) }
    body("norm.weight", normWeight)
    forward("out_proj", outProjection, body)
  }
}
