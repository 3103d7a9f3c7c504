/// The plain twin of `Rotary`: the definition, in Double.
import Foundation

@inline(__always) func power(_ x: Double, _ y: Double) -> Double { Foundation.pow(x, y) }
@inline(__always) func cosine(_ x: Double) -> Double { Foundation.cos(x) }
@inline(__always) func sine(_ x: Double) -> Double { Foundation.sin(x) }

extension Rotary {
  /// One row [model] turned to `position`.
  public func referenceTurn(_ row: [Double], position: Double) -> [Double] {
    var result = row
    for head in 0..<heads {
      for j in 0..<pairs {
        let angle = position * power(Self.base, -Double(j) / Double(pairs))
        let first = head * width + j, second = first + pairs
        result[first] = row[first] * cosine(angle) - row[second] * sine(angle)
        result[second] = row[first] * sine(angle) + row[second] * cosine(angle)
      }
    }
    return result
  }
}
