/// c = start + a · B with a right side that stays the same from step to step of a recurrence: packed once, where CBLAS would
/// pack it at every step, which for the few rows of a step takes longer than the product itself.
///
/// A tile of six rows and sixteen columns fills the registers; a single row takes 64 columns at a time, which reads B as fast
/// as memory gives it. Every sum runs over the inputs in order, from `start`: the bits do not depend on the number of rows.
/// The plain twin is the definition, in the test.
public struct PackedProduct: BitwiseCopyable, Sendable {
  public let inputs, outputs: Int

  public init(inputs: Int, outputs: Int) { (self.inputs, self.outputs) = (inputs, outputs) }

  /// Whether B fits beside its rows into the second cache, so that this is as fast as CBLAS on any number of rows.
  public var isFast: Bool { inputs &* outputs <= 1 << 16 }

  public var packedCount: Int { (outputs + 15) / 16 * inputs * 16 }

  /// B [inputs, outputs] → [⌈outputs / 16⌉][inputs][16], columns beyond `outputs` zero.
  @inline(never) public func pack(_ b: UnsafePointer<Float>, into packed: UnsafeMutablePointer<Float>) {
    pack(b, inputStride: outputs, outputStride: 1, packed)
  }

  /// The same from Bᵀ [outputs, inputs], a linear layer's weight.
  @inline(never) public func pack(transposed b: UnsafePointer<Float>, into packed: UnsafeMutablePointer<Float>) {
    pack(b, inputStride: 1, outputStride: inputs, packed)
  }

  @inline(__always) private func pack(_ b: Input, inputStride: Int, outputStride: Int, _ packed: Output) {
    if outputs & 15 != 0 { packed.update(repeating: 0, count: packedCount) }
    var column = 0
    while column < outputs {
      let panel = packed + column &* inputs, columns = min(16, outputs &- column)
      var k = 0
      while k < inputs {
        var j = 0
        while j < columns {
          panel[k &* 16 &+ j] = b[k &* inputStride &+ (column &+ j) &* outputStride]
          j &+= 1
        }
        k &+= 1
      }
      column &+= 16
    }
  }

  /// a [rows, inputs], c and start [rows, outputs], each with rows its stride apart; start may be c, and nil is zero.
  @inline(never) public func apply(
    rows: Int, a: UnsafePointer<Float>, aStride: Int, packed: UnsafePointer<Float>, start: UnsafePointer<Float>?,
    startStride: Int, c: UnsafeMutablePointer<Float>, cStride: Int
  ) {
    // Rows in blocks that stay in the second cache while every panel passes over them.
    var done = 0
    while done < rows {
      let block = min(192, rows &- done)
      applyBlock(
        block, a + done &* aStride, aStride, packed, start.map { $0 + done &* startStride }, startStride, c + done &* cStride,
        cStride)
      done &+= block
    }
  }

  @inline(__always) private func applyBlock(
    _ rows: Int, _ a: Input, _ aStride: Int, _ packed: Input, _ start: Input?, _ startStride: Int, _ c: Output, _ cStride: Int
  ) {
    var column = 0
    if rows == 1 {
      while column &+ 64 <= outputs {
        single(a, packed + column &* inputs, start.map { $0 + column }, c + column)
        column &+= 64
      }
    }
    while column < outputs {
      let panel = packed + column &* inputs, first = min(lanes, outputs &- column)
      let place = Place(
        start: start.map { $0 + column }, startStride, c + column, cStride, first, min(16, outputs &- column) &- first)
      var r = 0
      while r < rows {
        let left = rows &- r, a = a + r &* aStride
        // Seven and eight rows are taken as four and the rest: tiles of one or two rows leave the multipliers waiting.
        if left == 6 || left > 8 {
          six(a, aStride, panel, place, r)
          r &+= 6
        } else if left >= 4 {
          four(a, aStride, panel, place, r)
          r &+= 4
        } else if left >= 2 {
          two(a, aStride, panel, place, r)
          r &+= 2
        } else {
          one(a, panel, place, r)
          r &+= 1
        }
      }
      column &+= 16
    }
  }

  @inline(__always) private func six(_ a: Input, _ stride: Int, _ panel: Input, _ place: Place, _ r: Int) {
    var (c0, d0) = place.load(r), (c1, d1) = place.load(r &+ 1), (c2, d2) = place.load(r &+ 2)
    var (c3, d3) = place.load(r &+ 3), (c4, d4) = place.load(r &+ 4), (c5, d5) = place.load(r &+ 5)
    let a1 = a + stride, a2 = a1 + stride, a3 = a2 + stride, a4 = a3 + stride, a5 = a4 + stride
    var k = 0
    while k < inputs {
      let b = Kernels.load(panel + k &* 16), e = Kernels.load(panel + k &* 16 &+ 8)
      (c0, d0) = (fma(splat(a[k]), b, c0), fma(splat(a[k]), e, d0))
      (c1, d1) = (fma(splat(a1[k]), b, c1), fma(splat(a1[k]), e, d1))
      (c2, d2) = (fma(splat(a2[k]), b, c2), fma(splat(a2[k]), e, d2))
      (c3, d3) = (fma(splat(a3[k]), b, c3), fma(splat(a3[k]), e, d3))
      (c4, d4) = (fma(splat(a4[k]), b, c4), fma(splat(a4[k]), e, d4))
      (c5, d5) = (fma(splat(a5[k]), b, c5), fma(splat(a5[k]), e, d5))
      k &+= 1
    }
    place.store(r, c0, d0)
    place.store(r &+ 1, c1, d1)
    place.store(r &+ 2, c2, d2)
    place.store(r &+ 3, c3, d3)
    place.store(r &+ 4, c4, d4)
    place.store(r &+ 5, c5, d5)
  }

