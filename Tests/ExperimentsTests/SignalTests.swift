/// Every signal that asks a program to stop, while it steps and while it evaluates: saved at once, and what goes on from there ends
/// in the bytes of a run that was never stopped.
import Foundation
import Records
import TestSupport
import Testing

@Suite struct SignalTests {
  private static let signals = [SIGINT, SIGTERM, SIGHUP, SIGUSR1, SIGUSR2, SIGXCPU]
  private static let small =
    "train LunarLander-v3 --seed 7 --set encoder=dqn --set residual=false --set hiddenSize=8 --set modelSize=8 --set batchSize=4 "
    + "--set replayCapacity=500 --set learningStarts=50 --set checkpointInterval=100000 --set logInterval=100 "

  private func resumed(_ space: Workspace, _ name: String, to expected: String) throws {
    let result = try mamba("resume \(space.file(name))")
    #expect(result.status == 0, "\(result.error)")
    for file in ["model.safetensors", "evaluations.npz"] {
      let bytes = FileManager.default.contents(atPath: space.file("\(name)/\(file)"))
      #expect(
        bytes != nil && bytes == FileManager.default.contents(atPath: space.file("\(expected)/\(file)")), "\(name): \(file)")
    }
  }

  @Test func whileItSteps() throws {
    let space = try Workspace(),
      train = "\(Self.small) --steps 3000 --set evaluationInterval=1000 --set evaluationEpisodes=1 --out "
    #expect(try mamba(train + space.file("whole")).status == 0)
    for signal in Self.signals {
      let run = space.file("\(signal)")
      let stopped = try mamba(train + run, signal: signal) { lineCount(RunFolder(path: run).progress) >= 4 }
      #expect(stopped.status == 128 + signal && stopped.error.contains("mamba-dqn resume \(run)"), "\(signal): \(stopped)")
      #expect(savedSteps(run) >= 300)
      try resumed(space, "\(signal)", to: "whole")
    }
  }

  /// What a crash leaves behind; a trap ends in SIGILL or SIGTRAP, a precondition of the C library in SIGABRT.
  @Test func aCrashIsOneLine() throws {
    let space = try Workspace()
    for signal in [SIGILL, SIGTRAP, SIGABRT, SIGBUS, SIGFPE, SIGSEGV] {
      let run = RunFolder(path: space.file("\(signal)"))
      let crashed = try mamba("\(Self.small) --steps 1000000 --out \(run.path)", signal: signal) { lineCount(run.progress) >= 2 }
      let lines = crashed.error.split(separator: "\n").map(String.init)
      #expect(crashed.status == signal && lines.last?.hasPrefix("(a mistake in mamba-dqn itself") == true, "\(crashed.error)")
      #expect(lines.count < 8 && !crashed.error.contains("rashed:"), "\(crashed.error)")
    }
  }

  /// Two thousand episodes would take minutes; a stop in the middle of them takes none of the time.
  @Test func whileItEvaluates() throws {
    let space = try Workspace()
    let train = "\(Self.small) --steps 200 --set evaluationInterval=100 --set evaluationEpisodes=10000 --out \(space.file("run"))"
    for signal in Self.signals.prefix(3) {
      let run = RunFolder(path: space.file("run"))
      let clock = ContinuousClock()
      var sent = clock.now
      let stopped = try mamba(train, signal: signal) {
        sent = clock.now
        return lineCount(run.progress) >= 2
      }
      #expect(stopped.status == 128 + signal && savedSteps(run.path) == 100, "\(stopped)")
      #expect(clock.now - sent < .seconds(20), "machines under load take their time; alone it is less than one second")
      try FileManager.default.removeItem(atPath: run.path)
    }
  }
}
