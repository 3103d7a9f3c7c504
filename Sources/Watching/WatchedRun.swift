/// One run folder as the page shows it, kept up to date by what has changed on the disk.
import Foundation
import Records

/// What the page is told about a run. Whether it is still running, the page judges by `updated`: nothing here depends on when
/// it is asked for.
struct RunNews: Encodable {
  /// A point of a curve: environment steps and values.
  struct Curve: Encodable, Equatable {
    var x: [Int] = []
    var y: [Float] = []
  }

  var id: Int
  var name: String
  var environment = "", preset = ""
  /// Nil where the configuration cannot be read.
  var encoder: EncoderKind?
  /// As text: JavaScript's numbers do not hold all of them.
  var seed = ""
  var step = 0, totalSteps = 0
  /// Nil before anything was written.
  var stepsPerSecond: Double?
  /// Of the last hundred episodes.
  var meanReturn: Float?
  /// How far what replay stores has fallen behind the network, where the run stores latents or states.
  var staleness: Float?
  /// Mean return of the newest evaluation during training, and of the best one.
  var greedy, best: Float?
  /// Of the final weights; there is one where the run has ended.
  var final: Double?
  /// Seconds since 1970 of the last sign of life.
  var updated = 0.0
  /// What ended it, or why the folder cannot be read.
  var error: String?
  var returns = Curve(), evaluations = Curve()
  /// Steps of recorded episodes, newest last, and when the newest came; whether there is one of the end.
  var episodes: [Int] = []
  var hasLastEpisode = false
  var episodeTime = 0.0
}

final class WatchedRun {
  let folder: RunFolder
  private(set) var news: RunNews
  /// The watcher's count of changes at this run's last one.
  var version = 0
  private var stamps: [String: FileStamp?] = [:]
  private var progress: GrowingTable

  /// As many points of a curve are sent; of more, evenly chosen ones.
  private static let points = 240

  init(id: Int, folder: RunFolder, name: String) {
    self.folder = folder
    news = RunNews(id: id, name: name)
    progress = GrowingTable(
      path: folder.progress,
      columns: ["step", "rollout/ep_rew_mean", "time_elapsed", "replay/latent_staleness"])
  }

  /// Such a run changes again only if somebody resumes it.
  var hasEnded: Bool { news.final != nil }

  /// Reads what has changed; nil where the folder is no run any more, else whether anything did.
  func update() -> Bool? {
    guard FileStamp(folder.config) != nil else { return nil }
    let old = stamps
    // All are looked at, whatever the first ones say: what is first looked at later would count as a change then.
    let hasConfig = changed(folder.config), hasProgress = progress.update(), hasStatus = changed(folder.status)
    let hasEvaluations = changed(folder.evaluations), hasFinal = changed(folder.evaluation)
    let hasEpisodes = changed(folder.episodes), hasLast = changed("\(folder.path)/episode.html")
    stamps[folder.progress] = .some(progress.stamp)
    if hasConfig { readConfig() }
    if hasProgress { readProgress() }
    if hasProgress || hasStatus { readStatus() }
    if hasEvaluations { readEvaluations() }
    if hasFinal || hasConfig { readFinal() }
    if hasEpisodes || hasLast { readEpisodes() }
    news.updated = stamps.values.compactMap { $0?.modified }.max() ?? 0
    return stamps != old
  }

  private func changed(_ path: String) -> Bool {
    let stamp = FileStamp(path)
    guard stamps[path] != .some(stamp) else { return false }
    stamps[path] = .some(stamp)
    return true
  }

  private func readConfig() {
    do {
      let config = try ExperimentConfig(path: folder.config)
      (news.environment, news.encoder, news.preset) = (config.environment, config.encoder, config.preset)
      (news.seed, news.totalSteps, news.error) = ("\(config.seed)", config.totalSteps, nil)
    } catch { news.error = "\(error)" }
  }

  private func readProgress() {
    let (steps, returns, elapsed, staleness) = (
      progress.values[0], progress.values[1], progress.values[2], progress.values[3]
    )
    news.step = steps.last.map { Int($0) } ?? 0
    news.meanReturn = returns.last { !$0.isNaN }
    news.staleness = staleness.last { !$0.isNaN }
    let known = steps.indices.filter { !returns[$0].isNaN && !steps[$0].isNaN }
    let chosen = thinned(known, to: Self.points)
    news.returns = .init(x: chosen.map { Int(steps[$0]) }, y: chosen.map { returns[$0] })
    // Over the last rows, five at most: the whole run's average hides that learning is slower than filling the replay.
    let last = steps.count - 1, first = max(0, last - 5)
    let seconds = last > first ? Double(elapsed[last] - elapsed[first]) : 0
    news.stepsPerSecond = seconds > 0 ? Double(steps[last] - steps[first]) / seconds : nil
  }

  /// A heartbeat comes once a second, rows of the log less often.
  private func readStatus() {
    guard let heartbeat = Heartbeat.read(folder) else { return }
    news.error = heartbeat.error
    guard heartbeat.step >= news.step else { return }
    (news.step, news.stepsPerSecond) = (heartbeat.step, heartbeat.stepsPerSecond)
    news.meanReturn = heartbeat.meanReturn.map { Float($0) } ?? news.meanReturn
  }

  private func readEvaluations() {
    (news.evaluations, news.greedy, news.best) = (.init(), nil, nil)
    guard let history = EvaluationHistory(folder) else { return }
    let means = history.means.map { Float($0) }
    let chosen = thinned(means.indices, to: Self.points)
    news.evaluations = .init(x: chosen.map { history.steps[$0] }, y: chosen.map { means[$0] })
    (news.greedy, news.best) = (means.last, means.max())
  }

  private func readFinal() {
    let evaluation = FileManager.default.contents(atPath: folder.evaluation).flatMap {
      try? JSONDecoder().decode(RunRecord.Evaluation.self, from: $0)
    }
    news.final = evaluation.flatMap { $0.returns.isEmpty ? nil : $0.returns.reduce(0, +) / Double($0.returns.count) }
    if news.final != nil { news.step = max(news.step, news.totalSteps) }
  }

  private func readEpisodes() {
    let names = (try? FileManager.default.contentsOfDirectory(atPath: folder.episodes)) ?? []
    news.episodes = Array(
      names.filter { $0.hasPrefix("step-") && $0.hasSuffix(".html") }
        .compactMap { Int($0.dropFirst("step-".count).dropLast(".html".count)) }.sorted().suffix(200))
    let last = FileStamp("\(folder.path)/episode.html")
    news.hasLastEpisode = last != nil
    news.episodeTime = max(last?.modified ?? 0, news.episodes.isEmpty ? 0 : FileStamp(folder.episodes)?.modified ?? 0)
  }

  /// A recorded episode's page by its name in the address, if this run has it.
  func episode(_ name: String) -> Data? {
    if name == "last" { return FileManager.default.contents(atPath: "\(folder.path)/episode.html") }
    guard let step = Int(name), news.episodes.contains(step) else { return nil }
    return FileManager.default.contents(atPath: folder.episode(step: step))
  }
}
