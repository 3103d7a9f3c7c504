/// A model card in Hugging Face's form: a README.md whose front matter (`model-index`) their Hub reads, with all seeds in it.
import Foundation
import Records
import Statistics

/// What keeps runs from being one model.
public struct ModelCardError: Error, CustomStringConvertible, Equatable {
  public let description: String
}

public struct ModelCard {
  public let markdown: String

  /// Says that a README.md is one of ours, which may be written over.
  public static let library = "latent-mamba-dqn"

  /// - Parameter found: seeds of one agent. Runs that have not ended are named and left out of every number.
  public init(_ found: [FoundRun]) throws(ModelCardError) {
    let all = found.compactMap { if case .readable(let run) = $0 { run } else { nil } }
    let runs = all.filter(\.isFinished).sorted { $0.config.seed < $1.config.seed }
    guard !runs.isEmpty else { throw ModelCardError(description: "none of the runs is finished: a card reports final weights") }
    let groups = RunGroup.all(runs),
      agents = groups.flatMap { group in group.configurations.map { "\($0.name) on \(group.environment), \(group.preset)" } }
    guard let agent = groups.first?.configurations.first, agents.count == 1 else {
      throw ModelCardError(
        description: "a card describes one agent, whose runs differ in their seeds only; there are \(agents.count): "
          + agents.joined(separator: "; ") + " (give the run folders of one of them)")
    }
    let seeds = runs.map(\.config.seed)
    if let twice = seeds.first(where: { seed in seeds.count { $0 == seed } > 1 }) {
      throw ModelCardError(description: "seed \(twice) is there twice: give each seed's run once")
    }
    markdown = Self.text(Card(name: agent.encoder.title, runs: runs), leftOut: found.count - runs.count)
  }

  /// One agent's finished runs and their numbers.
  private struct Card {
    let name: String
    let runs: [RunRecord]
    var environment: String { runs[0].config.environment }
    /// Each seed's mean return.
    var means: [Double] { evaluations.map { Statistics.mean($0.returns) } }
    var evaluations: [RunRecord.Evaluation] { runs.compactMap(\.evaluation) }
    var episodes: Int { evaluations.first?.returns.count ?? 0 }
    var outcome: EpisodeOutcome? { EpisodeOutcome(environment: environment) }
    /// The mean over seeds of the share of episodes that came to it.
    func share(_ outcome: EpisodeOutcome) -> Double { Statistics.mean(evaluations.map { $0.share(outcome) }) }
    func minutes(_ run: RunRecord) -> Double { (run.progress.last?.elapsed ?? 0) / 60 }
    var minutes: [Double] { runs.map(minutes) }
  }

