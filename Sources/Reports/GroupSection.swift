/// One environment's part of the report.
import Records
import Statistics

struct GroupSection {
  typealias Configuration = RunGroup.Configuration
  let group: RunGroup
  let policies: [PolicyResult]
  /// What figures and their files are called after: the environment, and the preset where the report has others of it.
  private let subject: String

  init(_ group: RunGroup, _ policies: [PolicyResult], among groups: [RunGroup]) {
    (self.group, self.policies) = (group, policies)
    let hasOthers = groups.count { $0.environment == group.environment } > 1
    subject = hasOthers ? "\(group.environment), \(group.preset)" : group.environment
  }

  /// Configurations that have a finished run.
  var measured: [Configuration] { group.configurations.filter { !$0.measures.isEmpty } }
  private var hasThreshold200: Bool { group.environment.hasPrefix("LunarLander") }

  /// As the section is called, and what its findings are said of.
  var title: String { "\(group.environment), preset \(group.preset)" }

  func write(to document: inout Document) {
    document.add(.heading(2, title))
    document.add(returnTable)
    document.add(otherTable)
    document.add(spreadTable)
    for block in explanations { document.add(block) }
    document.add(.heading(3, "Return and TD loss over steps"))
    for variant in group.variants {
      document.add(curves("return", variant))
      document.add(curves("loss", variant))
    }
    document.add(.heading(3, "Greedy evaluation of the final weights"))
    document.add(greedyTable)
    document.add(greedyFigure)
    if measured.contains(where: { $0.measures.count > 1 }) {
      document.add(.heading(3, "Over seeds: performance profile and probability of improvement"))
      document.add(profile)
      if let improvement { document.add(improvement) }
    }
    document.add(.heading(3, "Speed"))
    document.add(speedTable)
  }

  // MARK: - Tables

  private var returnTable: Document.Block {
    let header = ["", "seeds", "last 10%: mean", "IQM", "95% interval of the IQM", "published", "difference"]
    let rows = group.configurations.map { configuration -> [String] in
      let scores = configuration.measures.map(\.lastTenth), published = self.published(configuration)?.reward
      guard !scores.isEmpty else { return notFinished(configuration, header.count, published: Number.two(published), at: 5) }
      let mean = Statistics.mean(scores)
      return [
        configuration.name, "\(scores.count)", Number.two(mean), Number.two(Statistics.interquartileMean(scores)),
        interval(scores), Number.two(published), Number.signed(published.map { mean - $0 }),
      ]
    }
    let constant = policies.map { ["policy \($0.policy)", "–", Number.two($0.mean), "–", "–", "–", "–"] }
    return .table(
      caption: "Training return, smoothed, mean over the last 10% of the steps. Policies that do not learn: mean of "
        + "\(policies.first?.returns.count ?? 0) episodes.", header: header, rows: rows + constant)
  }

  private var otherTable: Document.Block {
    let header =
      ["", "mean over the stated window", "published curve", "final", "published curve"]
      + (hasThreshold200 ? ["first step ≥ 200"] : []) + ["final TD loss", "published"]
    let rows = group.configurations.map { configuration -> [String] in
      let measures = configuration.measures, published = self.published(configuration)
      guard !measures.isEmpty else {
        return notFinished(configuration, header.count, published: Number.loss(published?.loss), at: header.count - 1)
      }
      let firsts = measures.map { $0.firstAtLeast200.map(Number.whole) ?? "never" }
      let losses = measures.compactMap(\.finalLoss)
      return [
        configuration.name, Number.two(Statistics.mean(measures.map(\.window))), Number.two(published?.curve?.window),
        Number.two(Statistics.mean(measures.map(\.final))), Number.two(published?.curve?.final),
      ] + (hasThreshold200 ? [firsts.joined(separator: ", ")] : []) + [
        Number.loss(losses.isEmpty ? nil : Statistics.mean(losses)), Number.loss(published?.loss),
      ]
    }
    let constant = policies.map { policy in
      ["policy \(policy.policy)", Number.two(policy.mean), "–", Number.two(policy.mean), "–"]
        + (hasThreshold200 ? ["–"] : []) + ["–", "–"]
    }
    return .table(
      caption:
        "The other published measures, means over seeds. The stated window begins with the first learning step; readings off "
        + "published curves are approximate.", header: header, rows: rows + constant)
  }

