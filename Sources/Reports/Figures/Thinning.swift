/// Fewer points with the same picture: an RL log has many thousand points, a figure has a few hundred pixel columns.

package enum Thinning {
  /// Pixel columns of a line; each keeps at most two points, its lowest and its highest.
  package static let columns = 300

  /// Indices, ascending, of the points that the picture needs: the first, the last, and per column the lowest `low` and
  /// the highest `high`. `x`, `low` and `high` are finite and equally long; a line passes its y for both.
  package static func indices(x: [Double], low: [Double], high: [Double], in domain: ClosedRange<Double>) -> [Int] {
    guard x.count > 2 * columns else { return Array(x.indices) }
    let width = (domain.upperBound - domain.lowerBound) / Double(columns)
    var kept = [0]
    func keep(_ index: Int) { if index > kept.last! { kept.append(index) } }
    func column(_ index: Int) -> Double { ((x[index] - domain.lowerBound) / width).rounded(.down) }
    var start = 0
    while start < x.count {
      let current = column(start)
      var (end, lowest, highest) = (start + 1, start, start)
      while end < x.count, column(end) == current {
        if low[end] < low[lowest] { lowest = end }
        if high[end] > high[highest] { highest = end }
        end += 1
      }
      keep(min(lowest, highest))
      keep(max(lowest, highest))
      start = end
    }
    keep(x.count - 1)
    return kept
  }
}
