/// c += aᵀ · b, the gradient of a linear layer's weight, for layers of sequences: many rows, few columns.
///
/// A block of rows of b is packed into panels of sixteen columns; a tile of twelve columns of a (six of AVX2's registers) and one
/// panel then sums over the block in registers. CBLAS packs both sides, which for so few columns costs a tenth and more of the
/// product. Every sum runs over the rows in order. The plain twin is the definition, in the test.
public struct TransposedProduct: BitwiseCopyable, Sendable {
  /// Of a, b, and c [aColumns, bColumns].
  public let rows, aColumns, bColumns: Int

  public init(rows: Int, aColumns: Int, bColumns: Int) {
    (self.rows, self.aColumns, self.bColumns) = (rows, aColumns, bColumns)
  }

  /// Whether this is at least as fast as CBLAS: panels are full, and a block of b fits into the second cache beside that of a.
  public var isFast: Bool { bColumns >= 16 && bColumns <= 256 }

  /// Rows whose part of a tile and of a panel fit into the first cache.
  private static var block: Int { 96 }
  private var panels: Int { (bColumns &+ 15) / 16 }
  public var scratchCount: Int { panels * Self.block * 16 }

  /// a [rows, aColumns], b [rows, bColumns], c [aColumns, bColumns], each with rows its stride apart.
  @inline(never) public func add(
    a: UnsafePointer<Float>, aStride: Int, b: UnsafePointer<Float>, bStride: Int, to c: UnsafeMutablePointer<Float>,
    cStride: Int, scratch: UnsafeMutablePointer<Float>
  ) {
    var first = 0
    while first < rows {
      let count = min(Self.block, rows &- first)
      pack(b + first &* bStride, bStride, count, scratch)
      let a = a + first &* aStride
      var i = 0
      while i < aColumns {
        let left = aColumns &- i, a = a + i, c = c + i &* cStride
        if hasWideRegisters && left >= 12 {
          forEachPanel(scratch, count, c, cStride) { twelve(count, a, aStride, $0, $1) }
          i &+= 12
        } else if left >= 6 {
          forEachPanel(scratch, count, c, cStride) { six(count, a, aStride, $0, $1) }
          i &+= 6
        } else if left >= 2 {
          forEachPanel(scratch, count, c, cStride) { two(count, a, aStride, $0, $1) }
          i &+= 2
        } else {
          forEachPanel(scratch, count, c, cStride) { one(count, a, aStride, $0, $1) }
          i &+= 1
        }
      }
      first &+= count
    }
  }

  /// [count, bColumns] → [panels][count][16], columns beyond the last zero.
  @inline(__always) private func pack(_ b: Input, _ stride: Int, _ count: Int, _ packed: Output) {
    var t = 0
    while t < count {
      let row = b + t &* stride
      var panel = packed + t &* 16
      var column = 0
      while column < bColumns {
        Kernels.store(panel, loadWide(row + column, bColumns &- column))
        panel += count &* 16
        column &+= 16
      }
      t &+= 1
    }
  }

  @inline(__always) private func forEachPanel(
    _ packed: Output, _ count: Int, _ c: Output, _ cStride: Int, _ body: (_ panel: Input, _ place: TilePlace) -> Void
  ) {
    var column = 0
    while column < bColumns {
      let target = c + column
      body(packed + column &* count, TilePlace(start: target, cStride, target, cStride, min(16, bColumns &- column)))
      column &+= 16
    }
  }

  @inline(__always) private func twelve(_ count: Int, _ a: Input, _ stride: Int, _ panel: Input, _ place: TilePlace) {
    var c0 = place.load(0), c1 = place.load(1), c2 = place.load(2), c3 = place.load(3), c4 = place.load(4)
    var c5 = place.load(5), c6 = place.load(6), c7 = place.load(7), c8 = place.load(8), c9 = place.load(9)
    var c10 = place.load(10), c11 = place.load(11)
    var a = a, t = 0
    while t < count {
      let b = loadWide(panel + t &* 16)
      c0 = fma(wide(a[0]), b, c0)
      c1 = fma(wide(a[1]), b, c1)
      c2 = fma(wide(a[2]), b, c2)
      c3 = fma(wide(a[3]), b, c3)
      c4 = fma(wide(a[4]), b, c4)
      c5 = fma(wide(a[5]), b, c5)
      c6 = fma(wide(a[6]), b, c6)
      c7 = fma(wide(a[7]), b, c7)
      c8 = fma(wide(a[8]), b, c8)
      c9 = fma(wide(a[9]), b, c9)
      c10 = fma(wide(a[10]), b, c10)
      c11 = fma(wide(a[11]), b, c11)
      a += stride
      t &+= 1
    }
    place.store(0, c0)
    place.store(1, c1)
    place.store(2, c2)
    place.store(3, c3)
    place.store(4, c4)
    place.store(5, c5)
    place.store(6, c6)
    place.store(7, c7)
    place.store(8, c8)
    place.store(9, c9)
    place.store(10, c10)
    place.store(11, c11)
  }

  @inline(__always) private func six(_ count: Int, _ a: Input, _ stride: Int, _ panel: Input, _ place: TilePlace) {
    var c0 = place.load(0), c1 = place.load(1), c2 = place.load(2), c3 = place.load(3), c4 = place.load(4)
    var c5 = place.load(5)
    var a = a, t = 0
    while t < count {
      let b = loadWide(panel + t &* 16)
      c0 = fma(wide(a[0]), b, c0)
      c1 = fma(wide(a[1]), b, c1)
      c2 = fma(wide(a[2]), b, c2)
      c3 = fma(wide(a[3]), b, c3)
      c4 = fma(wide(a[4]), b, c4)
      c5 = fma(wide(a[5]), b, c5)
      a += stride
      t &+= 1
    }
    place.store(0, c0)
    place.store(1, c1)
    place.store(2, c2)
    place.store(3, c3)
    place.store(4, c4)
    place.store(5, c5)
  }

  @inline(__always) private func two(_ count: Int, _ a: Input, _ stride: Int, _ panel: Input, _ place: TilePlace) {
    var c0 = place.load(0), c1 = place.load(1)
    var a = a, t = 0
    while t < count {
      let b = loadWide(panel + t &* 16)
      c0 = fma(wide(a[0]), b, c0)
      c1 = fma(wide(a[1]), b, c1)
      a += stride
      t &+= 1
    }
    place.store(0, c0)
    place.store(1, c1)
  }

  @inline(__always) private func one(_ count: Int, _ a: Input, _ stride: Int, _ panel: Input, _ place: TilePlace) {
    var c = place.load(0)
    var t = 0
    while t < count {
      c = fma(wide(a[t &* stride]), loadWide(panel + t &* 16), c)
      t &+= 1
    }
    place.store(0, c)
  }
}
