/// Writes what a run leaves behind: progress.csv, monitor.csv, TensorBoard events, evaluations.npz. Only columns named
/// time_* depend on the clock; everything else is the same in every run of one seed, stopped and resumed or not.
import Agents
import Foundation
import Records
import Statistics

/// Where the logs stand at a checkpoint, and the averages under way.
struct RecordPosition: Codable {
  var progress = 0, monitor = 0, events = 0
  var elapsed = 0.0
  /// The last hundred episodes, as Stable-Baselines3's rollout means.
  var recent: [Episode] = []
  var loss = Mean(), tdError = Mean(), gradientNorm = Mean(), q = Mean()
  var evaluations: [Evaluation] = []
  var staleness: Mean? = Mean(), qGap: Mean? = Mean()

  struct Evaluation: Codable {
    var step: Int
    var returns: [Double]
    var lengths: [Int]
  }
}

struct Mean: Codable {
  private var sum = 0.0, count = 0
  mutating func add(_ value: Float) {
    sum += Double(value)
    count += 1
  }
  var value: Double { count == 0 ? .nan : sum / Double(count) }
}

final class RunRecorder {
  private let folder: RunFolder
  private let config: ExperimentConfig
  private let progressLog, monitorLog: CSVLog
  private let events: TensorBoardLog
  private var state: RecordPosition
  private let clock = ContinuousClock()
  private let start: ContinuousClock.Instant
  private var lastLoss: Double?

  private static let columns = [
    "step", "rollout/ep_rew_mean", "rollout/ep_len_mean", "rollout/exploration_rate", "train/loss", "train/td_error",
    "train/grad_norm", "train/q_mean", "train/learning_rate", "train/n_updates", "replay/beta", "replay/size",
    "time_elapsed", "time_fps", "replay/latent_staleness", "replay/latent_q_gap",
  ]

  init(folder: RunFolder, config: ExperimentConfig, resuming position: RecordPosition?) throws {
    self.folder = folder
    self.config = config
    state = position ?? RecordPosition()
    start = clock.now
    progressLog = try CSVLog(path: folder.progress, resumingAt: state.progress)
    monitorLog = try CSVLog(path: folder.monitor, resumingAt: state.monitor)
    events = try TensorBoardLog(path: folder.events, resumingAt: state.events, wallTime: Date().timeIntervalSince1970)
    if position == nil {
      try progressLog.append(row: Self.columns)
      let encoder = JSONEncoder()
      encoder.outputFormatting = .withoutEscapingSlashes
      let name = String(decoding: try encoder.encode(config.environment), as: UTF8.self)
      try monitorLog.append(line: "#{\"t_start\": \(Date().timeIntervalSince1970), \"env_id\": \(name)}")
      try monitorLog.append(row: ["r", "l", "t"])
    }
  }

  private var elapsed: Double { state.elapsed + (clock.now - start) / .seconds(1) }

  /// For a checkpoint: everything written so far is on the disk.
  func position() -> RecordPosition {
    progressLog.flush()
    monitorLog.flush()
    events.flush()
    var position = state
    position.elapsed = elapsed
    (position.progress, position.monitor, position.events) = (progressLog.offset, monitorLog.offset, events.offset)
    return position
  }

  func learned(_ report: LearningReport) {
    state.loss.add(report.loss)
    state.tdError.add(report.meanAbsoluteTDError)
    state.gradientNorm.add(report.gradientNorm)
    state.q.add(report.meanQ)
    lastLoss = Double(report.loss)
    if let staleness = report.staleness {
      state.staleness?.add(staleness.distance)
      state.qGap?.add(staleness.qGap)
    }
  }

  func finishedEpisode(_ episode: Episode) throws {
    state.recent.append(episode)
    if state.recent.count > 100 { state.recent.removeFirst() }
    try monitorLog.append(row: ["\(episode.return)", "\(episode.length)", seconds(elapsed)])
  }

  private var meanReturn: Double {
    state.recent.isEmpty ? .nan : state.recent.reduce(0) { $0 + $1.return } / Double(state.recent.count)
  }
  private var meanLength: Double {
    state.recent.isEmpty ? .nan : state.recent.reduce(0) { $0 + Double($1.length) } / Double(state.recent.count)
  }

  /// One row of progress.csv and one TensorBoard event; training columns are means since the last.
  func log(step: Int, epsilon: Double, importanceExponent: Double, learningRate: Double, replayCount: Int, gradientSteps: Int)
    throws
  {
    let values: [Double] = [
      meanReturn, meanLength, epsilon, state.loss.value, state.tdError.value, state.gradientNorm.value, state.q.value,
      learningRate, Double(gradientSteps), importanceExponent, Double(replayCount),
    ]
    let rate = Double(step) / max(elapsed, 1e-9)
    let stale = [state.staleness?.value ?? .nan, state.qGap?.value ?? .nan]
    let text = (values + stale).map { $0.isNaN ? "" : $0 == $0.rounded() && abs($0) < 1e15 ? "\(Int($0))" : "\($0)" }
    try progressLog.append(
      row: ["\(step)"] + text.prefix(values.count) + [seconds(elapsed), seconds(rate)] + text.suffix(stale.count))
    try events.append(
      step: step, wallTime: Date().timeIntervalSince1970,
      Array(zip(Self.columns.dropFirst().prefix(values.count), values).map { (tag: $0, value: $1) })
        + Array(zip(Self.columns.suffix(stale.count), stale).map { (tag: $0, value: $1) }.filter { !$0.value.isNaN })
        + [(tag: "time/fps", value: rate), (tag: "time/total_timesteps", value: Double(step))])
    (state.loss, state.tdError, state.gradientNorm, state.q) = (Mean(), Mean(), Mean(), Mean())
    (state.staleness, state.qGap) = (Mean(), Mean())
  }

  func evaluated(step: Int, _ episodes: [Episode]) throws {
    state.evaluations.append(.init(step: step, returns: episodes.map(\.return), lengths: episodes.map(\.length)))
    let all = state.evaluations, width = episodes.count
    try Npz.write(
      [
        ("timesteps", .int64(all.map { Int64($0.step) }, shape: [all.count])),
        ("results", .float64(all.flatMap(\.returns), shape: [all.count, width])),
        ("ep_lengths", .int64(all.flatMap(\.lengths).map(Int64.init), shape: [all.count, width])),
      ], to: folder.evaluations)
    try events.append(
      step: step, wallTime: Date().timeIntervalSince1970,
      [
        ("eval/mean_reward", Statistics.mean(episodes.map(\.return))),
        ("eval/mean_ep_length", Statistics.mean(episodes.map { Double($0.length) })),
      ])
  }

  func progress(step: Int, epsilon: Double) -> ProgressReport {
    ProgressReport(
      step: step, totalSteps: config.totalSteps, sessionSeconds: (clock.now - start) / .seconds(1), meanReturn: meanReturn,
      epsilon: epsilon, loss: lastLoss)
  }

  private func seconds(_ value: Double) -> String { String(format: "%.3f", value) }
}
