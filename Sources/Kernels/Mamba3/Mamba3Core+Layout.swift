/// How the kernel lays out states and heads, and what the forward pass leaves for the backward pass.
///
/// **Order of the states.** The first member of every pair stands in the first half of [2 × half], the second in the second,
/// so that a rotation is the same on whole vectors in SISO and MIMO; halves are padded with zeros to whole vectors.
/// **Heads** are padded to `width` channels. **The recurrent state** of a head lies as tiles: 4 states × 16 channels with the
/// channels in the lanes, or, where a head has few channels, 4 channels × 16 states with the states in them.

extension Mamba3Core {
  /// Positions in a chunk: the recurrent state is kept at the beginning of each.
  static var chunk: Int { 32 }

  /// States of a half, padded: ⌈N/2⌉ in whole vectors.
  var half: Int { ((states &+ 1) / 2 &+ 7) & ~7 }
  var padded: Int { 2 &* half }
  /// Of a half, those that turn, in whole vectors.
  var turning: Int { (angles &+ 7) & ~7 }
  /// Whether states and not channels are the lanes of the recurrence: half or more of sixteen channels would be padding.
  var isNarrow: Bool { rank == 0 && headSize <= lanes }
  /// Channels of a head, padded to whole vectors of 8 or 16: a row of y or v.
  var width: Int { isNarrow ? lanes : (headSize &+ 15) & ~15 }
  /// Of these, those that have a place in tiles.
  var channels: Int { isNarrow ? (headSize &+ 3) & ~3 : width }

  /// Blocks of four states that hold any, and where block i begins.
  var blocks: Int { 2 &* blocksOfHalf }
  private var blocksOfHalf: Int { ((states &+ 1) / 2 &+ 3) / 4 }
  @inline(__always) func slot(ofBlock i: Int) -> Int {
    i < blocksOfHalf ? 4 &* i : half &+ 4 &* (i &- blocksOfHalf)
  }
  /// Floats of one head's recurrent state.
  var tileCount: Int { (isNarrow ? padded : blocks &* 4) &* channels }

  /// Where the reference's state n stands.
  @inline(__always) func slot(_ n: Int) -> Int {
    if rank == 0 { return n & 1 == 0 ? n / 2 : half &+ n / 2 }
    return n < states / 2 ? n : half &+ n &- states / 2
  }
  /// Where state n of channel p stands in a head's tiles.
  @inline(__always) func place(_ n: Int, _ p: Int) -> Int {
    let s = slot(n)
    if isNarrow { return 4 &* (s & ~15) &+ (s & 15) &+ channel(p) }
    let block = s < half ? s / 4 : blocksOfHalf &+ (s &- half) / 4
    return block &* 4 &* width &+ (s & 3) &* 16 &+ channel(p)
  }
  @inline(__always) func channel(_ p: Int) -> Int {
    isNarrow ? (p & ~3) &* padded &+ (p & 3) &* 16 : (p &>> 4) &* 64 &+ (p & 15)
  }

  /// [N] in the reference's order → [padded]; the padding is left alone.
  @inline(__always) func arrange(_ source: Input, into target: Output) {
    var n = 0
    if rank == 0 {
      while n &+ 16 <= states {
        let both = loadWide(source + n)
        store(target + n / 2, both.evenHalf)
        store(target + half &+ n / 2, both.oddHalf)
        n &+= 16
      }
    }
    while n < states {
      target[slot(n)] = source[n]
      n &+= 1
    }
  }

  /// The way back.
  @inline(__always) func scatter(_ source: Input, into target: Output) {
    var n = 0
    while n < states {
      target[n] = source[slot(n)]
      n &+= 1
    }
  }

  /// Whether v is x where it lies in the projection: SISO, and heads that need no padding.
  var readsXInPlace: Bool { rank == 0 && headSize & (isNarrow ? 3 : 15) == 0 }

  /// A chunk's places of a head: an odd number. One position of every head after another is written, and heads a power of two
  /// apart would all fall into the same sets of the caches.
  static var chunkPlaces: Int { chunk | 1 }

  func chunks(_ shape: SequenceShape) -> Int { (shape.time &+ Self.chunk &- 1) / Self.chunk }
}

