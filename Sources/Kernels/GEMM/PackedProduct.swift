/// c = start + a · B with a right side that stays the same from step to step of a recurrence: packed once, where CBLAS would
/// pack it at every step, which for the few rows of a step takes longer than the product itself.
///
/// A tile of six rows and sixteen columns fills AVX2's registers, one of twelve rows AVX-512's; a single row takes 64 columns at
/// a time, which reads B as fast as memory gives it. Every sum runs over the inputs in order, from `start`: the bits do not depend on the number of rows.
/// The plain twin is the definition, in the test.
public struct PackedProduct: BitwiseCopyable, Sendable {
  public let inputs, outputs: Int

  public init(inputs: Int, outputs: Int) { (self.inputs, self.outputs) = (inputs, outputs) }

  /// Whether this is at least as fast as CBLAS on any number of rows: a panel fits into the first cache and its rows into the
  /// second (up to a fifth faster), or all of B does.
  public var isFast: Bool { inputs <= 256 || inputs &* outputs <= 1 << 16 }

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
      let panel = packed + column &* inputs
      let place = TilePlace(start: start.map { $0 + column }, startStride, c + column, cStride, min(16, outputs &- column))
      var r = 0
      while r < rows {
        let left = rows &- r, a = a + r &* aStride
        // Seven and eight rows are taken as four and the rest: tiles of one or two rows leave the multipliers waiting.
        if hasWideRegisters && left >= 12 {
          twelve(a, aStride, panel, place, r)
          r &+= 12
        } else if hasWideRegisters && left >= 8 {
          eight(a, aStride, panel, place, r)
          r &+= 8
        } else if left == 6 || left > 8 {
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

  @inline(__always) private func twelve(_ a: Input, _ stride: Int, _ panel: Input, _ place: TilePlace, _ r: Int) {
    var c0 = place.load(r), c1 = place.load(r &+ 1), c2 = place.load(r &+ 2), c3 = place.load(r &+ 3)
    var c4 = place.load(r &+ 4), c5 = place.load(r &+ 5), c6 = place.load(r &+ 6), c7 = place.load(r &+ 7)
    var c8 = place.load(r &+ 8), c9 = place.load(r &+ 9), c10 = place.load(r &+ 10), c11 = place.load(r &+ 11)
    let a1 = a + stride, a2 = a1 + stride, a3 = a2 + stride, a4 = a3 + stride, a5 = a4 + stride, a6 = a5 + stride
    let a7 = a6 + stride, a8 = a7 + stride, a9 = a8 + stride, a10 = a9 + stride, a11 = a10 + stride
    var k = 0
    while k < inputs {
      let b = loadWide(panel + k &* 16)
      c0 = fma(wide(a[k]), b, c0)
      c1 = fma(wide(a1[k]), b, c1)
      c2 = fma(wide(a2[k]), b, c2)
      c3 = fma(wide(a3[k]), b, c3)
      c4 = fma(wide(a4[k]), b, c4)
      c5 = fma(wide(a5[k]), b, c5)
      c6 = fma(wide(a6[k]), b, c6)
      c7 = fma(wide(a7[k]), b, c7)
      c8 = fma(wide(a8[k]), b, c8)
      c9 = fma(wide(a9[k]), b, c9)
      c10 = fma(wide(a10[k]), b, c10)
      c11 = fma(wide(a11[k]), b, c11)
      k &+= 1
    }
    place.store(r, c0)
    place.store(r &+ 1, c1)
    place.store(r &+ 2, c2)
    place.store(r &+ 3, c3)
    place.store(r &+ 4, c4)
    place.store(r &+ 5, c5)
    place.store(r &+ 6, c6)
    place.store(r &+ 7, c7)
    place.store(r &+ 8, c8)
    place.store(r &+ 9, c9)
    place.store(r &+ 10, c10)
    place.store(r &+ 11, c11)
  }

  @inline(__always) private func eight(_ a: Input, _ stride: Int, _ panel: Input, _ place: TilePlace, _ r: Int) {
    var c0 = place.load(r), c1 = place.load(r &+ 1), c2 = place.load(r &+ 2), c3 = place.load(r &+ 3)
    var c4 = place.load(r &+ 4), c5 = place.load(r &+ 5), c6 = place.load(r &+ 6), c7 = place.load(r &+ 7)
    let a1 = a + stride, a2 = a1 + stride, a3 = a2 + stride, a4 = a3 + stride, a5 = a4 + stride, a6 = a5 + stride
    let a7 = a6 + stride
    var k = 0
    while k < inputs {
      let b = loadWide(panel + k &* 16)
      c0 = fma(wide(a[k]), b, c0)
      c1 = fma(wide(a1[k]), b, c1)
      c2 = fma(wide(a2[k]), b, c2)
      c3 = fma(wide(a3[k]), b, c3)
      c4 = fma(wide(a4[k]), b, c4)
      c5 = fma(wide(a5[k]), b, c5)
      c6 = fma(wide(a6[k]), b, c6)
      c7 = fma(wide(a7[k]), b, c7)
      k &+= 1
    }
    place.store(r, c0)
    place.store(r &+ 1, c1)
    place.store(r &+ 2, c2)
    place.store(r &+ 3, c3)
    place.store(r &+ 4, c4)
    place.store(r &+ 5, c5)
    place.store(r &+ 6, c6)
    place.store(r &+ 7, c7)
  }

  @inline(__always) private func six(_ a: Input, _ stride: Int, _ panel: Input, _ place: TilePlace, _ r: Int) {
    var c0 = place.load(r), c1 = place.load(r &+ 1), c2 = place.load(r &+ 2), c3 = place.load(r &+ 3)
    var c4 = place.load(r &+ 4), c5 = place.load(r &+ 5)
    let a1 = a + stride, a2 = a1 + stride, a3 = a2 + stride, a4 = a3 + stride, a5 = a4 + stride
    var k = 0
    while k < inputs {
      let b = loadWide(panel + k &* 16)
      c0 = fma(wide(a[k]), b, c0)
      c1 = fma(wide(a1[k]), b, c1)
      c2 = fma(wide(a2[k]), b, c2)
      c3 = fma(wide(a3[k]), b, c3)
      c4 = fma(wide(a4[k]), b, c4)
      c5 = fma(wide(a5[k]), b, c5)
      k &+= 1
    }
    place.store(r, c0)
    place.store(r &+ 1, c1)
    place.store(r &+ 2, c2)
    place.store(r &+ 3, c3)
    place.store(r &+ 4, c4)
    place.store(r &+ 5, c5)
  }

  @inline(__always) private func four(_ a: Input, _ stride: Int, _ panel: Input, _ place: TilePlace, _ r: Int) {
    var c0 = place.load(r), c1 = place.load(r &+ 1), c2 = place.load(r &+ 2), c3 = place.load(r &+ 3)
    let a1 = a + stride, a2 = a1 + stride, a3 = a2 + stride
    var k = 0
    while k < inputs {
      let b = loadWide(panel + k &* 16)
      c0 = fma(wide(a[k]), b, c0)
      c1 = fma(wide(a1[k]), b, c1)
      c2 = fma(wide(a2[k]), b, c2)
      c3 = fma(wide(a3[k]), b, c3)
      k &+= 1
    }
    place.store(r, c0)
    place.store(r &+ 1, c1)
    place.store(r &+ 2, c2)
    place.store(r &+ 3, c3)
  }

  @inline(__always) private func two(_ a: Input, _ stride: Int, _ panel: Input, _ place: TilePlace, _ r: Int) {
    var c0 = place.load(r), c1 = place.load(r &+ 1)
    let a1 = a + stride
    var k = 0
    while k < inputs {
      let b = loadWide(panel + k &* 16)
      c0 = fma(wide(a[k]), b, c0)
      c1 = fma(wide(a1[k]), b, c1)
      k &+= 1
    }
    place.store(r, c0)
    place.store(r &+ 1, c1)
  }

  @inline(__always) private func one(_ a: Input, _ panel: Input, _ place: TilePlace, _ r: Int) {
    var c = place.load(r)
    var k = 0
    while k < inputs {
      c = fma(wide(a[k]), loadWide(panel + k &* 16), c)
      k &+= 1
    }
    place.store(r, c)
  }

  /// One row and four panels.
  @inline(__always) private func single(_ a: Input, _ p0: Input, _ start: Input?, _ c: Output) {
    let p1 = p0 + inputs &* 16, p2 = p1 + inputs &* 16, p3 = p2 + inputs &* 16
    func initial(_ i: Int) -> Wide { start.map { loadWide($0 + i) } ?? .zero }
    var c0 = initial(0), c1 = initial(16), c2 = initial(32), c3 = initial(48)
    var k = 0
    while k < inputs {
      let value = wide(a[k]), i = k &* 16
      c0 = fma(value, loadWide(p0 + i), c0)
      c1 = fma(value, loadWide(p1 + i), c1)
      c2 = fma(value, loadWide(p2 + i), c2)
      c3 = fma(value, loadWide(p3 + i), c3)
      k &+= 1
    }
    Kernels.store(c, c0)
    Kernels.store(c + 16, c1)
    Kernels.store(c + 32, c2)
    Kernels.store(c + 48, c3)
  }
}

/// Where a tile begins and ends: rows of sixteen columns of start and c, of which `columns` exist.
struct TilePlace {
  let start: Input?, startStride: Int, c: Output, cStride, columns: Int

  init(start: Input?, _ startStride: Int, _ c: Output, _ cStride: Int, _ columns: Int) {
    (self.start, self.startStride, self.c, self.cStride, self.columns) = (start, startStride, c, cStride, columns)
  }
  @inline(__always) func load(_ row: Int) -> Wide {
    guard let start else { return .zero }
    let p = start + row &* startStride
    if columns == 16 { return loadWide(p) }
    let first = min(lanes, columns)
    return Wide(lowHalf: Kernels.load(p, first), highHalf: Kernels.load(p + 8, columns &- first))
  }
  @inline(__always) func store(_ row: Int, _ x: Wide) {
    let p = c + row &* cStride
    if columns == 16 { return Kernels.store(p, x) }
    let first = min(lanes, columns)
    Kernels.store(p, x.lowHalf, first)
    Kernels.store(p + 8, x.highHalf, columns &- first)
  }
}
