/// A study's progress on standard error: a table that redraws itself on a terminal, plain lines now and then where the output
/// is piped.
import Foundation
import Records

/// What `study run` shows while it runs.
public final class StudyDisplay {
  private let study: Study
  private let jobs: Int
  private let isTerminal = isatty(STDERR_FILENO) == 1
  private let interval: Duration
  private let clock = ContinuousClock()
  private var last: ContinuousClock.Instant?
  /// Lines of the table on the terminal.
  private var drawn = 0
  /// Says so before the totals.
  public var isStopping = false

  /// `jobs` tasks run side by side.
  public init(_ study: Study, jobs: Int) {
    (self.study, self.jobs) = (study, jobs)
    interval = isTerminal ? .milliseconds(500) : .seconds(30)
  }

  /// The totals, before anything runs.
  public func begin(_ tasks: [TaskStatus]) {
    write([StudyTable.totals(tasks, of: study, jobs: jobs)])
    last = isTerminal ? nil : clock.now
  }

  /// To be called often; it draws when it is time.
  public func update(_ tasks: [TaskStatus]) {
    if let last, clock.now - last < interval { return }
    last = clock.now
    if isTerminal {
      draw(tasks)
    } else {
      write(tasks.filter { $0.state == .running }.map(StudyTable.line) + [StudyTable.totals(tasks, of: study, jobs: jobs)])
    }
  }

  /// A task's end: the table shows it by itself.
  public func ended(_ task: TaskStatus) { if !isTerminal { write([StudyTable.line(task)]) } }

  /// Leaves the table as it is and moves below it.
  public func end(_ tasks: [TaskStatus]) {
    if isTerminal { draw(tasks) } else { write([StudyTable.totals(tasks, of: study, jobs: jobs)]) }
  }

  private func draw(_ tasks: [TaskStatus]) {
    var size = winsize()
    let isKnown = ioctl(STDERR_FILENO, UInt(TIOCGWINSZ), &size) == 0 && size.ws_row > 0 && size.ws_col > 0
    let (height, width) = isKnown ? (Int(size.ws_row), Int(size.ws_col)) : (24, 80)
    let lines =
      StudyTable.lines(tasks, height: max(3, height - 3))
      + [(isStopping ? "saving and stopping … " : "") + StudyTable.totals(tasks, of: study, jobs: jobs)]
    // A line that the terminal wraps would be two, and the table would creep.
    let text = lines.map { "\r\u{1b}[2K\($0.prefix(width - 1))\n" }.joined()
    let up = drawn > 0 ? "\u{1b}[\(drawn)A" : ""
    drawn = lines.count
    say(up + text + "\u{1b}[J", terminator: "")
  }

  private func write(_ lines: [String]) {
    say(lines.joined(separator: "\n"))
  }
}
