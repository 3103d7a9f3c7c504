/// What stands between Mamba-3's two projections (Lahoti et al., "Mamba-3"; mamba-ssm's `Mamba3` module): norms and biases of
/// B and C, a rotation that the data steer, a state space discretised by the trapezoidal rule, and the gate. SISO, or MIMO
/// of a rank R. For every position, head h of group g(h) = ⌊h / (H/G)⌋, with R = 1 in SISO,
///
///     [z, x, B, C, δ, a, τ, ω] = projection         E, E, R·G·N, R·G·N, H, H, H, S       (B, C indexed [r][g][n])
///     b̂[h,r] = RMSNorm(B[r,g(h)]; B_norm) + B_bias[h,r]              ĉ likewise
///     A = min(−(max(a, 0) + 1/(1 − min(a, 0))), −1e-4)     Δ = softplus(δ + dt_bias)     λ = σ(τ)
///     α = exp(A Δ)     β = (1−λ) Δ α     γ = λ Δ
///     θ_t[h,s] = θ_{t−1}[h,s] + π tanh(ω[s]) Δ[h]   modulo 2π
///     k[r,h] = Rot(θ[h]) b̂     q[r,h] = Rot(θ[h]) ĉ     v[r,h,p] = x[h,p] · mimo_x[h,r,p]
///     h_t = α h_{t−1} + β Σ_r v_{t−1} ⊗ k_{t−1} + γ Σ_r v_t ⊗ k_t
///     y[r,h] = h_t q[r,h] + D[h] v[r,h]
///     output[h,p] = Σ_r mimo_o[h,r,p] · (norm: RMSNorm over p, norm.weight) y[r,h,p] · silu(z[h,p] · mimo_z[h,r,p])
///
/// Rot turns S pairs of the N states: (2s, 2s+1) in SISO, (s, s + N/2) in MIMO. SISO has mimo_x = mimo_z = mimo_o = 1.
///
/// **How it is computed.** With e_t = (1−λ_{t+1}) Δ_{t+1}, which is 0 where nothing follows, the state g_t = h_t + e_t Σ_r
/// v_t ⊗ k_t needs one product a position and no memory of k and v:
///
///     g_t = α g_{t−1} + Σ_r v ⊗ k̃       k̃ = (γ + e) k     q̃ = α q
///     y[r] = g_{t−1} q̃[r] + Σ_r' c[r,r'] v[r']             c[r,r'] = γ q[r]·k[r'] + D·(r = r')
///
/// An episode begins where α = 0 and θ_{t−1} = 0. Positions go in chunks, of which the states at the beginning are kept;
/// within a chunk the recurrence runs on tiles of 4 states × 16 channels that stay in registers, and decays are taken out of it:
/// ĝ, k̂ and q̂ stand for g, k̃ and q̃ (+Scalars). The files beside this one:
/// +Scalars (Δ, λ, S, …), +Rotation (k̂, q̂, c), +Tile (the recurrence) and +Narrow (the same of heads of few channels), +Output
/// (norm and gate), +State (what goes in and out), +Forward and +Backward (the order of it all), +Step (one position), +Reference
/// (the plain twin).
public struct Mamba3Core: BitwiseCopyable, Sendable {
  /// H, P, N, G.
  public let heads, headSize, states, groups: Int
  /// R; 0 is SISO.
  public let rank: Int
  /// S, pairs of states that turn.
  public let angles: Int
  /// Whether y is normalised over each head before the gate.
  public let isNormed: Bool
  /// Floats from one row of the projection, and of its gradient, to the next.
  public var projectionStride = 0

  public init(heads: Int, headSize: Int, states: Int, groups: Int = 1, rank: Int = 0, angles: Int, isNormed: Bool = false) {
    precondition(
      heads > 0 && headSize > 0 && states > 0 && rank >= 0, "\(heads) heads of \(headSize), \(states) states, rank \(rank)")
    precondition(groups > 0 && heads % groups == 0, "\(heads) heads do not divide into \(groups) groups")
    precondition(angles >= 0 && 2 * angles <= states, "\(angles) pairs of \(states) states")
    (self.heads, self.headSize, self.states, self.groups) = (heads, headSize, states, groups)
    (self.rank, self.angles, self.isNormed) = (rank, angles, isNormed)
    projectionStride = projectionSize
  }

  /// R of the equations: 1 in SISO.
  public var ranks: Int { max(rank, 1) }
  /// E.
  public var inner: Int { heads * headSize }
  /// Columns of the projection.
  public var projectionSize: Int { angleColumn + angles }
  /// Floats of a row of state: angle [H, S], ssm [H, P, N], k [R, H, N], v [H, P].
  public var stateCount: Int { valueOffset + inner }

  // Where z (0), x, B, … begin in a row of the projection.
  var xColumn: Int { inner }
  var bColumn: Int { 2 &* inner }
  var cColumn: Int { bColumn &+ ranks &* groups &* states }
  var stepColumn: Int { cColumn &+ ranks &* groups &* states }
  var rateColumn: Int { stepColumn &+ heads }
  var mixColumn: Int { rateColumn &+ heads }
  var angleColumn: Int { mixColumn &+ heads }

  // Where ssm, k and v begin in a row of state.
  var ssmOffset: Int { heads &* angles }
  var keyOffset: Int { ssmOffset &+ inner &* states }
  var valueOffset: Int { keyOffset &+ ranks &* heads &* states }

  @inline(__always) func group(ofHead h: Int) -> Int { h / (heads / groups) }

  /// The two states of pair s, in the reference's order.
  @inline(__always) func pair(_ s: Int) -> (Int, Int) { rank == 0 ? (2 &* s, 2 &* s &+ 1) : (s, s &+ states / 2) }
}

/// The parameters between the projections, each of them pointers, tensors, arrays, …: dt_bias [H], B_bias and C_bias
/// [H, R, N], B_norm and C_norm [N], D [H]; with a norm its weight [E], in MIMO mimo_x, mimo_z, mimo_o [H, R, P].
public struct Mamba3Parameters<Values> {
  public var stepBias, bBias, cBias, bNorm, cNorm, skip: Values
  public var norm, mimoX, mimoZ, mimoO: Values?

  @inlinable public init(
    stepBias: Values, bBias: Values, cBias: Values, bNorm: Values, cNorm: Values, skip: Values, norm: Values? = nil,
    mimoX: Values? = nil, mimoZ: Values? = nil, mimoO: Values? = nil
  ) {
    (self.stepBias, self.bBias, self.cBias) = (stepBias, bBias, cBias)
    (self.bNorm, self.cNorm, self.skip) = (bNorm, cNorm, skip)
    (self.norm, self.mimoX, self.mimoZ, self.mimoO) = (norm, mimoX, mimoZ, mimoO)
  }

  @inlinable public func map<Other>(_ transform: (Values) -> Other) -> Mamba3Parameters<Other> {
    Mamba3Parameters<Other>(
      stepBias: transform(stepBias), bBias: transform(bBias), cBias: transform(cBias), bNorm: transform(bNorm),
      cNorm: transform(cNorm), skip: transform(skip), norm: norm.map(transform), mimoX: mimoX.map(transform),
      mimoZ: mimoZ.map(transform), mimoO: mimoO.map(transform))
  }
}
extension Mamba3Parameters: BitwiseCopyable where Values: BitwiseCopyable {}
extension Mamba3Parameters: Sendable where Values: Sendable {}
