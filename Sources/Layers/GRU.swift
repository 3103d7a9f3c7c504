/// PyTorch's `nn.GRU` of one layer (Cho et al. 2014; names, shapes, initialisation, equations): sequence, gradient and step.
///
///     r, z = σ(a_r + b_r), σ(a_z + b_z)     n = tanh(a_n + r b_n)     h = n + z (h′ − n)
///
/// a = x W_ihᵀ + b_ih for all positions in one product; b = h′ W_hhᵀ + b_hh at each step for all sequences.
import Autograd
import Kernels
import Randomness

public struct GRU: SequenceLayer {
  public let inputSize, hiddenSize: Int
  public var outputSize: Int { hiddenSize }
  /// [3 hiddenSize, inputSize], [3 hiddenSize, hiddenSize] and two of [3 hiddenSize]; gates in the order r, z, n.
  public let inputWeight, recurrentWeight, inputBias, recurrentBias: Parameter

  /// Initialised as `nn.GRU` is: everything uniform in ±1/√hiddenSize.
  public init(_ inputSize: Int, _ hiddenSize: Int, _ generator: inout SplitMix64) {
    (self.inputSize, self.hiddenSize) = (inputSize, hiddenSize)
    inputWeight = Parameter(shape: [3 * hiddenSize, inputSize], uniformOver: hiddenSize, &generator)
    recurrentWeight = Parameter(shape: [3 * hiddenSize, hiddenSize], uniformOver: hiddenSize, &generator)
    inputBias = Parameter(shape: [3 * hiddenSize], uniformOver: hiddenSize, &generator)
    recurrentBias = Parameter(shape: [3 * hiddenSize], uniformOver: hiddenSize, &generator)
  }

  public var stateLayout: StateLayout { Self.stateLayout(hiddenSize: hiddenSize) }
  /// The same before a layer is made.
  public static func stateLayout(hiddenSize: Int) -> StateLayout { StateLayout([.init("h", [hiddenSize])]) }
  public var workPerPosition: Int { 2 * (inputWeight.count + recurrentWeight.count) }

  public func callAsFunction(
    _ x: Tensor, _ shape: SequenceShape, from state: Tensor?, reading: Positions, on tape: Tape
  ) -> (output: Tensor, state: Tensor?) {
    checkInput(x, shape, state)
    let (size, width, batch) = (hiddenSize, 3 * hiddenSize, shape.batch)
    let y = tape.tensor(rows: shape.rows, columns: size)
    let hidden = RecurrentStates(y.values, shape, size: size, initial: state)
    let gates = tape.floats(shape.rows * width), candidates = tape.floats(shape.rows * size)
    tape.project(x, inputWeight.tensor(on: tape), bias: inputBias.pointer, into: gates)
    let product = PackedProduct(inputs: size, outputs: width)
    let packed = tape.floats(product.packedCount), recurrent = tape.floats(batch * width)
    product.pack(transposed: recurrentWeight.pointer, into: packed)
    let scratch = tape.floats(batch * size), zeros = tape.floats(batch * size)
    zeros.update(repeating: 0, count: batch * size)
    for t in 0..<shape.time {
      let before = hidden.before(t, copiedTo: scratch) ?? UnsafePointer(zeros)
      product.apply(
        rows: batch, a: before, aStride: size, packed: packed, start: recurrentBias.pointer, startStride: 0,
        c: recurrent, cStride: width)
      for b in 0..<batch {
        let row = b * shape.time + t
        (candidates + row * size).update(from: recurrent + b * width + 2 * size, count: size)
        Self.step(
          size, gates: gates + row * width, recurrent + b * width, before + b * size, h: y.values + row * size)
      }
    }
    tape.record(
      GRUOperation(
        x: x, inputWeight: inputWeight.tensor(on: tape), recurrentWeight: recurrentWeight.tensor(on: tape),
        inputBias: inputBias.tensor(on: tape), recurrentBias: recurrentBias.tensor(on: tape), y: y, hidden: hidden,
        gates: gates, candidates: candidates))
    let final = tape.constant(rows: batch, columns: size)
    final.copyValues(of: hidden.last)
    return (reading == .all ? y : y.lastPosition(time: shape.time), final)
  }

  /// gates hold a [3 size] and become r, z, n; h may be h′.
  fileprivate static func step(
    _ size: Int, gates: UnsafeMutablePointer<Float>, _ b: UnsafePointer<Float>, _ before: UnsafePointer<Float>,
    h: UnsafeMutablePointer<Float>
  ) {
    Elementwise.sum(2 * size, gates, b, into: gates)
    Squash.sigmoid(2 * size, gates)
    let z = gates + size, n = gates + 2 * size, candidate = b + 2 * size
    for j in 0..<size { n[j] += gates[j] * candidate[j] }
    Squash.tanh(size, n)
    for j in 0..<size { h[j] = n[j] + z[j] * (before[j] - n[j]) }
  }

  public func makeStepper() -> any SequenceStepper { GRUStepper(self) }

  public func forEachParameter(_ body: (String, Parameter) -> Void) {
    body("weight_ih_l0", inputWeight)
    body("weight_hh_l0", recurrentWeight)
    body("bias_ih_l0", inputBias)
    body("bias_hh_l0", recurrentBias)
  }
}

private struct GRUOperation: Operation {
  let x, inputWeight, recurrentWeight, inputBias, recurrentBias, y: Tensor
  let hidden: RecurrentStates
  /// r, z, n [batch × time, 3 size] become the gradient of a, and b_n [batch × time, size] its own: the rest of b's is a's.
  let gates, candidates: UnsafeMutablePointer<Float>

