/// Gradients of `StateSpaceDual`, by products as well, chunk by chunk from the end. With M = (C Bᵀ) ∘ L, H the state before
/// the chunk and dH the gradient of the one after it:
///
///     dM = dY Uᵀ          dU = Mᵀ dY + suffix ∘ (B dH)          dx = Δ dU + D dY          dD = Σ x dY
///     dC = (dM ∘ L) B + prefix ∘ (dY Hᵀ)      dB = (dM ∘ L)ᵀ C + suffix ∘ (U dHᵀ)         a group's heads are summed
///     dH of the chunk before = prefix_last dH + (prefix ∘ C)ᵀ dY
///
/// The gradient of log a_k is the sum over everything that passes position k: from inputs before it to outputs at and after
/// it (dM ∘ M), from H to outputs, from inputs to dH, from H to dH. Summed as such and not, as the closed form
/// y · dy − U · dU would have it, as a difference of totals in which the diagonal cancels.

extension StateSpaceDual {
  public struct Gradients {
    /// As the inputs; x, b and c are written as `accumulation` says, everything else is added to.
    public var x, b, c, step: Rows
    public var accumulation: Accumulation
    /// [heads] each.
    public var stepBias, aLog, skip: UnsafeMutablePointer<Float>
    /// [batch, heads × head size × states]; nil where not wanted.
    public var initial: Rows?

    public init(
      x: Rows, b: Rows, c: Rows, _ accumulation: Accumulation, step: Rows, stepBias: UnsafeMutablePointer<Float>,
      aLog: UnsafeMutablePointer<Float>, skip: UnsafeMutablePointer<Float>, initial: Rows?
    ) {
      (self.x, self.b, self.c, self.step, self.accumulation) = (x, b, c, step, accumulation)
      (self.stepBias, self.aLog, self.skip, self.initial) = (stepBias, aLog, skip, initial)
    }
  }

  /// Floats of scratch, for both passes.
  public var scratchCount: Int { Memory.count(self) + BackwardMemory.count(self) }

  /// `decays` and `kept` as a recording `forward` left them; dy [batch × time, heads × head size], dense. No gradient comes
  /// through the final state.
  @inline(never) public func backward(
    _ inputs: Inputs, hasInitial: Bool, decays: UnsafePointer<Float>, kept: UnsafePointer<Float>, dy: UnsafePointer<Float>,
    into gradients: Gradients, scratch: UnsafeMutablePointer<Float>
  ) {
    let memory = Memory(self, scratch), more = BackwardMemory(self, memory.end)
    var b = 0
    while b < shape.batch {
      let states = kept + b &* (chunks &+ 1) &* keptState
      more.dState.update(repeating: 0, count: keptState)
      var k = chunks &- 1
      while k >= 0 {
        let step = BackwardChunk(
          dual: self, range: Chunk(self, inputs, decays, sequence: b, k), inputs: inputs, gradients: gradients,
          before: k > 0 || hasInitial ? states + k &* keptState : nil, hasAfter: k &+ 1 < chunks, dy: dy, memory: memory,
          more: more)
        var group = 0
        while group < groups {
          step.pull(group)
          group &+= 1
        }
        k &-= 1
      }
      if hasInitial, let initial = gradients.initial { add(more.dState, to: initial[b]) }
      b &+= 1
    }
  }

  struct BackwardMemory {
    /// [chunk, head size].
    let dy, du: Output
    /// [chunk, chunk]: of one head, and dM ∘ L summed over a group's.
    let dm, dg: Output
    /// [chunk, states]: of one head, and summed over a group's.
    let part, db, dc: Output
    /// [chunk]: R and K of dM ∘ M, from H to outputs, from inputs to dH; then free for others.
    let arriving, leaving, fromState, toState: Output
    /// [heads, states, head size]: dH.
    let dState: Output

    static func count(_ dual: StateSpaceDual) -> Int {
      let rows = dual.paddedChunk
      return rows &* (2 &* dual.paddedHead &+ 2 &* rows &+ 3 &* dual.paddedStates &+ 4) &+ dual.keptState
    }

    init(_ dual: StateSpaceDual, _ scratch: Output) {
      let rows = dual.paddedChunk
      scratch.update(repeating: 0, count: Self.count(dual))
      dy = scratch
      du = dy + rows &* dual.paddedHead
      dm = du + rows &* dual.paddedHead
      dg = dm + rows &* rows
      part = dg + rows &* rows
      db = part + rows &* dual.paddedStates
      dc = db + rows &* dual.paddedStates
      arriving = dc + rows &* dual.paddedStates
      leaving = arriving + rows
      fromState = leaving + rows
      toState = fromState + rows
      dState = toState + rows
    }
  }
}

