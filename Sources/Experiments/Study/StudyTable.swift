/// A study as a table: a row a task, and one line of totals.
import Foundation
import Training

/// A study's tasks as text.
public enum StudyTable {
  private static let header = ["#", "task", "state", "done", "steps", "steps/s", "ETA", "return"]

  /// At most `height` lines; where not every task has its place, those that run or failed come first.
  public static func lines(_ tasks: [TaskStatus], height: Int = .max) -> [String] {
    var shown = tasks
    if tasks.count + 1 > height {
      let order: [TaskStatus.State] = [.running, .failed, .stopped, .waiting, .finished]
      let first = order.flatMap { state in tasks.filter { $0.state == state } }.prefix(max(1, height - 2))
      shown = first.sorted { $0.index < $1.index }
    }
    let rows = [header] + shown.map(cells)
    let widths = header.indices.map { column in rows.map { $0[column].count }.max() ?? 0 }
    var lines = rows.map { row in
      zip(row, widths).enumerated().map { column, cell in
        let padding = String(repeating: " ", count: cell.1 - cell.0.count)
        // Words to the left, numbers to the right.
        return column == 1 || column == 2 ? cell.0 + padding : padding + cell.0
      }.joined(separator: "  ")
    }
    if shown.count < tasks.count { lines.append("… and \(tasks.count - shown.count) more") }
    return lines
  }

  /// One task without a table around it.
  static func line(_ task: TaskStatus) -> String {
    let cells = cells(task)
    guard task.state != .failed else { return "\(cells[1]) failed: \(task.error ?? "")" }
    return "\(cells[1]) \(cells[2])  \(cells[3])  \(cells[4])  \(cells[5]) steps/s  ETA \(cells[6])  return \(cells[7])"
  }

  private static func cells(_ task: TaskStatus) -> [String] {
    let isRunning = task.state == .running
    let heartbeat = task.heartbeat, speed = heartbeat?.stepsPerSecond ?? 0
    return [
      "\(task.index)", task.name, task.state.rawValue, String(format: "%.0f%%", (task.share * 100).rounded(.down)),
      "\(task.step)/\(task.totalSteps)", isRunning && speed > 0 ? String(format: "%.0f", speed) : "–",
      isRunning && speed > 0 ? ProgressLine.time(Double(task.totalSteps - task.step) / speed) : "–",
      heartbeat?.meanReturn.map { String(format: "%.1f", $0) } ?? "–",
    ]
  }

  /// Such as "4 tasks: 1 finished, 2 running, 1 waiting; about 1:20 left with 2 at a time".
  public static func totals(_ tasks: [TaskStatus], of study: Study, jobs: Int) -> String {
    let states: [TaskStatus.State] = [.finished, .running, .waiting, .stopped, .failed]
    let counts = states.compactMap { state -> String? in
      let count = tasks.count { $0.state == state }
      return count > 0 ? "\(count) \(state.rawValue)" : nil
    }
    let text = "\(study.name): \(tasks.count) tasks, \(counts.joined(separator: ", "))"
    guard tasks.contains(where: { $0.state != .finished && $0.state != .failed }) else { return text }
    guard let seconds = StudyEstimate.seconds(tasks, jobs: jobs) else { return text }
    return text + "; roughly \(duration(seconds)) left, \(jobs) at a time"
  }

  private static func duration(_ seconds: Double) -> String {
    switch seconds {
    case ..<90: "\(Int(seconds.rounded(.up))) s"
    case ..<5400: "\(Int((seconds / 60).rounded(.up))) min"
    default: String(format: "%.1f h", seconds / 3600)
    }
  }
}
