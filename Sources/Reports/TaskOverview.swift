/// Many tasks on one page: a table of tasks and encoders, where a report is about more environments than a section each shows
/// at a glance.
import Records
import Statistics

struct TaskOverview {
  private let sections: [GroupSection]
  private let encoders: [EncoderKind]
  private static let fewest = 4

  /// Nil for a report of few environments.
  init?(_ sections: [GroupSection]) {
    guard unique(sections.map(\.group.environment)).count >= Self.fewest else { return nil }
    self.sections = sections
    let found = sections.flatMap { $0.group.encoders }
    encoders = unique(found)
  }

  func write(to document: inout Document) {
    let header = ["task"] + encoders.map(\.title)
    document.add(.heading(2, "Tasks and encoders"))
    document.add(
      .table(
        caption: "Greedy return of the final weights: mean over seeds, the worst seed in brackets, and how many seeds solve the "
          + "task: at least 98% of the way from random actions to the best policy that does not learn.",
        header: header, rows: rows(score)))
    document.add(
      .table(
        caption:
          "Environment steps until the first evaluation during training that solves the task, and seconds of training until "
          + "then on one core: median of the seeds that solve it at some time.",
        header: header, rows: rows(time)))
  }

  private func rows(_ cell: (GroupSection, RunGroup.Configuration) -> String) -> [[String]] {
    sections.flatMap { section in
      section.group.variants.map { variant in
        let own = section.group.configurations.filter { $0.variant == variant }
        let name = [section.group.environment, section.group.preset, variant].filter { !$0.isEmpty }.joined(separator: ", ")
        return [name] + encoders.map { kind in own.first { $0.encoder == kind }.map { cell(section, $0) } ?? "–" }
      }
    }
  }

  private func score(_ section: GroupSection, _ configuration: RunGroup.Configuration) -> String {
    let means = configuration.measures.map(\.greedyMean)
    guard let worst = means.min() else { return "–" }
    let solved = section.solvingScore.map { score in ", \(means.count { $0 >= score }) of \(means.count)" } ?? ""
    return "\(Number.two(Statistics.mean(means))) (\(Number.two(worst)))\(solved)"
  }

  private func time(_ section: GroupSection, _ configuration: RunGroup.Configuration) -> String {
    guard let score = section.solvingScore else { return "–" }
    let reached = configuration.runs.compactMap { run -> (steps: Double, seconds: Double)? in
      guard let step = run.evaluations?.firstStep(reaching: score),
        let seconds = run.progress.first(where: { $0.step >= step })?.elapsed
      else { return nil }
      return (Double(step), seconds)
    }
    guard !reached.isEmpty else { return "–" }
    let steps = Int(Statistics.median(reached.map(\.steps))), seconds = Statistics.median(reached.map(\.seconds))
    return "\(Number.whole(steps)), \(Int(seconds.rounded())) s"
  }
}

extension GroupSection {
  /// 98% of the way from the worst policy that does not learn to the best; nil where fewer than two are known.
  var solvingScore: Double? {
    let means = policies.map(\.mean)
    guard let best = means.max(), let worst = means.min(), best > worst else { return nil }
    return best - 0.02 * (best - worst)
  }
}
