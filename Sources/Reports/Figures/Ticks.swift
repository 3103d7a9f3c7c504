/// Where an axis puts its marks and what it writes beside them: steps of 1, 2 or 5 times a power of ten.
import Foundation

package struct Tick: Equatable {
  package var value: Double
  package var label: String
}

package enum Ticks {
  /// Marks inside `range`, whose ends need not be marks; at most `count` + 1 of them. `range` must not be a single value.
  package static func linear(in range: ClosedRange<Double>, about count: Int) -> [Tick] {
    let step = niceStep(atLeast: (range.upperBound - range.lowerBound) / Double(count))
    let largest = max(abs(range.lowerBound), abs(range.upperBound))
    // Whole multiples, so that zero is exactly zero; the slack keeps an end that rounding put just outside.
    let first = (range.lowerBound / step - 1e-9).rounded(.up)
    let last = (range.upperBound / step + 1e-9).rounded(.down)
    return stride(from: first, through: last, by: 1).map {
      Tick(value: $0 * step, label: label($0 * step, step: step, largest: largest))
    }
  }

  /// Powers of ten, or 1, 2 and 5 times them where the range spans fewer than two, or linear marks within less than that.
  package static func logarithmic(in range: ClosedRange<Double>, about count: Int) -> [Tick] {
    let low = Int(log10(range.lowerBound).rounded(.down))
    let high = Int(log10(range.upperBound).rounded(.up))
    let everyDecade = max(1, (high - low) / count)
    func marks(_ multiples: [Double], every: Int) -> [Tick] {
      var ticks: [Tick] = []
      for exponent in stride(from: low, through: high, by: every) {
        let decade = pow(10, Double(exponent))
        for value in multiples.map({ $0 * decade })
        where value >= range.lowerBound * (1 - 1e-9) && value <= range.upperBound * (1 + 1e-9) {
          ticks.append(Tick(value: value, label: label(value, step: decade, largest: value)))
        }
      }
      return ticks
    }
    let decades = marks([1], every: everyDecade)
    if decades.count > 2 { return decades }
    let finer = marks([1, 2, 5], every: 1)
    return finer.count > 2 ? finer : linear(in: range, about: count)
  }

  /// The smallest 1, 2 or 5 times a power of ten that is not below `width`.
  static func niceStep(atLeast width: Double) -> Double {
    let magnitude = pow(10, log10(width).rounded(.down))
    return [1, 2, 5].map { $0 * magnitude }.first { $0 >= width * (1 - 1e-9) } ?? 10 * magnitude
  }

  /// `value` to the precision of `step`; "50k" and "1.5M" on an axis that reaches 10,000 and 1,000,000; "2e−5" in steps
  /// below 10⁻⁴ or from 10⁹ on.
  static func label(_ value: Double, step: Double, largest: Double) -> String {
    if abs(value) < step * 1e-6 { return "0" }
    if step < 0.99e-4 || step >= 1e9 {
      let digits = max(0, Int(log10(abs(value) * 1.000001).rounded(.down) - log10(step * 1.000001).rounded(.down)))
      let parts = String(format: "%.\(digits)e", value).split(separator: "e")
      return typographic("\(parts[0])e\(Int(parts[1])!)")
    }
    let (unit, suffix) =
      largest >= 1e6 && step >= 1e4 ? (1e6, "M") : largest >= 1e4 && step >= 10 ? (1e3, "k") : (1, "")
    let decimals = max(0, -Int(log10(step / unit * 1.000001).rounded(.down)))
    return typographic(String(format: "%.\(decimals)f", value / unit)) + suffix
  }

  private static func typographic(_ number: String) -> String { number.replacingOccurrences(of: "-", with: "−") }
}
