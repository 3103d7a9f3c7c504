/// The learning rule as pure functions on whole batches, above the stateful agent: what Q(s, a) is moved towards.
import Autograd

#if canImport(Glibc)
  import func Glibc.sqrtf
#elseif canImport(Darwin)
  import func Darwin.sqrtf
#endif

/// h(x) = sign(x)(√(|x| + 1) − 1) + εx with ε = 10⁻³, and its inverse (Pohlen et al. 2018, prop. A.2; R2D2): Q-values are
/// learned under h where rewards differ by orders of magnitude.
public enum ValueRescaling {
  static let epsilon: Float = 1e-3

  /// h(x).
  public static func apply(_ x: Float) -> Float {
    (x < 0 ? -1 : 1) * (sqrtf(abs(x) + 1) - 1) + epsilon * x
  }

  /// The x of which h(x) is y.
  public static func invert(_ y: Float) -> Float {
    // In double: √(1 + 4ε(…)) − 1 cancels.
    let epsilon = Double(Self.epsilon)
    let root = ((1 + 4 * epsilon * (Double(abs(y)) + 1 + epsilon)).squareRoot() - 1) / (2 * epsilon)
    return Float((y < 0 ? -1 : 1) * (root * root - 1))
  }
}

/// The action of largest value, the first of equal ones, of those that are allowed; of all where none is. q [count].
func bestAction(_ q: UnsafePointer<Float>, count: Int, where isAllowed: (Int) -> Bool) -> Int {
  let first = (0..<count).first(where: isAllowed)
  var best = first ?? 0
  for action in best..<count where q[action] > q[best] && (first == nil || isAllowed(action)) { best = action }
  return best
}

/// What Q-values are moved towards, as pure functions of whole batches (Mnih et al. 2015; van Hasselt et al. 2016).
public enum Targets {
  /// The action of largest value in a row, of those that `mask` [actions] allows; nil, or none: of all.
  public static func greedyAction(_ q: Tensor, row: Int, mask: UnsafePointer<UInt8>? = nil) -> Int {
    bestAction(q.values + row * q.stride, count: q.columns) { action in mask.map { $0[action] != 0 } ?? true }
  }

  /// Mean less `pessimism` standard deviations of several networks' Q-values, each [rows, actions]: the lower bound of what an
  /// ensemble believes (Ciosek et al. 2019), and with 0 its mean (Anschel et al. 2017). `bound` [rows, actions] is written, dense.
  public static func lowerBound(_ q: [Tensor], pessimism: Float, into bound: UnsafeMutablePointer<Float>) {
    let columns = q[0].columns, share = 1 / Float(q.count)
    for row in 0..<q[0].rows {
      for action in 0..<columns {
        var mean: Float = 0
        for member in q { mean += share * member.values[row * member.stride + action] }
        var variance: Float = 0
        if pessimism > 0 {
          for member in q {
            let difference = member.values[row * member.stride + action] - mean
            variance += share * difference * difference
          }
        }
        bound[row * columns + action] = mean - pessimism * sqrtf(variance)
      }
    }
  }

  /// return + discount · Q′(s′, a′), the n-step target: a′ is the best action by Q′ itself (Mnih et al. 2015, eq. 2) or, given
  /// `chooser`, by the online network (double Q-learning, van Hasselt et al. 2016, eq. 4).
  ///
  /// - Parameters:
  ///   - returns, discounts: [rows]; a discount of 0 bootstraps nothing.
  ///   - nextRows: the row of `next` that holds each row's s′, [rows], counted from `firstRow`.
  ///   - next, chooser: Q-values of the target and of the online network.
  ///   - masks: what each row's s′ allows, [rows, actions]; nil: everything.
  ///   - rescaled: Q-values stand under `ValueRescaling`.
  ///   - targets: [rows], written.
  public static func write(
    rows: Int, returns: UnsafePointer<Float>, discounts: UnsafePointer<Float>, nextRows: UnsafePointer<Int32>,
    firstRow: Int = 0, next: Tensor, chooser: Tensor? = nil, masks: UnsafePointer<UInt8>? = nil, rescaled: Bool = false,
    into targets: UnsafeMutablePointer<Float>
  ) {
    for row in 0..<rows {
      var target = returns[row]
      if discounts[row] != 0 {
        let nextRow = Int(nextRows[row]) - firstRow
        let value = next[nextRow, greedyAction(chooser ?? next, row: nextRow, mask: masks.map { $0 + row * next.columns })]
        target += discounts[row] * (rescaled ? ValueRescaling.invert(value) : value)
      }
      targets[row] = rescaled ? ValueRescaling.apply(target) : target
    }
  }
}
