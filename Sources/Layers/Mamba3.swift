/// A Mamba-3 block (Lahoti et al., "Mamba-3"; mamba-ssm's `Mamba3` module: names, shapes), SISO or MIMO:
///
///     projection = in_proj(u)     y = core(projection)     output = out_proj(y)
///
/// `Mamba3Core` has the equations between the projections. No convolution; the state of a row is the rotation's `angle`
/// [heads, angles], `ssm` [heads, headSize, states], and `k` [ranks, heads, states] and `v` [heads, headSize] of the position
/// before.
import Autograd
import Foundation
import Kernels
import Randomness

public struct Mamba3: SequenceLayer {
  public let inputSize: Int
  public var outputSize: Int { inputSize }
  public let core: Mamba3Core
  public let stateLayout: StateLayout
  public let inProjection, outProjection: Linear
  public let parameters: Mamba3Parameters<Parameter>

  /// What mamba-ssm calls expand, headdim (default: 64, or the inner size where that is less), ngroups, rank (0 is SISO),
  /// rope_fraction and is_outproj_norm.
  ///
  /// Initialised as there: biases of B and C, norms and D are 1, dt_bias is the inverse softplus of a step drawn
  /// log-uniformly from [0.001, 0.1]; mimo_x and mimo_o are 1 / rank and mimo_z 1, so that the ranks begin as one average.
  ///
  /// `start` `.slow` is ours: with it in_proj has a bias.
  public init(
    modelSize: Int, stateSize: Int, expansion: Int = 2, headSize: Int? = nil, groups: Int = 1, rank: Int = 0,
    ropeFraction: Double = 0.5, isNormed: Bool = false,
    start: Start = .reference, _ generator: inout SplitMix64
  ) {
    let inner = expansion * modelSize, headSize = headSize ?? min(64, inner)
    precondition(inner % headSize == 0, "Mamba3: \(inner) channels do not divide into heads of \(headSize)")
    let heads = inner / headSize, ranks = max(rank, 1), angles = Self.angles(stateSize, ropeFraction)
    core = Mamba3Core(
      heads: heads, headSize: headSize, states: stateSize, groups: groups, rank: rank, angles: angles, isNormed: isNormed)
    inputSize = modelSize
    stateLayout = Self.stateLayout(
      innerSize: inner, stateSize: stateSize, headSize: headSize, ranks: ranks, ropeFraction: ropeFraction)
    let isSlow = if case .slow = start { true } else { false }
    inProjection = Linear(modelSize, core.projectionSize, bias: isSlow, &generator)
    outProjection = Linear(inner, modelSize, bias: false, &generator)
    func filled(_ shape: [Int], _ value: Float) -> Parameter { Parameter(shape: shape) { _ in value } }
    let mimoShape = [heads, ranks, headSize], part = 1 / Float(ranks), isMIMO = rank > 0
    parameters = Mamba3Parameters(
      stepBias: Parameter(shape: [heads]) { _ in
        let (low, high) = isSlow ? (0.1, 1) : (1e-3, 1e-1)
        let step = max(exp(generator.uniform(log(low), log(high))), 1e-4)
        return Float(step + log(-expm1(-step)))
      },
      bBias: filled([heads, ranks, stateSize], 1),
      cBias: isSlow
        ? Parameter(shape: [heads, ranks, stateSize]) { _ in Float(generator.uniform(-1, 1)) }
        : filled([heads, ranks, stateSize], 1),
      bNorm: filled([stateSize], 1),
      cNorm: filled([stateSize], 1), skip: filled([heads], 1), norm: isNormed ? filled([inner], 1) : nil,
      mimoX: isMIMO ? filled(mimoShape, part) : nil, mimoZ: isMIMO ? filled(mimoShape, 1) : nil,
      mimoO: isMIMO ? filled(mimoShape, part) : nil)
    if case .slow(let steps) = start { startSlowly(steps) }
  }

  /// Of a head: mamba-ssm rounds the turning states down to an even number.
  private static func angles(_ states: Int, _ ropeFraction: Double) -> Int { Int(Double(states) * ropeFraction) / 2 }

  /// `stateLayout` before a block is made; `ranks` is 1 of SISO.
  public static func stateLayout(
    innerSize: Int, stateSize: Int, headSize: Int, ranks: Int = 1, ropeFraction: Double
  ) -> StateLayout {
    let heads = innerSize / headSize
    return StateLayout([
      .init("angle", [heads, angles(stateSize, ropeFraction)]), .init("ssm", [heads, headSize, stateSize]),
      .init("k", [ranks, heads, stateSize]), .init("v", [heads, headSize]),
    ])
  }

  public enum Start: Sendable {
    /// As mamba-ssm initialises.
    case reference
    /// For tasks that ask what was k steps ago: states that decay by a few percent a step at most and turn by the position's
    /// number, not by its content, at frequencies spread over 0 … π; C differs from state to state. With the reference's start
    /// a state that turns fast enough to tell neighbours apart has decayed before it is asked (a turn is at most πΔ, a decay at
    /// least exp(−Δ)); a bias on in_proj, which the reference does not have, parts the two.
    case slow(decaySteps: Int = 100)
  }

  /// A ≈ −1/(1 + decaySteps), frequencies tanh(ω) = 1/(S + 1) … S/(S + 1), and content that moves Δ, A, λ and θ by a hundredth only.
  private func startSlowly(_ decaySteps: Int) {
    guard let bias = inProjection.bias else { return }
    let (heads, angles, total) = (core.heads, core.angles, core.projectionSize)
    for i in 0..<total { bias.values[i] = 0 }
    for head in 0..<heads { bias.values[total - angles - 2 * heads + head] = -Float(decaySteps) }
    for angle in 0..<angles { bias.values[total - angles + angle] = atanhf(Float(angle + 1) / Float(angles + 1)) }
    for i in (total - angles - 3 * heads) * inputSize..<total * inputSize { inProjection.weight.values[i] *= 0.01 }
  }
  /// Of MIMO, the state takes and gives a product a rank.
  public var workPerPosition: Int {
    inProjection.work + outProjection.work + 4 * core.ranks * core.heads * core.headSize * core.states
  }

  public func callAsFunction(
    _ x: Tensor, _ shape: SequenceShape, from state: Tensor?, reading: Positions, on tape: Tape
  ) -> (output: Tensor, state: Tensor?) {
    checkInput(x, shape, state)
    let projection = inProjection(x, packs: true, alignsRows: true, on: tape)  // [batch × time, projectionSize]
    let (y, final) = tape.mamba3(
      projection, shape, from: state, parameters: parameters.map { $0.tensor(on: tape) }, core: core)
    return (outProjection(reading == .all ? y : y.lastPosition(time: shape.time), packs: true, on: tape), final)
  }

  public func makeStepper() -> any SequenceStepper { Mamba3Stepper(self) }

  public func forEachParameter(_ body: (String, Parameter) -> Void) {
    body("dt_bias", parameters.stepBias)
    body("B_bias", parameters.bBias)
    body("C_bias", parameters.cBias)
    if let mimoX = parameters.mimoX { body("mimo_x", mimoX) }
    if let mimoZ = parameters.mimoZ { body("mimo_z", mimoZ) }
    if let mimoO = parameters.mimoO { body("mimo_o", mimoO) }
    body("D", parameters.skip)
    forward("in_proj", inProjection, body)
    body("B_norm.weight", parameters.bNorm)
    body("C_norm.weight", parameters.cNorm)
    if let norm = parameters.norm { body("norm.weight", norm) }
    forward("out_proj", outProjection, body)
  }
}