  /// How far the seeds lie apart in what the table before gives means of.
  private var spreadTable: Document.Block {
    let header = ["", "window: IQM", "95% interval", "final: IQM", "95% interval", "TD loss: IQM", "95% interval"]
    let rows = measured.filter { $0.measures.count > 1 }.map { configuration -> [String] in
      let measures = configuration.measures
      let returns = [measures.map(\.window), measures.map(\.final)].flatMap { values -> [String] in
        let estimate = iqm(values)
        return [Number.two(estimate.value), Number.interval(estimate)]
      }
      let losses = measures.compactMap(\.finalLoss)
      guard !losses.isEmpty else { return [configuration.name] + returns + ["–", "–"] }
      let loss = iqm(losses)
      return [configuration.name] + returns + [Number.loss(loss.value), "\(Number.loss(loss.low)) … \(Number.loss(loss.high))"]
    }
    let constant = policies.map { policy -> [String] in
      let estimate = iqm(policy.returns), cells = [Number.two(estimate.value), Number.interval(estimate)]
      return ["policy \(policy.policy)"] + cells + cells + ["–", "–"]
    }
    let caption =
      "The same measures over seeds, where there are at least two: IQM and its 95% interval. Policies that do not learn: over "
      + "episodes."
    return .table(caption: caption, header: header, rows: rows + constant)
  }

  private var greedyTable: Document.Block {
    let header =
      ["", "seeds", "mean", "IQM over seeds", "95% interval", "worst seed", "best seed"]
      + (hasThreshold200 ? ["episodes ≥ 200"] : []) + ["truncated"]
    let rows = group.configurations.map { configuration -> [String] in
      let scores = configuration.measures.map(\.greedyMean)
      guard !scores.isEmpty else { return notFinished(configuration, header.count) }
      let episodes = configuration.measures.flatMap(\.greedy)
      let truncated = configuration.runs.compactMap(\.evaluation?.shareTruncated)
      return [
        configuration.name, "\(scores.count)", Number.two(Statistics.mean(scores)),
        Number.two(Statistics.interquartileMean(scores)), interval(scores), Number.two(scores.min()),
        Number.two(scores.max()),
      ] + (hasThreshold200 ? [Number.percent(share200(episodes))] : []) + [Number.percent(Statistics.mean(truncated))]
    }
    let constant = policies.map { policy in
      ["policy \(policy.policy)", "–", Number.two(policy.mean), "–", "–", "–", "–"]
        + (hasThreshold200 ? [Number.percent(share200(policy.returns))] : []) + ["–"]
    }
    return .table(
      caption: "100 episodes a seed, no exploration. The paper reports none.", header: header, rows: rows + constant)
  }

  private var speedTable: Document.Block {
    let rows = measured.map { configuration -> [String] in
      let seconds = configuration.measures.map(\.seconds), steps = Double(configuration.runs[0].config.totalSteps)
      let mean = Statistics.mean(seconds)
      return [
        configuration.name, Number.two(mean / 60), Number.two((seconds.min() ?? 0) / 60), Number.two((seconds.max() ?? 0) / 60),
        String(Int((steps / max(mean, 1e-9)).rounded())),
      ]
    }
    return .table(
      caption: "Wall-clock time of training on one core, in minutes, evaluations during training included. Runs that shared the "
        + "machine with other work took longer.", header: ["", "mean", "shortest", "longest", "steps/s"], rows: rows)
  }

  private func notFinished(_ configuration: Configuration, _ width: Int, published: String = "–", at place: Int? = nil)
    -> [String]
  {
    var row = [configuration.name, "0 of \(configuration.runs.count) finished"] + Array(repeating: "–", count: width - 2)
    if let place { row[place] = published }
    return row
  }

  // MARK: - Figures

  private func curves(_ what: String, _ variant: String) -> Document.Block {
    let isReturn = what == "return"
    let configurations = measured.filter { $0.variant == variant }
    let title = "\(subject): \(isReturn ? "return" : "TD loss")\(variant.isEmpty ? "" : ", \(variant)")"
    let plot = LinePlot(
      title: title, xLabel: "environment steps", yLabel: isReturn ? "smoothed return per episode" : "smoothed TD loss",
      series: configurations.map { series($0, isReturn ? \.returns : \.losses) },
      references: isReturn ? policies.map { Reference(label: $0.policy, value: $0.mean) } : [], logY: !isReturn)
    return .figure(
      name: fileName(what + (variant.isEmpty ? "" : "-\(variant)")),
      caption: "\(title). Mean over seeds, smoothing 0.9; the band is the 95% bootstrap interval of the mean"
        + (isReturn && !policies.isEmpty ? "; dashed: policies that do not learn." : "."), .lines(plot))
  }

  /// Mean over seeds at 200 steps, with its bootstrap interval where there are at least two seeds.
  private func series(_ configuration: Configuration, _ curve: KeyPath<Measures, StepCurve>) -> Series {
    let total = configuration.runs[0].config.totalSteps, points = 200
    var mean: [Point] = [], band: [BandPoint] = []
    for index in 1...points {
      let step = total * index / points
      let values = configuration.measures.compactMap { $0[keyPath: curve].value(at: step) }
      guard values.count == configuration.measures.count else { continue }
      mean.append(Point(x: Double(step), y: Statistics.mean(values)))
      guard values.count > 1 else { continue }
      let interval = Statistics.stratifiedBootstrap([values], resamples: 500) { Statistics.mean($0[0]) }
      band.append(BandPoint(x: Double(step), low: interval.low, high: interval.high))
    }
    return Series(name: configuration.encoder.title, colour: group.colour(of: configuration.encoder), points: mean, band: band)
  }

