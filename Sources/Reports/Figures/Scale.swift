/// From data to viewBox units along one axis.
import Foundation

package struct Scale {
  let domain: ClosedRange<Double>
  /// Where the domain's lower and upper bounds lie.
  let start, end: Double
  var isLogarithmic = false

  /// Values far outside the domain stay within ±10⁵ units: a renderer's arithmetic is single precision.
  func callAsFunction(_ value: Double) -> Double {
    let fraction =
      isLogarithmic
      ? log(max(value, .leastNormalMagnitude) / domain.lowerBound) / log(domain.upperBound / domain.lowerBound)
      : (value - domain.lowerBound) / (domain.upperBound - domain.lowerBound)
    return min(max(start + fraction * (end - start), -1e5), 1e5)
  }

  func ticks(about count: Int) -> [Tick] {
    isLogarithmic ? Ticks.logarithmic(in: domain, about: count) : Ticks.linear(in: domain, about: count)
  }

  /// The smallest range that holds the finite `values` (on a logarithmic axis the positive ones), widened by `margin` of
  /// its width at both ends; nil without any. A single value gets a range around itself.
  package static func domain(of values: some Sequence<Double>, margin: Double = 0, isLogarithmic: Bool = false)
    -> ClosedRange<Double>?
  {
    var low = Double.infinity
    var high = -Double.infinity
    for value in values where value.isFinite && (value >= .leastNormalMagnitude || !isLogarithmic) {
      low = min(low, value)
      high = max(high, value)
    }
    guard low <= high else { return nil }
    if isLogarithmic {
      let factor = high / low > 1.01 ? pow(high / low, margin) : 2
      return max(low / factor, .leastNormalMagnitude)...(high * factor)
    }
    // Narrower than rounding can resolve counts as a single value.
    let width = high - low
    if width <= max(abs(low), abs(high)) * 1e-12 {
      let half = abs(low) < 1e-300 ? 1 : abs(low) * 0.1
      return (low - half)...(high + half)
    }
    return (low - margin * width)...(high + margin * width)
  }
}
