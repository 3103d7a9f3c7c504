/// Mamba-2's recurrence in its dual form (Dao & Gu 2024, "state-space duality"): a chunk of the sequence is a masked
/// attention, what goes from chunk to chunk is a state, and everything but the decays is a product of matrices.
///
///     Δ_t = softplus(step_t + bias)          a_t = exp(Δ_t A), 0 where an episode begins,   A = −exp(aLog)     [head]
///     h_t = a_t h_(t−1) + Δ_t x_t ⊗ B_t      y_t = h_t C_t + D x_t                                       [head size, states]
///
/// Within a chunk, with U_t = Δ_t x_t and L[t, i] = a_(i+1) … a_t (1 on the diagonal, 0 above it):
///
///     y_t = Σ_(i ≤ t) (C_t · B_i) L[t, i] U_i + prefix_t C_t h_in + D x_t         prefix_t = a_0 … a_t
///     h_out = prefix_last h_in + Σ_i L[last, i] U_i ⊗ B_i
///
/// One exponential a position and head. L is built by products, row from row: no differences of sums under an exponential,
/// so that a_t = 0 cuts an episode off from the one before exactly, and nothing overflows.
///
/// Shapes: x [batch × time, heads × head size]; B and C [batch × time, groups × states], neighbouring heads share a group;
/// step [batch × time, heads]; states [batch, heads × head size × states] as mamba-ssm's `ssm_state`. Kept for the gradient:
/// Δ and a, and the state before every chunk, [states, head size] a head. The plain twin is in StateSpaceDual+Reference.swift.
public struct StateSpaceDual: BitwiseCopyable {
  public let shape: SequenceShape
  public let heads, headSize, groups, states: Int
  /// Positions that are multiplied out at a time.
  public let chunk: Int

  public typealias Rows = SequenceConv.Rows

  public struct Inputs: BitwiseCopyable {
    public var x, b, c, step: Rows
    /// [heads] each.
    public var stepBias, aLog, skip: UnsafePointer<Float>

    public init(
      x: Rows, b: Rows, c: Rows, step: Rows, stepBias: UnsafePointer<Float>, aLog: UnsafePointer<Float>,
      skip: UnsafePointer<Float>
    ) {
      (self.x, self.b, self.c, self.step) = (x, b, c, step)
      (self.stepBias, self.aLog, self.skip) = (stepBias, aLog, skip)
    }
  }

  /// `chunk` nil: as measured, about as many positions as states.
  public init(shape: SequenceShape, heads: Int, headSize: Int, groups: Int, states: Int, chunk: Int? = nil) {
    precondition(
      groups > 0 && heads % groups == 0 && headSize > 0 && states > 0,
      "\(heads) heads of \(headSize) in \(groups) groups, \(states) states")
    (self.shape, self.heads, self.headSize, self.groups, self.states) = (shape, heads, headSize, groups, states)
    self.chunk = max(1, min(chunk ?? (states < 32 ? 16 : 32), shape.time))
  }

  var chunks: Int { (shape.time &+ chunk &- 1) / chunk }
  /// Rows of scratch matrices, in whole vectors.
  var paddedHead: Int { padded(headSize) }
  var paddedStates: Int { padded(states) }
  var paddedChunk: Int { padded(chunk) }
  /// Floats of all heads' states as kept: [heads, states, padded head size].
  var keptState: Int { heads &* states &* paddedHead }

  /// Floats of Δ and a: two times [heads, batch × time].
  public var decayCount: Int { 2 * heads * shape.rows }
  /// Floats of the kept states; without a gradient two of them take turns.
  public func stateCount(isRecording: Bool) -> Int { isRecording ? shape.batch * (chunks + 1) * keptState : 2 * keptState }

  /// y [batch × time, heads × head size], dense. `initial` nil is zero; `final` is written where given and may be `initial`.
  /// `kept` [stateCount].
  @inline(never) public func forward(
    _ inputs: Inputs, initial: Rows?, y: UnsafeMutablePointer<Float>, final: Rows?, decays: UnsafeMutablePointer<Float>,
    kept: UnsafeMutablePointer<Float>, isRecording: Bool, scratch: UnsafeMutablePointer<Float>
  ) {
    computeDecays(inputs, into: decays)
    let memory = Memory(self, scratch)
    let slots = isRecording ? chunks &+ 1 : 2
    var b = 0
    while b < shape.batch {
      let states = isRecording ? kept + b &* slots &* keptState : kept
      if let initial { keep(initial[b], in: states) }
      var k = 0
      while k < chunks {
        let range = Chunk(self, inputs, decays, sequence: b, k)
        let before = states + (isRecording ? k : k & 1) &* keptState
        let after = states + (isRecording ? k &+ 1 : (k &+ 1) & 1) &* keptState
        forward(range, before: k > 0 || initial != nil ? before : nil, after: after, y, memory)
        k &+= 1
      }
      if let final {
        let last = states + (isRecording ? chunks : chunks & 1) &* keptState
        if chunks > 0 || initial != nil { hand(last, to: final[b]) } else { zero(final[b]) }
      }
      b &+= 1
    }
  }

