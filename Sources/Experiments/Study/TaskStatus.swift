/// Where each task of a study stands, read from its folder and its lock alone: tasks that run elsewhere look the same.
import Foundation
import Records
import Training

/// `<root>/<study>/`: a run folder a task, and the locks.
public struct StudyFolder: Sendable {
  public let path: String
  public init(root: String, study: Study) { path = "\(root)/\(study.name)" }

  public func run(_ task: StudyTask) -> RunFolder { RunFolder(path: "\(path)/\(task.name)") }
  public func lock(_ task: StudyTask) -> String { "\(path)/.locks/\(task.name).lock" }
}

/// Writes `status.json`. Nothing depends on it: a disk that refuses it costs the heartbeat and not the run.
public final class HeartbeatWriter {
  private let folder: RunFolder
  private var speed = SpeedMeter()
  private var last: Heartbeat
  private var written = -Double.infinity

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

public struct TaskStatus: Codable, Equatable, Sendable {
  public enum State: String, Codable, Sendable { case waiting, running, finished, failed, stopped }

  public var index: Int
  public var name, folder, environment: String
  public var model: EncoderKind
  public var state: State
  public var step, totalSteps: Int
  public var heartbeat: Heartbeat?
  /// What is wrong with a task that failed.
  public var error: String?
  /// Who runs it.
  public var holder: String?

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