private struct BackwardChunk {
  let dual: StateSpaceDual
  let range: StateSpaceDual.Chunk
  let inputs: StateSpaceDual.Inputs
  let gradients: StateSpaceDual.Gradients
  /// The states before the chunk; nil: zero.
  let before: Input?
  /// Whether anything comes back from after the chunk.
  let hasAfter: Bool
  let dy: Input
  let memory: StateSpaceDual.Memory, more: StateSpaceDual.BackwardMemory

  func pull(_ group: Int) {
    let length = range.length, states = dual.paddedStates, rows = dual.paddedChunk, perGroup = dual.heads / dual.groups
    memory.loadGroup(range, group)
    SmallProduct.dots(
      rows: length, columns: length, depth: states, a: memory.c, aStride: states, b: memory.b, bStride: states, out: memory.g,
      stride: rows, lower: true)
    more.dg.update(repeating: 0, count: rows &* rows)
    more.db.update(repeating: 0, count: rows &* states)
    more.dc.update(repeating: 0, count: rows &* states)
    var head = group &* perGroup
    while head < (group &+ 1) &* perGroup {
      pullHead(head)
      head &+= 1
    }
    var dc = SmallProduct(rows: length, columns: states)
    dc.term = .init(
      left: more.dg, leftRow: rows, leftColumn: 1, right: memory.b, rightRow: states, depth: length, triangle: .lower)
    dc.base = (1, Input(more.dc), states)
    dc.write(to: more.dc, stride: states)
    var db = SmallProduct(rows: length, columns: states)
    db.term = .init(
      left: more.dg, leftRow: 1, leftColumn: rows, right: memory.c, rightRow: states, depth: length, triangle: .upper)
    db.base = (1, Input(more.db), states)
    db.write(to: more.db, stride: states)
    var t = 0
    while t < length {
      emit(dual.states, more.dc + t &* states, to: gradients.c[range.first &+ t] + group &* dual.states)
      emit(dual.states, more.db + t &* states, to: gradients.b[range.first &+ t] + group &* dual.states)
      t &+= 1
    }
  }

  private func pullHead(_ head: Int) {
    let length = range.length, states = dual.paddedStates, rows = dual.paddedChunk, size = dual.paddedHead
    let stateOffset = head &* dual.states &* size, dState = more.dState + stateOffset
    let width = dual.heads &* dual.headSize
    memory.loadHead(range, head)
    memory.mix(range, head)
    var t = 0
    while t < length {
      copy(dual.headSize, dy + (range.first &+ t) &* width &+ head &* dual.headSize, to: more.dy + t &* size)
      t &+= 1
    }
    SmallProduct.dots(
      rows: length, columns: length, depth: size, a: more.dy, aStride: size, b: memory.u, bStride: size, out: more.dm,
      stride: rows, lower: true)
    maskGradient(head)

    var du = SmallProduct(rows: length, columns: size)
    du.term = .init(
      left: memory.m, leftRow: 1, leftColumn: rows, right: more.dy, rightRow: size, depth: length, triangle: .upper)
    if hasAfter {
      let term = SmallProduct.Term(
        left: memory.b, leftRow: states, leftColumn: 1, right: Input(dState), rightRow: size, depth: dual.states)
      du.scaled = (term, memory.suffix(length))
    }
    du.write(to: more.du, stride: size)

    var through: Float = 0
    if let before {
      let state = before + stateOffset
      statePart(more.dy, state, by: Input(memory.prefix), with: memory.c, into: more.dc, more.fromState)
      if hasAfter { through = memory.prefix[length &- 1] * dot(dual.states &* size, state, Input(dState)) }
    }
    if hasAfter { statePart(memory.u, Input(dState), by: memory.suffix(length), with: memory.b, into: more.db, more.toState) }
    inputGradient(head, decayGradient(head, through: through))

    if before != nil {
      memory.scaleRows(length, memory.c, by: Input(memory.prefix), into: memory.scaled)
      var next = SmallProduct(rows: dual.states, columns: size)
      next.term = .init(
        left: memory.scaled, leftRow: 1, leftColumn: states, right: more.dy, rightRow: size, depth: length)
      if hasAfter { next.base = (memory.prefix[length &- 1], Input(dState), size) }
      next.write(to: dState, stride: size)
    }
  }

  /// dg += dM ∘ L, and R_t = Σ_(i < t) (dM ∘ M)[t, i], K_i = Σ_(t > i) of the same.
  private func maskGradient(_ head: Int) {
    let length = range.length, rows = dual.paddedChunk
    more.leaving.update(repeating: 0, count: rows)
    var t = 0
    while t < length {
      let l = memory.l + t &* rows, g = memory.g + t &* rows, dm = more.dm + t &* rows, dg = more.dg + t &* rows
      let one = memory.unit + (rows &- t)
      var total = Vector.zero
      var i = 0
      while i <= t {
        let decay = load(l + i), d = load(dm + i) * decay
        store(dg + i, load(dg + i) + d)
        let below = d * load(g + i) * (splat(1) - load(one + i))
        total += below
        store(more.leaving + i, load(more.leaving + i) + below)
        i &+= lanes
      }
      more.arriving[t] = sum(total)
      t &+= 1
    }
  }

