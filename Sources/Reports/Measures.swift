/// What the paper's tables and curves measure of one run (docs: the smoothing of TensorBoard, 0.9).
import Records

/// A function of the environment step that keeps a value until the next one.
package struct StepCurve {
  package private(set) var steps: [Int] = []
  package private(set) var values: [Double] = []
  var isEmpty: Bool { steps.isEmpty }
  var last: Double? { values.last }

  /// s ← 0.9 s + 0.1 x; the first x begins it.
  package static func smoothed(_ points: [(step: Int, value: Double)], weight: Double = 0.9) -> StepCurve {
    var curve = StepCurve()
    for point in points {
      curve.steps.append(point.step)
      curve.values.append(curve.last.map { weight * $0 + (1 - weight) * point.value } ?? point.value)
    }
    return curve
  }

  /// The value in force at `step`; nil before the first.
  package func value(at step: Int) -> Double? {
    var low = 0, high = steps.count
    while low < high {
      let middle = (low + high) / 2
      if steps[middle] <= step { low = middle + 1 } else { high = middle }
    }
    return low == 0 ? nil : values[low - 1]
  }

  /// Mean over the steps `range`, each step counting once; steps before the first value are left out.
  package func mean(over range: ClosedRange<Int>) -> Double? {
    var total = 0.0, count = 0
    for (index, step) in steps.enumerated() {
      let begin = max(step, range.lowerBound)
      let end = min(index + 1 < steps.count ? steps[index + 1] - 1 : range.upperBound, range.upperBound)
      guard begin <= end else { continue }
      total += values[index] * Double(end - begin + 1)
      count += end - begin + 1
    }
    return count == 0 ? nil : total / Double(count)
  }
}

/// One finished run's numbers.
package struct Measures {
  package let returns: StepCurve
  package let losses: StepCurve
  /// Smoothed training return: mean over the last tenth of the steps; over the paper's window, from the first learning step
  /// on; at the end.
  package let lastTenth, window, final: Double
  /// First step at which the smoothed return is at least 200.
  package let firstAtLeast200: Int?
  package let finalLoss: Double?
  package let greedy: [Double]
  package let seconds: Double

  /// Nil for a run that is not finished or never finished an episode.
  package init?(_ run: RunRecord) {
    guard run.isFinished, let evaluation = run.evaluation else { return nil }
    let total = run.config.totalSteps
    returns = .smoothed(run.episodes.map { ($0.endStep, $0.return) })
    losses = .smoothed(run.progress.compactMap { row in row.loss.map { (row.step, $0) } })
    guard let last = returns.last, let tenth = returns.mean(over: total - total / 10 + 1...total),
      let window = returns.mean(over: min(run.config.learningStarts, total)...total)
    else { return nil }
    (lastTenth, self.window, final) = (tenth, window, last)
    firstAtLeast200 = returns.values.firstIndex { $0 >= 200 }.map { [returns] in returns.steps[$0] }
    finalLoss = losses.last
    greedy = evaluation.returns
    seconds = run.progress.last?.elapsed ?? 0
  }

  package var greedyMean: Double { greedy.reduce(0, +) / Double(greedy.count) }
}