/// One block of floats, cut up. [rows, H] where nothing else stands.
struct Mamba3Workspace: BitwiseCopyable {
  /// A head's places in arrays [batch, H, places]: its positions, or, where no backward pass follows, those of a chunk, which then
  /// stay in the caches.
  let places: Int
  private let keepsAll: Bool
  private let heads: Int
  /// B_norm, C_norm [padded], B_bias, C_bias [H, R, padded], in the kernel's order.
  let bNorm, cNorm, bBias, cBias: Output
  /// δ + dt_bias, a, Δ, λ.
  let rawStep, rawRate, step, mix: Output
  /// Factors of ĝ, k̂ and q̂, and 1/S (+Scalars).
  let fade, keyScale, queryScale, inverseReach: Output
  /// c [rows, H, R, R].
  let own: Output
  /// [batch, H, places, turning]. These and the next three go through a head's positions without a gap.
  let cosine, sine: Output
  /// k̂, q̂ [batch, H, places, R, padded].
  let k, q: Output
  /// 1 / root mean square of B [rows, R, G], then of C.
  let inverse: Output
  /// [batch, H, places, R, width].
  let y: Output
  /// States at the beginning of every chunk and after the last, [batch, chunks + 1, H, tiles]; without a backward pass of two
  /// chunks by turns.
  let states: Output
  let count: Int

  init(_ core: Mamba3Core, _ shape: SequenceShape, keepsStates: Bool, at memory: Output) {
    var next = 0
    func take(_ count: Int) -> Output {
      defer { next &+= (count &+ 15) & ~15 }
      return memory + next
    }
    let perHead = shape.rows &* core.heads, ranks = core.ranks
    (keepsAll, heads) = (keepsStates, core.heads)
    places = keepsStates ? shape.time | 1 : Mamba3Core.chunkPlaces
    let all = (keepsStates ? shape.batch : 1) &* core.heads &* places
    (bNorm, cNorm) = (take(core.padded), take(core.padded))
    (bBias, cBias) = (take(core.heads &* ranks &* core.padded), take(core.heads &* ranks &* core.padded))
    (rawStep, rawRate, step) = (take(perHead), take(perHead), take(perHead))
    (mix, fade, inverseReach) = (take(perHead), take(perHead), take(perHead))
    (keyScale, queryScale) = (take(perHead), take(perHead))
    own = take(perHead &* ranks &* ranks)
    (cosine, sine) = (take(all &* core.turning), take(all &* core.turning))
    (k, q) = (take(all &* ranks &* core.padded), take(all &* ranks &* core.padded))
    inverse = take(shape.rows &* ranks &* core.groups &* 2)
    y = take(all &* ranks &* core.width)
    states = take((keepsStates ? shape.batch &* (core.chunks(shape) &+ 1) : 2) &* core.heads &* core.tileCount)
    count = next
  }

  /// Where position t of head h of sequence b stands in arrays [batch, H, places].
  @inline(__always) func place(_ b: Int, _ h: Int, _ t: Int) -> Int {
    keepsAll ? (b &* heads &+ h) &* places &+ t : h &* places &+ t % Mamba3Core.chunk
  }

  /// The parameters in the kernel's order.
  func arrange(_ core: Mamba3Core, _ w: Mamba3Parameters<Output>) {
    let biases = core.heads &* core.ranks
    bNorm.update(repeating: 0, count: 2 &* core.padded)
    bBias.update(repeating: 0, count: 2 &* biases &* core.padded)
    core.arrange(w.bNorm, into: bNorm)
    core.arrange(w.cNorm, into: cNorm)
    var i = 0
    while i < biases {
      core.arrange(w.bBias + i &* core.states, into: bBias + i &* core.padded)
      core.arrange(w.cBias + i &* core.states, into: cBias + i &* core.padded)
      i &+= 1
    }
  }
}

extension Mamba3Core {
  /// Floats that `forward` and, with `keepsStates`, `backward` need.
  public func workspaceCount(_ shape: SequenceShape, keepsStates: Bool) -> Int {
    let nothing = Output(bitPattern: 64)  // an address that is never read: only the sizes count
    return nothing.map { Mamba3Workspace(self, shape, keepsStates: keepsStates, at: $0).count } ?? 0
  }
}
