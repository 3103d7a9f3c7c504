/// The report on any number of runs: the published tables and figures with our numbers in them, the statistics the paper
/// does not give, and what is needed to repeat it. A function of the run folders (and of what constant policies return):
/// the same folders give the same bytes.
import Foundation
import Records
import Statistics

/// What a policy without a network returns over episodes of an environment: a row of every table.
public struct PolicyResult: Sendable {
  public var environment, policy: String
  public var returns: [Double]
  public init(environment: String, policy: String, returns: [Double]) {
    (self.environment, self.policy, self.returns) = (environment, policy, returns)
  }
  var mean: Double { Statistics.mean(returns) }
}

public struct Report {
  let document: Document

  public init(_ found: [FoundRun], policies: [PolicyResult]) {
    var document = Document(title: "Latent Mamba-DQN and its baselines: what the runs show")
    let all = found.compactMap { if case .readable(let run) = $0 { run } else { nil } }
    let runs = Self.withoutRepetitions(all)
    let groups = RunGroup.all(runs)
    document.add(
      .paragraph(
        "Made from \(found.count) run folder\(found.count == 1 ? "" : "s") by `mamba-dqn report`. Training returns are smoothed "
          + "exponentially (0.9) over episodes, TD losses over rows of progress.csv, as in the paper. Intervals are 95% stratified "
          + "bootstrap intervals over seeds; IQM is the mean of the middle half. Greedy evaluation plays 100 episodes with the final "
          + "weights, never with the best checkpoint."))
    let sections = groups.map { group in
      GroupSection(group, policies.filter { $0.environment == group.environment }, among: groups)
    }
    document.add(.heading(2, "In short"))
    document.add(.list(sections.flatMap(\.findings) + Self.left(out: all.count - runs.count) + Self.unfinished(found)))
    TaskOverview(sections)?.write(to: &document)
    for section in sections { section.write(to: &document) }
    Self.writeIncomplete(found, to: &document)
    Self.writeRepetition(runs, to: &document)
    self.document = document
  }

  public var html: String { document.html }
  public var markdown: String { document.markdown }
  /// Stand-alone SVG files by name.
  public var figures: [(name: String, svg: String)] { document.figures.map { ($0.name, $0.figure.svg(style: .standalone)) } }

  // MARK: - What is not there

  /// Of runs with equal configurations, seed included, one: the same bytes may lie in two folders. Finished ones go first.
  private static func withoutRepetitions(_ runs: [RunRecord]) -> [RunRecord] {
    var kept: [RunRecord] = []
    for run in runs.filter(\.isFinished) + runs.filter({ !$0.isFinished })
    where !kept.contains(where: { $0.config == run.config }) {
      kept.append(run)
    }
    return runs.filter { run in kept.contains { $0.path == run.path } }
  }

  private static func left(out count: Int) -> [String] {
    count == 0 ? [] : ["\(count) of the folders repeat the configuration and seed of another one, which counts once."]
  }

  private static func unfinished(_ found: [FoundRun]) -> [String] {
    let count = incomplete(found).count
    return count == 0 ? [] : ["\(count) of \(found.count) runs are not finished or not readable; they are listed below."]
  }

  private static func incomplete(_ found: [FoundRun]) -> [[String]] {
    found.compactMap { run in
      switch run {
      case .unreadable(let path, let reason): [path, "not readable: \(reason)"]
      case .readable(let run):
        if !run.isFinished {
          [run.path, "not finished: step \(Number.whole(run.step)) of \(Number.whole(run.config.totalSteps))"]
        } else if Measures(run) == nil {
          [run.path, "finished, but no episode ever ended: nothing to average"]
        } else {
          nil
        }
      }
    }
  }

  private static func writeIncomplete(_ found: [FoundRun], to document: inout Document) {
    let rows = incomplete(found)
    guard !rows.isEmpty else { return }
    document.add(.heading(2, "Runs without a result"))
    document.add(.table(caption: "Left out of every average above.", header: ["run", "state"], rows: rows))
  }

  // MARK: - How to repeat it

  private static func writeRepetition(_ runs: [RunRecord], to document: inout Document) {
    guard !runs.isEmpty else { return }
    document.add(.heading(2, "How to repeat it"))
    document.add(
      .paragraph(
        "The same seed gives the same run to the last bit with the same commit. `make reproduce` runs both published studies from a "
          + "clean clone; each run's own command follows."))
    func machine(_ run: RunRecord) -> String {
      run.provenance.map { "\($0.processor), \($0.cores) cores, \($0.system)" } ?? "not recorded"
    }
    document.add(
      .table(
        caption: "Where the runs were made, each on one core.", header: ["machine", "commits", "runs"],
        rows: unique(runs.map(machine)).map { name in
          let own = runs.filter { machine($0) == name }
          let commits = unique(own.map { $0.provenance?.commit ?? "not recorded" })
          return [name, commits.joined(separator: ", "), "\(own.count)"]
        }))
    document.add(.code(runs.flatMap { $0.commands.isEmpty ? ["\($0.path): no command recorded"] : $0.commands }))
  }
}

/// Numbers as the tables print them.
enum Number {
  static func two(_ value: Double?) -> String { value.map { String(format: "%.2f", $0) } ?? "–" }
  static func loss(_ value: Double?) -> String { value.map { String(format: "%.4f", $0) } ?? "–" }
  static func signed(_ value: Double?) -> String { value.map { String(format: "%+.2f", $0) } ?? "–" }
  static func percent(_ share: Double) -> String { String(format: "%.0f %%", 100 * share) }
  static func interval(_ estimate: Estimate?) -> String { estimate.map { "\(two($0.low)) … \(two($0.high))" } ?? "–" }
  static func whole(_ value: Int) -> String {
    var digits = String(abs(value)), groups: [String] = []
    while digits.count > 3 {
      groups.insert(String(digits.suffix(3)), at: 0)
      digits.removeLast(3)
    }
    return (value < 0 ? "-" : "") + ([digits] + groups).joined(separator: ",")
  }
}