  func pullback(_ tape: Tape) {
    guard let dy = y.gradient else { return }
    let shape = hidden.shape, size = hidden.size, batch = shape.batch, time = shape.time, width = 3 * size
    let dh = tape.floats(batch * size), scratch = tape.floats(batch * size), zeros = tape.floats(batch * size)
    let dInputBias = inputBias.gradient(orScratchOn: tape), dRecurrentBias = recurrentBias.gradient(orScratchOn: tape)
    let gated = PackedProduct(inputs: 2 * size, outputs: size), candidate = PackedProduct(inputs: size, outputs: size)
    let packedGated = tape.floats(gated.packedCount), packedCandidate = tape.floats(candidate.packedCount)
    gated.pack(recurrentWeight.values, into: packedGated)
    candidate.pack(recurrentWeight.values + 2 * size * size, into: packedCandidate)
    dh.update(repeating: 0, count: batch * size)
    zeros.update(repeating: 0, count: batch * size)
    for t in stride(from: time - 1, through: 0, by: -1) {
      let before = hidden.before(t, copiedTo: scratch) ?? UnsafePointer(zeros)
      for b in 0..<batch {
        let row = b * time + t, dh = dh + b * size, da = gates + row * width
        Elementwise.sum(size, dh, dy + row * size, into: dh)
        step(size, da, candidates + row * size, before + b * size, dh: dh)
        Elementwise.sum(width, dInputBias, da, into: dInputBias)
        Elementwise.sum(2 * size, dRecurrentBias, da, into: dRecurrentBias)
        Elementwise.sum(size, dRecurrentBias + 2 * size, candidates + row * size, into: dRecurrentBias + 2 * size)
      }
      if t == 0 && hidden.initial == nil { break }
      gated.apply(
        rows: batch, a: gates + t * width, aStride: time * width, packed: packedGated, start: dh, startStride: size, c: dh,
        cStride: size)
      candidate.apply(
        rows: batch, a: candidates + t * size, aStride: time * size, packed: packedCandidate, start: dh, startStride: size,
        c: dh, cStride: size)
      hidden.clearBeginnings(t, dh)
    }
    hidden.addToInitial(dh)
    if let dWeight = recurrentWeight.gradient {
      let states = hidden.allBefore(on: tape)
      GEMM.transposedTimes(
        m: 2 * size, n: size, k: shape.rows, a: gates, aStride: width, b: states, bStride: size, c: dWeight, cStride: size,
        .add)
      GEMM.transposedTimes(
        m: size, n: size, k: shape.rows, a: candidates, aStride: size, b: states, bStride: size,
        c: dWeight + 2 * size * size, cStride: size, .add)
    }
    if let dWeight = inputWeight.gradient {
      GEMM.transposedTimes(
        m: width, n: x.columns, k: shape.rows, a: gates, aStride: width, b: x.values, bStride: x.stride, c: dWeight,
        cStride: x.columns, .add)
    }
    if let (dx, accumulation) = x.gradientToWrite() {
      GEMM.times(
        m: x.rows, n: x.columns, k: width, a: gates, aStride: width, b: inputWeight.values, bStride: x.columns, c: dx,
        cStride: x.stride, accumulation)
    }
  }

  /// In place: r, z, n become da, b_n its gradient, and dh the part of h′'s that does not go through b.
  private func step(
    _ size: Int, _ gates: UnsafeMutablePointer<Float>, _ candidate: UnsafeMutablePointer<Float>,
    _ before: UnsafePointer<Float>, dh: UnsafeMutablePointer<Float>
  ) {
    for j in 0..<size {
      let r = gates[j], z = gates[size + j], n = gates[2 * size + j], d = dh[j]
      let da = d * (1 - z) * (1 - n * n)
      gates[j] = da * candidate[j] * r * (1 - r)
      gates[size + j] = d * (before[j] - n) * z * (1 - z)
      gates[2 * size + j] = da
      candidate[j] = da * r
      dh[j] = d * z
    }
  }
}

private final class GRUStepper: SequenceStepper {
  private let gru: GRU
  private let products: (input: PackedProduct, recurrent: PackedProduct)
  private let packed: (input: Buffer, recurrent: Buffer)
  private let gates, recurrent, output: Buffer

  init(_ gru: GRU) {
    self.gru = gru
    let width = 3 * gru.hiddenSize
    products = (
      PackedProduct(inputs: gru.inputSize, outputs: width), PackedProduct(inputs: gru.hiddenSize, outputs: width)
    )
    packed = (Buffer(count: products.input.packedCount), Buffer(count: products.recurrent.packedCount))
    (gates, recurrent, output) = (Buffer(count: width), Buffer(count: width), Buffer(count: gru.hiddenSize))
    parametersChanged()
  }

  func parametersChanged() {
    products.input.pack(transposed: gru.inputWeight.pointer, into: packed.input.pointer)
    products.recurrent.pack(transposed: gru.recurrentWeight.pointer, into: packed.recurrent.pointer)
  }

  func step(_ x: UnsafePointer<Float>, state: UnsafeMutablePointer<Float>) -> UnsafeMutablePointer<Float> {
    products.input.apply(
      rows: 1, a: x, aStride: 0, packed: packed.input.pointer, start: gru.inputBias.pointer, startStride: 0,
      c: gates.pointer, cStride: 0)
    products.recurrent.apply(
      rows: 1, a: state, aStride: 0, packed: packed.recurrent.pointer, start: gru.recurrentBias.pointer, startStride: 0,
      c: recurrent.pointer, cStride: 0)
    GRU.step(gru.hiddenSize, gates: gates.pointer, recurrent.pointer, state, h: state)
    output.pointer.update(from: state, count: gru.hiddenSize)
    return output.pointer
  }
}
