/// A Mamba-1 block (Gu & Dao 2023, section 3.4; mamba-ssm's `Mamba` module: names, shapes, initialisation), of which only
/// the last position's output is computed: z, gate, C and out_proj are needed there alone. Exact, not an approximation.
///
///     x = in_proj(h)[:E]   u = silu(conv1d(x))   Δ, B, C = x_proj(u)   Δ = softplus(dt_proj(Δ))
///     y = scan(u, Δ, A, B, C) + D u              out = out_proj(y · silu(z)),   z = in_proj(h)[E:]
import Autograd
import Foundation
import Kernels
import Randomness

public struct Mamba1Block: Layer {
  public let modelSize, innerSize, stateSize, convolutionWidth, rank: Int
  public let aLog, skip: Parameter
  public let inProjection: Linear
  public let convolutionWeight, convolutionBias: Parameter
  public let xProjection, dtProjection, outProjection: Linear

  public init(
    modelSize: Int, stateSize: Int, convolutionWidth: Int = 4, expansion: Int = 2, _ generator: inout SplitMix64
  ) {
    let inner = expansion * modelSize
    let rank = (modelSize + 15) / 16
    (self.modelSize, innerSize, self.stateSize, self.convolutionWidth, self.rank) =
      (modelSize, inner, stateSize, convolutionWidth, rank)
    aLog = Parameter(shape: [inner, stateSize]) { Float(log(Double($0 % stateSize + 1))) }
    skip = Parameter(shape: [inner]) { _ in 1 }
    inProjection = Linear(modelSize, 2 * inner, bias: false, &generator)
    convolutionWeight = Parameter(shape: [inner, 1, convolutionWidth], uniformOver: convolutionWidth, &generator)
    convolutionBias = Parameter(shape: [inner], uniformOver: convolutionWidth, &generator)
    xProjection = Linear(inner, rank + 2 * stateSize, bias: false, &generator)
    dtProjection = Linear(rank, inner, &generator)
    outProjection = Linear(inner, modelSize, bias: false, &generator)
    // mamba-ssm: dt_proj's bias is the inverse softplus of a step drawn log-uniformly from [0.001, 0.1]
    for i in 0..<inner {
      let step = max(exp(generator.uniform(log(1e-3), log(1e-1))), 1e-4)
      dtProjection.bias?.values[i] = Float(step + log(-expm1(-step)))
    }
  }

  /// features [batch × time, modelSize] → the last position's output [batch, modelSize]. A `readout` of that output (its
  /// direction [batch, modelSize]) lets the scan prepare its gradients on the way.
  public func callAsFunction(_ features: Tensor, time: Int, readout: LinearReadout? = nil, on tape: Tape) -> Tensor {
    let inWeight = inProjection.weight.tensor(on: tape), xWeight = xProjection.weight.tensor(on: tape)
    let x = tape.linear(features, weight: inWeight.rows(0..<innerSize))
    let z = tape.linear(features.lastPosition(time: time), weight: inWeight.rows(innerSize..<2 * innerSize))
    let u = tape.causalConvSiLU(x, weight: convolutionWeight.tensor(on: tape), bias: convolutionBias.tensor(on: tape), time: time)
    let stepAndB = tape.linear(u, weight: xWeight.rows(0..<rank + stateSize))
    let c = tape.linear(u.lastPosition(time: time), weight: xWeight.rows(rank + stateSize..<rank + 2 * stateSize))
    let delta = dtProjection(stepAndB.columns(0..<rank), activation: .softplus, on: tape)
    let y = tape.lastStateScan(
      u: u, delta: delta, aLog: aLog.tensor(on: tape), b: stepAndB.columns(rank..<rank + stateSize), c: c,
      skip: skip.tensor(on: tape),
      time: time, readout: tape.isRecording ? readout.map { scanReadout($0, z, on: tape) } : nil)
    return outProjection(tape.siluGate(y, z), on: tape)
  }

  /// A readout of the block's output as one of the scan's: direction · out_proj.weight, gated by silu(z).
  private func scanReadout(_ readout: LinearReadout, _ z: Tensor, on tape: Tape) -> LinearReadout {
    let count = readout.rows * innerSize
    let ungated = tape.floats(count), direction = tape.floats(count)
    GEMM.times(
      m: readout.rows, n: innerSize, k: modelSize, a: readout.direction, aStride: modelSize,
      b: outProjection.weight.pointer, bStride: innerSize, c: ungated, cStride: innerSize, .overwrite)
    SiLUGate.forward(count: count, y: ungated, z: z.values, g: direction)
    var result = readout
    result.direction = UnsafePointer(direction)
    return result
  }

  public func forEachParameter(_ body: (String, Parameter) -> Void) {
    body("A_log", aLog)
    body("D", skip)
    forward("in_proj", inProjection, body)
    body("conv1d.weight", convolutionWeight)
    body("conv1d.bias", convolutionBias)
    forward("x_proj", xProjection, body)
    forward("dt_proj", dtProjection, body)
    forward("out_proj", outProjection, body)
  }
}