  private static func text(_ card: Card, leftOut: Int) -> String {
    let summary = Summary(card.means), few = card.runs.count == 1
    let interval = summary.interquartileMeanInterval.map(Number.two).joined(separator: ", ")
    let iqm = Number.two(summary.interquartileMean) + (few ? "" : " [\(interval)]")
    let title = "\(card.name) on \(card.environment)", run = card.runs[0]
    var document = Document(title: title)
    document.add(
      .paragraph(
        "A deep Q-network with the encoder `\(run.config.encoder.rawValue)`, trained for \(Number.whole(run.config.totalSteps)) "
          + "environment steps by `mamba-dqn`. Every number below is of \(card.episodes) greedy episodes with the final "
          + "weights of a seed, never the best checkpoint; the seeds of those episodes are not those of training."))
    document.add(
      .list(
        [
          "**\(card.runs.count) seed\(few ? "" : "s")**: mean \(Number.two(summary.mean))"
            + (few ? "" : " ± \(Number.two(summary.standardDeviation)) over seeds, worst \(Number.two(card.means.min()))"),
          "**IQM** over seeds\(few ? "" : " with its 95% bootstrap interval"): \(iqm)",
        ]
          + (card.outcome.map { ["\($0.title): \(Number.percent(card.share($0))) of all episodes"] } ?? [])
          + ["**wall clock** of training: \(Number.two(Statistics.median(card.minutes))) minutes in the median"]
          + (leftOut == 0
            ? []
            : [
              "\(leftOut) more run\(leftOut == 1 ? " has" : "s have") not ended and do\(leftOut == 1 ? "es" : "") not count here"
            ])))
    let header = ["seed", "mean", "sd", "median"] + (card.outcome.map { [$0.column] } ?? []) + ["minutes"]
    document.add(
      .table(
        caption: "Each seed.", header: header,
        rows: zip(card.runs, card.evaluations).map { run, evaluation in
          let summary = Summary(evaluation.returns, resamples: 1)
          return [
            "\(run.config.seed)", Number.two(summary.mean), Number.two(summary.standardDeviation), Number.two(summary.median),
          ]
            + (card.outcome.map { [Number.percent(evaluation.share($0))] } ?? []) + [Number.two(card.minutes(run))]
        }))
    document.add(.heading(2, "Use"))
    document.add(
      .code(["mamba-dqn evaluate model.safetensors --episodes 100", "mamba-dqn render model.safetensors --episodes 5"]))
    document.add(.heading(2, "How it was made"))
    document.add(
      .code(card.runs.flatMap { $0.commands.isEmpty ? ["seed \($0.config.seed): no command recorded"] : $0.commands }))
    let commits = unique(card.runs.map { $0.provenance?.commit ?? "not recorded" }).joined(separator: ", ")
    let machines = unique(card.runs.map { run in run.provenance.map { "\($0.processor), \($0.cores) cores" } ?? "not recorded" })
    document.add(.list(["commit: \(commits)", "machine: \(machines.joined(separator: "; "))"]))
    return frontMatter(card, summary, few, interval) + document.markdown
  }

  /// Strings are quoted as JSON, which YAML reads too: an environment's name may hold anything.
  private static func frontMatter(_ card: Card, _ summary: Summary, _ few: Bool, _ interval: String) -> String {
    let spread = few ? Statistics.standardDeviation(card.evaluations[0].returns) : summary.standardDeviation
    var metrics: [(type: String, name: String, value: String)] = [
      ("mean_reward", "mean_reward", "\"\(Number.two(summary.mean)) +/- \(Number.two(spread))\""),
      (
        "iqm_reward", few ? "IQM" : "IQM over \(card.runs.count) seeds, 95% interval [\(interval)]",
        Number.two(summary.interquartileMean)
      ),
    ]
    if let outcome = card.outcome { metrics.append((outcome.metric.type, outcome.metric.name, decimal(card.share(outcome)))) }
    metrics.append(("training_minutes", "wall clock of training, median", Number.two(Statistics.median(card.minutes))))
    // The encoder may be called as the method is.
    let tags = unique([
      card.environment, "deep-reinforcement-learning", "reinforcement-learning", "dqn", card.runs[0].config.encoder.rawValue,
    ])
    return """
      ---
      library_name: \(library)
      license: mit
      tags:
      \(tags.map { "- \($0.jsonQuoted)" }.joined(separator: "\n"))
      model-index:
      - name: \(card.name.jsonQuoted)
        results:
        - task:
            type: reinforcement-learning
            name: reinforcement-learning
          dataset:
            name: \(card.environment.jsonQuoted)
            type: \(card.environment.jsonQuoted)
          metrics:
      \(metrics.map { "    - type: \($0.type)\n      name: \($0.name.jsonQuoted)\n      value: \($0.value)\n      verified: false" }.joined(separator: "\n"))
      ---

      """
  }

  private static func decimal(_ share: Double) -> String { String(format: "%.3f", share) }
}

extension EpisodeOutcome {
  fileprivate var title: String { self == .landed ? "**landed** (return at least 200)" : "**crash rate**" }
  fileprivate var column: String { self == .landed ? "landed" : "crashed" }
  fileprivate var metric: (type: String, name: String) {
    self == .landed
      ? ("landing_rate", "share of episodes with a return of at least 200")
      : ("crash_rate", "share of episodes that end in a crash")
  }
}
