/// A Mamba-1 block (Gu & Dao 2023, section 3.4; mamba-ssm's `Mamba` module: names, shapes, initialisation).
///
///     [x, z] = in_proj(input)   u = silu(conv1d(x))   Δ, B, C = x_proj(u)   Δ = softplus(dt_proj(Δ))
///     y = scan(u, Δ, A, B, C) + D u              out = out_proj(y · silu(z))
///
/// Symbols in the shapes below: rows = batch × time, E innerSize, N stateSize, R rank, K convolutionWidth.
/// Mamba1+LastPosition.swift has the closed form of a window's last output, Mamba1+Step.swift one position at a time.
import Autograd
import Foundation
import Kernels
import Randomness

public struct Mamba1: Layer {
  public let modelSize, innerSize, stateSize, convolutionWidth, rank: Int
  public let aLog, skip: Parameter
  public let inProjection: Linear
  public let convolutionWeight: Parameter
  public let convolutionBias: Parameter?
  public let xProjection, dtProjection, outProjection: Linear

  /// `rank`, of Δ's projection, is ⌈modelSize / 16⌉ where not given; `bias`: of in_proj and out_proj.
  public init(
    modelSize: Int, stateSize: Int, convolutionWidth: Int = 4, expansion: Int = 2, rank: Int? = nil, bias: Bool = false,
    convolutionBias hasConvolutionBias: Bool = true, _ generator: inout SplitMix64
  ) {
    let inner = expansion * modelSize
    let rank = rank ?? (modelSize + 15) / 16
    (self.modelSize, innerSize, self.stateSize, self.convolutionWidth, self.rank) =
      (modelSize, inner, stateSize, convolutionWidth, rank)
    aLog = Parameter(shape: [inner, stateSize]) { Float(log(Double($0 % stateSize + 1))) }
    skip = Parameter(shape: [inner]) { _ in 1 }
    inProjection = Linear(modelSize, 2 * inner, bias: bias, &generator)
    convolutionWeight = Parameter(shape: [inner, 1, convolutionWidth], uniformOver: convolutionWidth, &generator)
    convolutionBias =
      hasConvolutionBias ? Parameter(shape: [inner], uniformOver: convolutionWidth, &generator) : nil
    xProjection = Linear(inner, rank + 2 * stateSize, bias: false, &generator)
    dtProjection = Linear(rank, inner, &generator)
    outProjection = Linear(inner, modelSize, bias: bias, &generator)
    // mamba-ssm: dt_proj's bias is the inverse softplus of a step drawn log-uniformly from [0.001, 0.1]
    for i in 0..<inner {
      let step = max(exp(generator.uniform(log(1e-3), log(1e-1))), 1e-4)
      dtProjection.bias?.values[i] = Float(step + log(-expm1(-step)))
    }
  }

  /// The halves of in_proj, x and z, as two layers: two dense outputs, each of which its reader differentiates whole.
  func inner(_ features: Tensor, _ range: Range<Int>, packs: Bool = false, on tape: Tape) -> Tensor {
    tape.linear(
      features, weight: inProjection.weight.tensor(on: tape).rows(range),
      bias: inProjection.bias?.tensor(on: tape).columns(range), packs: packs)
  }

  public func forEachParameter(_ body: (String, Parameter) -> Void) {
    body("A_log", aLog)
    body("D", skip)
    forward("in_proj", inProjection, body)
    body("conv1d.weight", convolutionWeight)
    if let convolutionBias { body("conv1d.bias", convolutionBias) }
    forward("x_proj", xProjection, body)
    forward("dt_proj", dtProjection, body)
    forward("out_proj", outProjection, body)
  }
}

extension Mamba1: SequenceLayer {
  public var inputSize: Int { modelSize }
  public var outputSize: Int { modelSize }
  public var stateLayout: StateLayout {
    Self.stateLayout(innerSize: innerSize, stateSize: stateSize, convolutionWidth: convolutionWidth)
  }
  /// The same before a block is made.
  public static func stateLayout(innerSize: Int, stateSize: Int, convolutionWidth: Int) -> StateLayout {
    StateLayout([.init("conv", [innerSize, convolutionWidth]), .init("ssm", [innerSize, stateSize])])
  }
  /// Fourteen a state: an exponential, h and its part of y.
  public var workPerPosition: Int {
    inProjection.work + xProjection.work + dtProjection.work + outProjection.work + 2 * convolutionWidth * innerSize
      + 14 * innerSize * stateSize
  }

  /// The last position of sequences without episodes inside, from zero, is read by the closed form, which knows no state.
  public func callAsFunction(
    _ x: Tensor, _ shape: SequenceShape, from state: Tensor?, reading: Positions, on tape: Tape
  ) -> (output: Tensor, state: Tensor?) {
    checkInput(x, shape, state)
    if reading == .last && state == nil && shape.begins == nil { return (self(x, time: shape.time, on: tape), nil) }
    guard let dtBias = dtProjection.bias else { preconditionFailure("Mamba1: dt_proj without a bias") }
    let layout = stateLayout
    let tail = 0..<innerSize * convolutionWidth, ssm = tail.upperBound..<layout.count
    let final = Tensor(data: tape.floats(shape.batch * layout.count), rows: shape.batch, columns: layout.count)

    let input = inner(x, 0..<innerSize, packs: true, on: tape)  // [rows, E]
    let z = inner(x, innerSize..<2 * innerSize, packs: true, on: tape)  // [rows, E]
    let u = tape.causalConvSiLU(  // [rows, E]
      input, weight: convolutionWeight.tensor(on: tape), bias: convolutionBias?.tensor(on: tape), shape: shape,
      from: state?.columns(tail), to: final.columns(tail)
    ).y
    let selected = xProjection(u, packs: true, alignsRows: true, on: tape)  // [rows, R + 2N]
    let step = tape.linear(  // [rows, E]
      selected.columns(0..<rank), weight: dtProjection.weight.tensor(on: tape), packs: true)
    let gated = tape.selectiveScan(  // [rows, E]
      u: u, step: step, stepBias: dtBias.tensor(on: tape), aLog: aLog.tensor(on: tape),
      b: selected.columns(rank..<rank + stateSize), c: selected.columns(rank + stateSize..<rank + 2 * stateSize),
      skip: skip.tensor(on: tape), gate: z, shape: shape,
      from: state?.columns(ssm), to: final.columns(ssm)
    ).out
    let read = reading == .last ? gated.lastPosition(time: shape.time) : gated
    return (outProjection(read, packs: true, on: tape), final)
  }

  public func makeStepper() -> any SequenceStepper { Mamba1Stepper(self) }
}
