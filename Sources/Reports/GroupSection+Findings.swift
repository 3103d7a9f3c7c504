/// What the numbers say, in words that follow from them.
import Records
import Statistics

extension GroupSection {
  /// A few sentences for the top of the page.
  var findings: [String] {
    let ranked = measured.map { ($0, Statistics.mean($0.measures.map(\.greedyMean))) }.sorted { $0.1 > $1.1 }
    guard let (best, bestMean) = ranked.first else { return ["\(title): no run has finished yet."] }
    var sentences: [String] = []
    var words =
      "\(title): the highest greedy return, \(Number.two(bestMean)) over \(seeds(best)), is that of \(best.name)"
    if let (second, secondMean) = ranked.dropFirst().first(where: { $0.0.encoder != best.encoder }) {
      words += "; the highest of another model, \(Number.two(secondMean)) over \(seeds(second)), is that of \(second.name). "
      if let caution = fewSeeds([best, second]) {
        words += "\(caution): which model is better stays open"
      } else {
        let (a, b) = (iqm(best.measures.map(\.greedyMean)), iqm(second.measures.map(\.greedyMean)))
        words += a.low <= b.high ? "Their 95% intervals overlap" : "Their 95% intervals do not overlap"
      }
    }
    sentences.append(words + ".")
    if let constant = policies.max(by: { $0.mean < $1.mean }) {
      let above = ranked.filter { $0.1 > constant.mean }.count
      sentences.append(
        "\(title): the best policy that does not learn, \(constant.policy), returns \(Number.two(constant.mean)); "
          + "on average above it: \(above) of \(ranked.count) configurations.")
    }
    let compared = measured.compactMap { configuration in
      published(configuration).map { (configuration, Statistics.mean(configuration.measures.map(\.lastTenth)) - $0.reward) }
    }
    if let largest = compared.max(by: { abs($0.1) < abs($1.1) }) {
      let mean = Statistics.mean(compared.map { abs($0.1) })
      sentences.append(
        "\(title): against the published table our training return over the last 10% differs by \(Number.two(mean)) on "
          + "average; most for \(largest.0.name), by \(Number.signed(largest.1)).")
    }
    return sentences
  }

  /// Why our numbers and the published ones differ, as far as the data show a difference.
  var explanations: [Document.Block] {
    let compared = measured.compactMap { configuration -> (Configuration, Published)? in
      published(configuration).map { (configuration, $0) }
    }
    guard !compared.isEmpty else { return [] }
    let outside = compared.filter { configuration, published in
      let interval = iqm(configuration.measures.map(\.lastTenth))
      return configuration.measures.count < 2 || published.reward < interval.low || published.reward > interval.high
    }
    guard !outside.isEmpty else {
      return [.paragraph("Every published reward lies within our 95% interval.")]
    }
    let losses = compared.compactMap { configuration, published in
      configuration.measures.compactMap(\.finalLoss).max().map { ($0, published.loss) }
    }
    var reasons = [
      "The paper says its column is a mean over the whole window; its curves show a value late in training. We compare it with the "
        + "last 10%, and give both.",
      "The published environment was never seeded and its five seeds spread widely; chance alone moves a mean by about the width of "
        + "our interval." + (fewSeeds(outside.map(\.0)).map { " \($0)." } ?? ""),
    ]
    if outside.contains(where: { $0.0.encoder != .mamba }) {
      reasons.append(
        "The published code contains only the Mamba network. The baselines' sizes here are ours (hidden size 128, one LSTM layer; two "
          + "Transformer layers of four heads), under the same replay and schedule.")
    }
    if group.environment.hasPrefix("LunarLander") {
      reasons.append(
        "The landing is simulated with Box2D 2.4, the paper's with 2.3: a hand-written policy's returns cannot be told apart in the "
          + "two (KS test), but episodes differ.")
    }
    if losses.contains(where: { abs($0.0 - $0.1) > 0.5 * $0.1 }) {
      reasons.append(
        "TD losses depend on how they are averaged before smoothing (here: means of the weighted Huber loss over a row of "
          + "progress.csv), which the paper does not say.")
    }
    return [
      .paragraph(
        "\(outside.count) of \(compared.count) published rewards lie outside our 95% interval (a single seed counts as outside). The "
          + "likeliest reasons:"),
      .list(reasons),
    ]
  }

  /// What a 95% interval over fewer than five seeds is worth, where one of the configurations has so few: a bootstrap never
  /// leaves the range of its n values, and that range holds the median of all runs with probability 1 − 2^(1 − n).
  private func fewSeeds(_ configurations: [Configuration]) -> String? {
    guard let count = configurations.map(\.measures.count).min(), count < 5 else { return nil }
    guard count > 1 else { return "One seed has no interval" }
    let coverage = Int((100 * (1 - Double(sign: .plus, exponent: 1 - count, significand: 1))).rounded())
    return "With \(count) seeds the interval is at most their range, which holds the median of all runs in \(coverage)% "
      + "of cases, not 95%"
  }

  private func seeds(_ configuration: Configuration) -> String {
    configuration.measures.count == 1 ? "1 seed" : "\(configuration.measures.count) seeds"
  }
}
