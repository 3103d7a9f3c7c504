/// Where each task of a study stands, read from its folder and its lock alone: tasks that run elsewhere look the same.
import Foundation
import Records
import Training

/// `<root>/<study>/`: a run folder a task, and the locks.
public struct StudyFolder: Sendable {
  /// The folder's.
  public let path: String
  /// The study's.
  public let name: String
  /// `root` is `--root`.
  public init(root: String, study: Study) { (name, path) = (study.name, "\(root)/\(study.name)") }

  /// A task's run folder.
  public func run(_ task: StudyTask) -> RunFolder { RunFolder(path: "\(path)/\(task.name)") }
  /// The path of a task's lock.
  public func lock(_ task: StudyTask) -> String { "\(path)/.locks/\(task.name).lock" }
}

/// Writes `status.json`. Nothing depends on it: a disk that refuses it costs the heartbeat and not the run.
public final class HeartbeatWriter {
  private let folder: RunFolder
  private var speed = SpeedMeter()
  private var last: Heartbeat
  private var written = -Double.infinity

  /// Goes on from what `status.json` says of an earlier try.
  public init(_ folder: RunFolder, _ config: ExperimentConfig) {
    self.folder = folder
    last =
      Heartbeat.read(folder)
      ?? Heartbeat(
        step: 0, totalSteps: config.totalSteps, stepsPerSecond: 0, epsilon: config.epsilonStart, sessionSeconds: 0, updated: "")
    // The error of an earlier try is not this one's.
    if last.error != nil { end() }
  }

  /// To be told about every step.
  public func update(_ report: ProgressReport) {
    last.stepsPerSecond = speed.stepsPerSecond(report)
    (last.step, last.totalSteps, last.epsilon) = (report.step, report.totalSteps, report.epsilon)
    (last.meanReturn, last.loss) = (report.meanReturn.isNaN ? nil : report.meanReturn, report.loss)
    last.sessionSeconds = report.sessionSeconds
    guard report.sessionSeconds - written >= 1 else { return }
    written = report.sessionSeconds
    write()
  }

  /// The last word: how far it came, and the error that ended it.
  public func end(error: String? = nil) {
    last.error = error
    write()
  }

  private func write() {
    last.updated = ISO8601DateFormatter().string(from: Date())
    if let json = try? last.json { try? AtomicFile.write(json, to: folder.status, durable: false) }
  }
}

/// One task's row in `study status`.
public struct TaskStatus: Codable, Equatable, Sendable {
  /// Where a task stands.
  public enum State: String, Codable, Sendable {
    /// Not begun; held by some process; with its evaluation; with an error; begun and left.
    case waiting, running, finished, failed, stopped
  }

  /// In the whole study, from 0.
  public var index: Int
  /// The task's, its run folder, and where it plays.
  public var name, folder, environment: String
  /// Its encoder.
  public var model: EncoderKind
  /// Where it stands.
  public var state: State
  /// Environment steps taken, and those of the whole run.
  public var step, totalSteps: Int
  /// The newest `status.json`; nil before the first.
  public var heartbeat: Heartbeat?
  /// What is wrong with a task that failed.
  public var error: String?
  /// Who runs it.
  public var holder: String?

  /// As the folder has it at this moment.
  public init(_ task: StudyTask, in study: StudyFolder) {
    let run = study.run(task)
    (index, name, folder) = (task.index, task.name, run.path)
    (environment, model) = (task.config.environment, task.config.encoder)
    heartbeat = Heartbeat.read(run)
    holder = FileLock.holder(of: study.lock(task))
    (step, totalSteps) = (heartbeat?.step ?? 0, task.config.totalSteps)
    let isBegun = FileManager.default.fileExists(atPath: run.config)
    do {
      try task.check(in: study)
      error = heartbeat?.error
    } catch { self.error = "\(error)" }
    if holder != nil {
      (state, error) = (.running, nil)
    } else if error != nil {
      state = .failed
    } else if FileManager.default.fileExists(atPath: run.evaluation) {
      (state, step) = (.finished, totalSteps)
    } else {
      state = isBegun ? .stopped : .waiting
    }
  }

  /// 0 to 1.
  public var share: Double { Double(step) / Double(totalSteps) }
}
