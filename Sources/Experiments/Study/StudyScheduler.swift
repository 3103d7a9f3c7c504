/// Runs a study's tasks as processes, so many at a time: starts, watches and stops them. What each does is `study run --index`.
import Foundation
import Records

/// One process a task, so many at a time.
public final class StudyScheduler {
  /// What became of the tasks.
  public struct Outcome: Sendable {
    /// Each with its error.
    public var failed: [TaskStatus] = []
    /// Run by other processes.
    public var elsewhere: [TaskStatus] = []
    /// Not finished, because of the request to stop.
    public var unfinished = 0
  }

  /// Locks of a scheduler that was just killed: its tasks are still saving their checkpoints.
  private static let patience = 5.0
  /// After a request to stop; a checkpoint takes a second or two, the evaluation at the end of a run less than a minute.
  private static let grace = 60.0

  private struct Running {
    var process: TaskProcess
    /// Where this try's part of the log begins.
    var logStart: UInt64
  }

  private let tasks: [StudyTask]
  private let folder: StudyFolder
  private let jobs: Int
  private let executable: String
  private let arguments: (StudyTask) -> [String]
  private let display: StudyDisplay
  private let clock = ContinuousClock()
  private var statuses: [TaskStatus]
  /// Positions in `tasks`.
  private var queue: [Int] = []
  private var running: [Int: Running] = [:]
  private var failed: [Int: String] = [:]

  /// - Parameter arguments: with which `executable` runs one task to its end in its folder.
  public init(
    _ tasks: [StudyTask], in folder: StudyFolder, jobs: Int, executable: String, display: StudyDisplay,
    arguments: @escaping (StudyTask) -> [String]
  ) {
    (self.tasks, self.folder, self.jobs, self.executable, self.display) = (tasks, folder, jobs, executable, display)
    self.arguments = arguments
    statuses = tasks.map { TaskStatus($0, in: folder) }
  }

  /// Until every task is finished, failed or run elsewhere, or, once a stop is requested, until all processes are gone.
  public func run(stopRequested: () -> Bool) -> Outcome {
    queue = statuses.indices.filter { statuses[$0].state != .finished }
    display.begin(statuses)
    let start = clock.now
    var refreshed = start, stopping: ContinuousClock.Instant?
    while true {
      for (position, task) in running { if let end = task.process.poll() { ended(position, end, stopping != nil) } }
      if stopping == nil && stopRequested() {
        stopping = clock.now
        display.isStopping = true
        for task in running.values { task.process.send(SIGTERM) }
      }
      if let since = stopping {
        if clock.now - since > .seconds(Self.grace) { for task in running.values { task.process.send(SIGKILL) } }
      } else {
        while running.count < jobs, let position = nextFree() { begin(position) }
      }
      if running.isEmpty && (stopping != nil || queue.isEmpty || clock.now - start > .seconds(Self.patience)) { break }
      if clock.now - refreshed > .seconds(1) {
        refreshed = clock.now
        for position in running.keys { refresh(position) }
      }
      display.update(statuses)
      usleep(50_000)
    }
    for position in statuses.indices { refresh(position) }
    display.end(statuses)
    return Outcome(
      failed: statuses.filter { $0.state == .failed },
      elsewhere: stopping == nil ? queue.map { statuses[$0] } : [],
      unfinished: statuses.count { $0.state == .waiting || $0.state == .stopped })
  }

  private func refresh(_ position: Int) {
    statuses[position] = TaskStatus(tasks[position], in: folder)
    if let error = failed[position] { (statuses[position].state, statuses[position].error) = (.failed, error) }
  }

  /// Takes the first task off the queue that nobody else runs. One that somebody else has finished meanwhile is dropped.
  private func nextFree() -> Int? {
    for position in queue where FileLock.holder(of: folder.lock(tasks[position])) == nil {
      queue.removeAll { $0 == position }
      refresh(position)
      if statuses[position].state != .finished { return position }
    }
    return nil
  }

  private func begin(_ position: Int) {
    let task = tasks[position], run = folder.run(task)
    do {
      try task.check(in: folder)
      try task.makeFolder(in: folder)
      let size = (try? FileManager.default.attributesOfItem(atPath: run.log))?[.size] as? UInt64
      let process = try TaskProcess(executable: executable, arguments: arguments(task), log: run.log)
      running[position] = Running(process: process, logStart: size ?? 0)
      statuses[position].state = .running
      statuses[position].error = nil
    } catch {
      failed[position] = "\(error)"
      refresh(position)
      display.ended(statuses[position])
    }
  }

  private func ended(_ position: Int, _ end: TaskProcess.End, _ isStopping: Bool) {
    guard let task = running.removeValue(forKey: position) else { return }
    let run = folder.run(tasks[position])
    refresh(position)
    switch statuses[position].state {
    case .finished: break
    // Somebody else was faster.
    case .running: queue.append(position)
    case .waiting, .stopped, .failed:
      if isStopping && statuses[position].state != .failed { break }
      let how: String
      switch end {
      case .signal(let number): how = "ended by signal \(number) (\(String(cString: strsignal(number))))"
      case .status(let status) where status > 128: how = "was stopped by signal \(status - 128)"
      case .status(let status): how = "ended with status \(status)"
      }
      let error = statuses[position].error ?? Self.error(inLog: run.log, from: task.logStart) ?? "\(how); its log is \(run.log)"
      // A process that crashed could not say so itself.
      if statuses[position].state != .failed { HeartbeatWriter(run, tasks[position].config).end(error: error) }
      failed[position] = error
      refresh(position)
    }
    display.ended(statuses[position])
  }

  /// The last line that is an error, of the program or of Swift.
  static func error(inLog path: String, from start: UInt64) -> String? {
    guard let file = FileHandle(forReadingAtPath: path), (try? file.seek(toOffset: start)) != nil,
      let data = try? file.readToEnd()
    else { return nil }
    let lines = String(decoding: data, as: UTF8.self).split(separator: "\n")
    let line = lines.last { $0.hasPrefix("error: ") || $0.contains("Fatal error: ") }
    return line.map { $0.hasPrefix("error: ") ? String($0.dropFirst(7)) : String($0) }
  }
}
