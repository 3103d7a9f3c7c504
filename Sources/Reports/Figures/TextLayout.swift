/// Room for text: how wide it is, where a line breaks, and how labels share a column without touching.

package enum TextLayout {
  /// Estimated width in DejaVu Sans, which is wider than the usual page fonts. `size` is the font's, in viewBox units.
  package static func width(of text: String, size: Double) -> Double {
    size
      * text.reduce(0) { sum, character in
        switch character {
        case "i", "j", "l", "I", ".", ",", ":", ";", "'", "|", "!", " ": sum + 0.34
        case "f", "t", "r", "(", ")", "[", "]", "-", "/": sum + 0.41
        case "m", "w", "M", "W", "%", "@", "−", "+", "=", "<", ">", "&": sum + 0.9
        case let other where other.isUppercase: sum + 0.7
        default: sum + (character.isASCII || character.isLetter ? 0.63 : 0.84)
        }
      }
  }

  /// `text` in lines at most `limit` wide, broken at spaces; a single word that is wider ends in "…".
  package static func lines(of text: String, size: Double, limit: Double) -> [String] {
    var lines: [String] = []
    for word in text.split(separator: " ") {
      if let last = lines.last, width(of: "\(last) \(word)", size: size) <= limit {
        lines[lines.count - 1] += " \(word)"
      } else {
        lines.append(shortened(String(word), size: size, limit: limit))
      }
    }
    return lines
  }

  static func shortened(_ text: String, size: Double, limit: Double) -> String {
    guard width(of: text, size: size) > limit else { return text }
    var short = text
    while !short.isEmpty, width(of: short + "…", size: size) > limit { short.removeLast() }
    return short + "…"
  }

  /// Centres as near as possible (least squares) to `desired` for labels of the given heights that must not overlap and
  /// should stay within `bounds`; those that do not fit run over its end.
  package static func spread(_ desired: [Double], heights: [Double], within bounds: ClosedRange<Double>) -> [Double] {
    guard !desired.isEmpty else { return [] }
    let order = desired.indices.sorted { (desired[$0], $0) < (desired[$1], $1) }
    // Without its distance to the first label each centre only has to be no less than its neighbour's: isotonic
    // regression, by pooling adjacent violators.
    var offsets = [0.0]
    for (above, below) in zip(order, order.dropFirst()) { offsets.append(offsets.last! + (heights[above] + heights[below]) / 2) }
    var pools: [(mean: Double, count: Int)] = []
    for (label, offset) in zip(order, offsets) {
      var pool = (mean: desired[label] - offset, count: 1)
      while let last = pools.last, last.mean > pool.mean {
        let count = last.count + pool.count
        pool = ((last.mean * Double(last.count) + pool.mean * Double(pool.count)) / Double(count), count)
        pools.removeLast()
      }
      pools.append(pool)
    }
    let lowest = bounds.lowerBound + heights[order[0]] / 2
    let highest = max(lowest, bounds.upperBound - heights[order.last!] / 2 - offsets.last!)
    var centres = desired
    let shifts = pools.flatMap { Array(repeating: min(max($0.mean, lowest), highest), count: $0.count) }
    for (position, label) in order.enumerated() { centres[label] = shifts[position] + offsets[position] }
    return centres
  }
}