  /// What a product with a state, rows · stateᵀ, adds to dB or dC: sum += scale ∘ it; paths[t] = with_t · (scale ∘ it)_t.
  private func statePart(
    _ left: Output, _ state: Input, by scale: Input, with: Output, into sum: Output, _ paths: Output
  ) {
    let length = range.length, states = dual.paddedStates
    SmallProduct.dots(
      rows: length, columns: dual.states, depth: dual.paddedHead, a: left, aStride: dual.paddedHead, b: state,
      bStride: dual.paddedHead, out: more.part, stride: states)
    var t = 0
    while t < length {
      let factor = splat(scale[t])
      var total = Vector.zero
      var n = t &* states
      while n < (t &+ 1) &* states {
        let part = load(more.part + n) * factor
        store(sum + n, load(sum + n) + part)
        total = fma(part, load(with + n), total)
        n &+= lanes
      }
      paths[t] = Kernels.sum(total)
      t &+= 1
    }
  }

  /// The gradients of log a in the chunk (in place of `arriving`), and dA, which is added to that of aLog.
  private func decayGradient(_ head: Int, through: Float) -> Input {
    let length = range.length, a = range.a(head), delta = range.delta(head), d = more.arriving
    // From the end: pairs of positions around k, and from H to the outputs from k on.
    var around: Float = 0, outputs: Float = 0
    var k = length &- 1
    while k >= 0 {
      around += d[k] - more.leaving[k]
      if before != nil { outputs += more.fromState[k] }
      // Where an episode begins, or nothing is left of what was, nothing passes.
      if a[k] == 0 { around = 0 }
      d[k] = a[k] == 0 ? 0 : around + outputs + through
      k &-= 1
    }
    var inputs: Float = 0, total: Float = 0
    k = 0
    while k < length {
      if hasAfter {
        if a[k] != 0 { d[k] += inputs }
        inputs += more.toState[k]
      }
      total += d[k] * delta[k]
      k &+= 1
    }
    gradients.aLog[head] += total * rate(head)
    return Input(d)
  }

  /// A.
  @inline(__always) private func rate(_ head: Int) -> Float { StateSpaceDual.rate(inputs.aLog[head])[0] * ln2 }

  /// dx, dD and, through softplus, the gradient of the step.
  private func inputGradient(_ head: Int, _ dLogDecay: Input) {
    let size = dual.headSize, delta = range.delta(head), rate = rate(head), skip = splat(inputs.skip[head])
    let adds = gradients.accumulation == .add, dots = more.leaving, slopes = more.fromState
    var skipGradient = Vector.zero
    var t = 0
    while t < range.length {
      let row = range.first &+ t
      let x = inputs.x[row] + head &* size, dx = gradients.x[row] + head &* size
      let dy = more.dy + t &* dual.paddedHead, du = more.du + t &* dual.paddedHead
      let scale = splat(delta[t])
      var total = Vector.zero
      forEachVector(size) { p, active in
        let x = load(x + p, active), dy = load(dy + p), du = load(du + p)
        total = fma(x, du, total)
        skipGradient = fma(x, dy, skipGradient)
        let gradient = fma(scale, du, skip * dy)
        store(dx + p, adds ? load(dx + p, active) + gradient : gradient, active)
      }
      dots[t] = sum(total)
      slopes[t] = inputs.step[row][head] + inputs.stepBias[head]
      t &+= 1
    }
    // softplus′ = σ. Not 1 − e^−Δ: a small step would lose its last digits.
    forEachVector(range.length) { t, active in
      store(slopes + t, sigmoid(load(slopes + t)), active)
    }
    var biasGradient: Float = 0
    t = 0
    while t < range.length {
      let gradient = (dots[t] + rate * dLogDecay[t]) * slopes[t]
      gradients.step[range.first &+ t][head] += gradient
      biasGradient += gradient
      t &+= 1
    }
    gradients.skip[head] += sum(skipGradient)
    gradients.stepBias[head] += biasGradient
  }

  @inline(__always) private func emit(_ count: Int, _ from: Output, to: Output) {
    let adds = gradients.accumulation == .add
    forEachVector(count) { i, active in
      let value = load(from + i)
      store(to + i, adds ? load(to + i, active) + value : value, active)
    }
  }
}

@inline(__always) private func dot(_ count: Int, _ a: Input, _ b: Input) -> Float {
  var total = Vector.zero
  forEachVector(count) { i, active in total = fma(load(a + i, active), load(b + i, active), total) }
  return sum(total)
}
