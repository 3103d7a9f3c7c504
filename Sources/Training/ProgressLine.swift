/// The progress of a run on a person's terminal: one line that redraws itself, or a plain line now and then where the output
/// is piped.
import Foundation
import Records

public struct ProgressReport: Sendable {
  public var step, totalSteps: Int
  /// Since this process began (a resumed run's speed is that of this session).
  public var sessionSeconds: Double
  /// Of the last hundred episodes; NaN before the first ends.
  public var meanReturn: Double
  public var epsilon: Double
  public var loss: Double?
}

/// Steps per second over the last ten seconds or more: learning is slower than filling the replay, so an average since the
/// start misleads.
public struct SpeedMeter: Sendable {
  private var begin: (step: Int, seconds: Double)?
  private var rate: Double?

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

public final class ProgressLine {
  private let isTerminal: Bool
  private let interval: Double
  private var lastTime = -Double.infinity
  private var speed = SpeedMeter()

  public init() {
    isTerminal = isatty(STDERR_FILENO) == 1
    interval = isTerminal ? 0.1 : 10
  }

  public func update(_ report: ProgressReport) {
    let rate = speed.stepsPerSecond(report)
    guard report.sessionSeconds - lastTime >= interval || report.step == report.totalSteps else { return }
    lastTime = report.sessionSeconds
    let text = line(report, rate)
    say(isTerminal ? "\r\u{1b}[2K\(text)" : text, terminator: isTerminal ? "" : "\n")
  }

  /// Leaves the line as it is and moves below it.
  public func end() {
    if isTerminal && lastTime > 0 { say("") }
  }

  private func line(_ report: ProgressReport, _ rate: Double) -> String {
    let share = Double(report.step) / Double(report.totalSteps)
    let remaining = rate > 0 ? Double(report.totalSteps - report.step) / rate : .infinity
    let width = 24, filled = Int(share * Double(width))
    let bar = String(repeating: "█", count: filled) + String(repeating: "░", count: width - filled)
    var text = String(format: "%@ %5.1f%%  %d/%d", bar, share * 100, report.step, report.totalSteps)
    text += String(format: "  %.0f steps/s  ETA %@", rate, Self.time(remaining))
    if !report.meanReturn.isNaN { text += String(format: "  return %.1f", report.meanReturn) }
    text += String(format: "  ε %.2f", report.epsilon)
    if let loss = report.loss { text += String(format: "  loss %.4f", loss) }
    return text
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
