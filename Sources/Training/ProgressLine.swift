/// The progress of a run on a person's terminal: one line that redraws itself, or a plain line now and then where the output
/// is piped.
import Foundation
import Records

/// Where a run stands after an environment step.
public struct ProgressReport: Sendable {
  /// Environment steps taken, and those of the whole run.
  public var step, totalSteps: Int
  /// Since this process began (a resumed run's speed is that of this session).
  public var sessionSeconds: Double
  /// Of the last hundred episodes; NaN before the first ends.
  public var meanReturn: Double
  /// The share of random actions at this step.
  public var epsilon: Double
  /// Of the last gradient step; nil before the first.
  public var loss: Double?

  package init(step: Int, totalSteps: Int, sessionSeconds: Double, meanReturn: Double, epsilon: Double, loss: Double?) {
    (self.step, self.totalSteps, self.sessionSeconds) = (step, totalSteps, sessionSeconds)
    (self.meanReturn, self.epsilon, self.loss) = (meanReturn, epsilon, loss)
  }
}

/// Steps per second over the last ten seconds or more: learning is slower than filling the replay, so an average since the
/// start misleads.
public struct SpeedMeter: Sendable {
  private var begin: (step: Int, seconds: Double)?
  private var rate: Double?

  /// It knows a speed from the second report on.
  public init() {}

  /// To be asked at every step.
  public mutating func stepsPerSecond(_ report: ProgressReport) -> Double {
    let since = begin ?? (report.step - 1, 0)
    begin = since
    let seconds = report.sessionSeconds - since.seconds
    let current = Double(report.step - since.step) / max(seconds, 1e-3)
    if seconds > 10 { (begin, rate) = ((report.step, report.sessionSeconds), current) }
    return rate ?? current
  }
}

/// A run's progress on standard error: one line that redraws itself on a terminal, rows now and then elsewhere.
public final class ProgressLine {
  private let isTerminal: Bool
  private let interval: Double
  private var lastTime = -Double.infinity
  private var speed = SpeedMeter()

  /// Looks whether standard error is a terminal.
  public init() {
    isTerminal = isatty(STDERR_FILENO) == 1
    interval = isTerminal ? 0.1 : 10
  }

  /// To be called after every step; draws a few times a second at most.
  public func update(_ report: ProgressReport) {
    let rate = speed.stepsPerSecond(report)
    guard report.sessionSeconds - lastTime >= interval || report.step == report.totalSteps else { return }
    lastTime = report.sessionSeconds
    let text = Self.line(report, rate, width: isTerminal ? width : 200)
    say(isTerminal ? "\r\u{1b}[2K\(text)" : text, terminator: isTerminal ? "" : "\n")
  }

  /// Leaves the line as it is and moves below it.
  public func end() {
    if isTerminal && lastTime > 0 { say("") }
  }

  /// Columns of the terminal; 80 where it does not say.
  private var width: Int {
    var size = winsize()
    return ioctl(STDERR_FILENO, UInt(TIOCGWINSZ), &size) == 0 && size.ws_col > 0 ? Int(size.ws_col) : 80
  }

  /// What fits into `width` columns, one of them left free so that nothing wraps: of ten parts the more important ones, and a bar
  /// as wide as what is left.
  package static func line(_ report: ProgressReport, _ rate: Double, width: Int) -> String {
    let share = Double(report.step) / Double(report.totalSteps)
    let remaining = rate > 0 ? Double(report.totalSteps - report.step) / rate : .infinity
    // In the order of the line, each with its rank.
    var parts: [(rank: Int, text: String)] = [
      (0, String(format: "%5.1f%%", share * 100)), (3, "\(report.step)/\(report.totalSteps)"),
      (4, String(format: "%.0f steps/s", rate)), (1, "ETA \(time(remaining))"),
    ]
    if !report.meanReturn.isNaN { parts.append((2, String(format: "return %.1f", report.meanReturn))) }
    parts.append((6, String(format: "ε %.2f", report.epsilon)))
    if let loss = report.loss { parts.append((5, String(format: "loss %.4f", loss))) }
    var room = width - 1, chosen: Set<Int> = []
    for part in parts.sorted(by: { $0.rank < $1.rank }) where part.text.count + (chosen.isEmpty ? 0 : 2) <= room {
      room -= part.text.count + (chosen.isEmpty ? 0 : 2)
      chosen.insert(part.rank)
    }
    let text = parts.filter { chosen.contains($0.rank) }.map(\.text).joined(separator: "  ")
    let bar = min(24, room - 1)
    guard bar >= 6 else { return text }
    let filled = max(0, min(bar, Int(share * Double(bar))))
    return String(repeating: "█", count: filled) + String(repeating: "░", count: bar - filled) + " " + text
  }

  /// Such as 1:02:03 or 2:03.
  public static func time(_ seconds: Double) -> String {
    guard seconds.isFinite, seconds < 1e8 else { return "–" }
    let total = Int(seconds.rounded())
    return total >= 3600
      ? String(format: "%d:%02d:%02d", total / 3600, total / 60 % 60, total % 60)
      : String(format: "%d:%02d", total / 60, total % 60)
  }
}
