/// Acting: the block's last output while the window slides on by one token, at constant cost and without allocation.
/// Same result as the full window to rounding; SlidingWindowScan.swift says how.
import Autograd
import Kernels

public final class Mamba1Window: SlidingWindow {
  private let block: Mamba1
  private let convolutionBias: Parameter
  private let time: Int
  private let scan: SlidingWindowScan
  private let padded: Int
  private static let variants = SlidingWindowScan.edges + 1
  /// Per token in a ring of `time + 1`: the four variants' u, Δ, v [padded], B [states], and x [inner] of in_proj.
  private let u, delta, v, b, x: Buffer
  private let packedA, f, z, projected, suffix, y, output: Buffer
  /// Tokens pushed since `reset`.
  private var pushed = 0

  /// Nil where the closed form does not apply: another convolution width, a window of fewer than four tokens, or other biases
  /// than the published block's.
  public init?(_ block: Mamba1, time: Int) {
    guard block.convolutionWidth == Self.variants, time >= Self.variants, let bias = block.convolutionBias,
      block.inProjection.bias == nil, block.outProjection.bias == nil
    else { return nil }
    self.block = block
    convolutionBias = bias
    self.time = time
    scan = SlidingWindowScan(channels: block.innerSize, states: block.stateSize)
    padded = (block.innerSize + 15) / 16 * 16
    let slots = (time + 1) * Self.variants
    (u, delta, v) = (Buffer(count: slots * padded), Buffer(count: slots * padded), Buffer(count: slots * padded))
    b = Buffer(count: slots * block.stateSize)
    x = Buffer(count: Self.variants * block.innerSize)
    let layout = LastStateScan(batch: 1, time: time, channels: block.innerSize, states: block.stateSize)
    packedA = Buffer(count: layout.packedCount)
    f = Buffer(count: layout.packedCount)
    z = Buffer(count: block.innerSize)
    projected = Buffer(count: Self.variants * block.rank + block.stateSize)
    suffix = Buffer(count: 3 * padded)
    y = Buffer(count: padded)
    output = Buffer(count: block.modelSize)
    reset()
  }

  public func reset() {
    LastStateScan(batch: 1, time: time, channels: block.innerSize, states: block.stateSize)
      .pack(aLog: block.aLog.pointer, into: packedA.pointer)
    for buffer in [u, delta, v, b, x, f] { buffer.pointer.update(repeating: 0, count: buffer.count) }
    pushed = 0
  }

  public func push(_ features: UnsafePointer<Float>) -> UnsafeMutablePointer<Float> {
    let inner = block.innerSize
    project(features)
    let new = pushed % (time + 1)
    pushed += 1
    variants(of: new)

    // S_2 = Σ_(l ≥ 3) Δ_l of full variants, S_1 = S_2 + Δ_2, S_0 = S_1 + Δ_1, each edge token in its own variant.
    let s0 = suffix.pointer, s1 = s0 + padded, s2 = s1 + padded
    SlidingWindowKernel.suffixSums(
      count: padded, delta: (3..<time).lazy.map { self.delta.pointer + self.slot($0, 3) * self.padded },
      second: delta.pointer + slot(2, 2) * padded, first: delta.pointer + slot(1, 1) * padded, s0: s0, s1: s1, s2: s2)
    scan.step(
      packedA: packedA.pointer, f: f.pointer, delta: delta.pointer + slot(time - 1, 3) * padded, arriving: token(time - 1, 3),
      leaving: token(2, 3), edge: (token(0, 0), token(1, 1), token(2, 2)), suffix: (.init(s0), .init(s1), .init(s2)),
      c: projected.pointer + Self.variants * block.rank, y: y.pointer)
    SlidingWindowKernel.gate(
      count: inner, y: y.pointer, skip: block.skip.pointer, u: u.pointer + slot(time - 1, 3) * padded, z: z.pointer)
    MatrixVector.apply(
      rows: block.modelSize, columns: inner, weight: block.outProjection.weight.pointer, stride: inner, bias: nil, x: y.pointer,
      y: output.pointer)
    return output.pointer
  }

  /// x and z of the new token; the three earlier x move up.
  private func project(_ features: UnsafePointer<Float>) {
    let inner = block.innerSize, model = block.modelSize
    let weight = block.inProjection.weight.pointer
    x.pointer.update(from: x.pointer + inner, count: (Self.variants - 1) * inner)
    MatrixVector.apply(
      rows: inner, columns: model, weight: weight, stride: model, bias: nil, x: features,
      y: x.pointer + (Self.variants - 1) * inner)
    MatrixVector.apply(
      rows: inner, columns: model, weight: weight + inner * model, stride: model, bias: nil, x: features, y: z.pointer)
  }

  /// u, Δ, v, B of the token in ring slot `ring`, seen with one, two, three and four taps; C of the last.
  private func variants(of ring: Int) {
    let inner = block.innerSize, states = block.stateSize, rank = block.rank
    let first = ring * Self.variants
    SlidingWindowKernel.tapVariants(
      channels: inner, padded: padded, x: x.pointer, w: block.convolutionWeight.pointer,
      bias: convolutionBias.pointer, u: u.pointer + first * padded)
    let weight = block.xProjection.weight.pointer
    MatrixVector.apply(
      rows: rank, columns: inner, weight: weight, stride: inner, bias: nil, count: Self.variants,
      x: u.pointer + first * padded, xStride: padded, y: projected.pointer, yStride: rank)
    MatrixVector.apply(
      rows: states, columns: inner, weight: weight + rank * inner, stride: inner, bias: nil, count: Self.variants,
      x: u.pointer + first * padded, xStride: padded, y: b.pointer + first * states, yStride: states)
    MatrixVector.apply(
      rows: states, columns: inner, weight: weight + (rank + states) * inner, stride: inner, bias: nil,
      x: u.pointer + (first + 3) * padded, y: projected.pointer + Self.variants * rank)
    let dt = block.dtProjection
    MatrixVector.apply(
      rows: inner, columns: rank, weight: dt.weight.pointer, stride: rank, bias: dt.bias?.pointer,
      count: Self.variants, x: projected.pointer, xStride: rank, y: delta.pointer + first * padded, yStride: padded,
      activation: .softplus)
    SlidingWindowKernel.product(
      count: Self.variants * padded, delta.pointer + first * padded, u.pointer + first * padded,
      into: v.pointer + first * padded)
  }

  /// The slot of the token at `position` (0 oldest), seen with `taps + 1` taps.
  private func slot(_ position: Int, _ taps: Int) -> Int {
    let ring = pushed + 1 + position  // ≡ pushed − time + position (mod time + 1)
    return ring % (time + 1) * Self.variants + taps
  }
  private func token(_ position: Int, _ taps: Int) -> SlidingWindowScan.Token {
    SlidingWindowScan.Token(
      v: v.pointer + slot(position, taps) * padded, b: b.pointer + slot(position, taps) * block.stateSize)
  }
}