  @inline(__always) private func four(_ a: Input, _ stride: Int, _ panel: Input, _ place: Place, _ r: Int) {
    var (c0, d0) = place.load(r), (c1, d1) = place.load(r &+ 1), (c2, d2) = place.load(r &+ 2), (c3, d3) = place.load(r &+ 3)
    let a1 = a + stride, a2 = a1 + stride, a3 = a2 + stride
    var k = 0
    while k < inputs {
      let b = Kernels.load(panel + k &* 16), e = Kernels.load(panel + k &* 16 &+ 8)
      (c0, d0) = (fma(splat(a[k]), b, c0), fma(splat(a[k]), e, d0))
      (c1, d1) = (fma(splat(a1[k]), b, c1), fma(splat(a1[k]), e, d1))
      (c2, d2) = (fma(splat(a2[k]), b, c2), fma(splat(a2[k]), e, d2))
      (c3, d3) = (fma(splat(a3[k]), b, c3), fma(splat(a3[k]), e, d3))
      k &+= 1
    }
    place.store(r, c0, d0)
    place.store(r &+ 1, c1, d1)
    place.store(r &+ 2, c2, d2)
    place.store(r &+ 3, c3, d3)
  }

  @inline(__always) private func two(_ a: Input, _ stride: Int, _ panel: Input, _ place: Place, _ r: Int) {
    var (c0, d0) = place.load(r), (c1, d1) = place.load(r &+ 1)
    let a1 = a + stride
    var k = 0
    while k < inputs {
      let b = Kernels.load(panel + k &* 16), e = Kernels.load(panel + k &* 16 &+ 8)
      (c0, d0) = (fma(splat(a[k]), b, c0), fma(splat(a[k]), e, d0))
      (c1, d1) = (fma(splat(a1[k]), b, c1), fma(splat(a1[k]), e, d1))
      k &+= 1
    }
    place.store(r, c0, d0)
    place.store(r &+ 1, c1, d1)
  }

  @inline(__always) private func one(_ a: Input, _ panel: Input, _ place: Place, _ r: Int) {
    var (c0, d0) = place.load(r)
    var k = 0
    while k < inputs {
      let value = splat(a[k])
      c0 = fma(value, Kernels.load(panel + k &* 16), c0)
      d0 = fma(value, Kernels.load(panel + k &* 16 &+ 8), d0)
      k &+= 1
    }
    place.store(r, c0, d0)
  }

  /// One row and four panels.
  @inline(__always) private func single(_ a: Input, _ p0: Input, _ start: Input?, _ c: Output) {
    let p1 = p0 + inputs &* 16, p2 = p1 + inputs &* 16, p3 = p2 + inputs &* 16
    func initial(_ i: Int) -> Vector { start.map { Kernels.load($0 + i) } ?? .zero }
    var c0 = initial(0), c1 = initial(8), c2 = initial(16), c3 = initial(24)
    var c4 = initial(32), c5 = initial(40), c6 = initial(48), c7 = initial(56)
    var k = 0
    while k < inputs {
      let value = splat(a[k]), i = k &* 16
      (c0, c1) = (fma(value, Kernels.load(p0 + i), c0), fma(value, Kernels.load(p0 + i &+ 8), c1))
      (c2, c3) = (fma(value, Kernels.load(p1 + i), c2), fma(value, Kernels.load(p1 + i &+ 8), c3))
      (c4, c5) = (fma(value, Kernels.load(p2 + i), c4), fma(value, Kernels.load(p2 + i &+ 8), c5))
      (c6, c7) = (fma(value, Kernels.load(p3 + i), c6), fma(value, Kernels.load(p3 + i &+ 8), c7))
      k &+= 1
    }
    store(c, c0)
    store(c + 8, c1)
    store(c + 16, c2)
    store(c + 24, c3)
    store(c + 32, c4)
    store(c + 40, c5)
    store(c + 48, c6)
    store(c + 56, c7)
  }
}

/// Where a panel's tiles begin and end: sixteen columns of start and c, of which `first` and `second` exist.
private struct Place {
  let start: Input?, startStride: Int, c: Output, cStride, first, second: Int

  init(start: Input?, _ startStride: Int, _ c: Output, _ cStride: Int, _ first: Int, _ second: Int) {
    (self.start, self.startStride, self.c, self.cStride) = (start, startStride, c, cStride)
    (self.first, self.second) = (first, second)
  }
  @inline(__always) func load(_ row: Int) -> (Vector, Vector) {
    guard let start else { return (.zero, .zero) }
    let p = start + row &* startStride
    return (Kernels.load(p, first), Kernels.load(p + 8, second))
  }
  @inline(__always) func store(_ row: Int, _ x: Vector, _ y: Vector) {
    let p = c + row &* cStride
    Kernels.store(p, x, first)
    Kernels.store(p + 8, y, second)
  }
}