  private func forward(_ range: Chunk, before: Output?, after: Output, _ y: Output, _ memory: Memory) {
    let length = range.length, states = self.states, perGroup = heads / groups, width = heads &* headSize
    var group = 0
    while group < groups {
      memory.loadGroup(range, group)
      SmallProduct.dots(
        rows: length, columns: length, depth: paddedStates, a: memory.c, aStride: paddedStates, b: memory.b,
        bStride: paddedStates, out: memory.g, stride: paddedChunk, lower: true)
      var head = group &* perGroup
      while head < (group &+ 1) &* perGroup {
        memory.loadHead(range, head)
        memory.mix(range, head)
        let state = before.map { $0 + head &* states &* paddedHead }
        let x = range.x[range.first] + head &* headSize
        var output = SmallProduct(rows: length, columns: headSize)
        output.term = .init(
          left: memory.m, leftRow: paddedChunk, leftColumn: 1, right: memory.u, rightRow: paddedHead, depth: length,
          triangle: .lower)
        output.base = (range.skip[head], Input(x), range.x.stride)
        if let state {
          let term = SmallProduct.Term(
            left: memory.c, leftRow: paddedStates, leftColumn: 1, right: state, rightRow: paddedHead, depth: states)
          output.scaled = (term, Input(memory.prefix))
        }
        output.write(to: y + range.first &* width &+ head &* headSize, stride: width)
        memory.scaleRows(length, memory.b, by: memory.suffix(length), into: memory.scaled)
        var next = SmallProduct(rows: states, columns: paddedHead)
        next.term = .init(
          left: memory.scaled, leftRow: 1, leftColumn: paddedStates, right: memory.u, rightRow: paddedHead, depth: length)
        if let state { next.base = (memory.prefix[length &- 1], Input(state), paddedHead) }
        next.write(to: after + head &* states &* paddedHead, stride: paddedHead)
        head &+= 1
      }
      group &+= 1
    }
  }

  /// Δ and a of all positions, each [heads, batch × time].
  private func computeDecays(_ inputs: Inputs, into decays: Output) {
    let rows = shape.rows
    var head = 0
    while head < heads {
      let delta = decays + head &* rows, a = decays + (heads &+ head) &* rows, bias = inputs.stepBias[head]
      var row = 0
      while row < rows {
        delta[row] = inputs.step[row][head] + bias
        row &+= 1
      }
      let rate = Self.rate(inputs.aLog[head])
      forEachVector(rows) { i, active in
        let value = softplus(load(delta + i, active))
        store(delta + i, value, active)
        store(a + i, Self.decay(value * rate), active)
      }
      if let begins = shape.begins {
        row = 0
        while row < rows {
          if begins[row] != 0 { a[row] = 0 }
          row &+= 1
        }
      }
      head &+= 1
    }
  }

  /// [heads, head size, states] → [heads, states, padded head size], the padding zero.
  private func keep(_ state: Input, in kept: Output) {
    kept.update(repeating: 0, count: keptState)
    eachState { outside, inside in kept[inside] = state[outside] }
  }
  private func hand(_ kept: Input, to state: Output) { eachState { outside, inside in state[outside] = kept[inside] } }
  func add(_ kept: Input, to state: Output) { eachState { outside, inside in state[outside] += kept[inside] } }
  private func zero(_ state: Output) { state.update(repeating: 0, count: heads &* headSize &* states) }

  @inline(__always) private func eachState(_ body: (_ outside: Int, _ inside: Int) -> Void) {
    var head = 0
    while head < heads {
      var p = 0
      while p < headSize {
        var n = 0
        while n < states {
          body((head &* headSize &+ p) &* states &+ n, (head &* states &+ n) &* paddedHead &+ p)
          n &+= 1
        }
        p &+= 1
      }
      head &+= 1
    }
  }
}

@inline(__always) func padded(_ count: Int) -> Int { (count &+ lanes &- 1) & ~(lanes &- 1) }