  private var greedyFigure: Document.Block {
    let rows = measured.map { configuration -> IntervalPlot.Row in
      let scores = configuration.measures.map(\.greedyMean), estimate = iqm(scores)
      return IntervalPlot.Row(
        label: configuration.name, colour: group.colour(of: configuration.encoder), points: scores, estimate: estimate.value,
        interval: estimate.low...estimate.high)
    }
    let plot = IntervalPlot(
      title: "\(subject): greedy evaluation", xLabel: "mean return of 100 greedy episodes", rows: rows,
      references: policies.map { Reference(label: $0.policy, value: $0.mean) })
    return .figure(
      name: fileName("greedy"),
      caption: "A point a seed; the bar is the IQM with its 95% interval; dashed: policies that do not learn.", .intervals(plot))
  }

  private var profile: Document.Block {
    let all = measured.flatMap(\.measures).map(\.lastTenth)
    let low = all.min() ?? 0, high = all.max() ?? 1, margin = 0.05 * max(high - low, 1e-9)
    let thresholds = (0...100).map { low - margin + (high - low + 2 * margin) * Double($0) / 100 }
    let series = group.encoders.compactMap { encoder -> Series? in
      let scores = self.scores(encoder)
      guard !scores.isEmpty else { return nil }
      let shares = PerformanceProfile(scores, thresholds: thresholds).shares
      return Series(
        name: encoder.title, colour: group.colour(of: encoder), points: zip(thresholds, shares).map { Point(x: $0, y: $1.value) },
        band: zip(thresholds, shares).map { BandPoint(x: $0, low: $1.low, high: $1.high) })
    }
    let plot = LinePlot(
      title: "\(subject): performance profile", xLabel: "τ: smoothed return over the last 10% of the steps",
      yLabel: "share of runs above τ", series: series, yRange: 0...1)
    return .figure(
      name: fileName("profile"),
      caption: "Share of runs whose training return over the last 10% exceeds τ\(pooled); bands: 95% bootstrap.", .lines(plot))
  }

  /// How likely a run of Mamba-DQN beats a run of each other model.
  private var improvement: Document.Block? {
    let own = scores(.mamba)
    let rows = group.encoders.filter { $0 != .mamba }.compactMap { other -> IntervalPlot.Row? in
      let theirs = scores(other)
      guard !own.isEmpty, theirs.count == own.count else { return nil }
      let estimate = Statistics.probabilityOfImprovement(of: own, over: theirs)
      return IntervalPlot.Row(
        label: "over \(other.title)", colour: group.colour(of: other), points: [], estimate: estimate.value,
        interval: estimate.low...estimate.high)
    }
    guard !rows.isEmpty else { return nil }
    let plot = IntervalPlot(
      title: "\(subject): probability that Mamba-DQN improves", xLabel: "P(a Mamba-DQN run beats a run of the other)",
      rows: rows, references: [Reference(label: "no difference", value: 0.5)])
    return .figure(
      name: fileName("improvement"),
      caption: "On training return over the last 10%\(pooled), ties counting one half; 95% bootstrap intervals.", .intervals(plot)
    )
  }

  private var pooled: String { group.variants.count > 1 ? ", each setting a task of its own" : "" }

  // MARK: - Numbers

  /// Scores of a model, [variant][seed], where every variant has a finished run; otherwise none.
  private func scores(_ encoder: EncoderKind) -> [[Double]] {
    let scores = group.variants.map { variant in
      measured.first { $0.encoder == encoder && $0.variant == variant }?.measures.map(\.lastTenth) ?? []
    }
    return scores.contains { $0.isEmpty } ? [] : scores
  }

  func published(_ configuration: Configuration) -> Published? {
    guard group.preset == "paper", let config = configuration.runs.first?.config else { return nil }
    return .row(environment: group.environment, encoder: configuration.encoder, gradientClip: config.gradientClip)
  }

  func iqm(_ scores: [Double]) -> Estimate {
    Statistics.stratifiedBootstrap([scores], Statistics.aggregateInterquartileMean)
  }

  /// A single seed has no interval: the bootstrap would give one of width zero.
  private func interval(_ scores: [Double]) -> String { Number.interval(scores.count > 1 ? iqm(scores) : nil) }

  private func share200(_ returns: [Double]) -> Double { Double(returns.filter { $0 >= 200 }.count) / Double(returns.count) }

  private func fileName(_ what: String) -> String {
    let words = subject.replacing(", ", with: "-") + "-" + what
    return String(words.map { $0.isLetter || $0.isNumber || $0 == "-" || $0 == "." ? $0 : "-" })
  }
}
