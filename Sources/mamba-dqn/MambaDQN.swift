/// The command line: one file a command, nothing but words in and words out.
import ArgumentParser
import Environments
import Experiments
import Foundation
import Kernels
import MachineSupport
import Records

/// As CHANGELOG.md counts.
private let programVersion = "0.2.0"

@main
struct MambaDQN: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "mamba-dqn",
    abstract: "Deep Q-learning with memory: a Mamba state space model over the agent's recent observations.",
    discussion: """
      A first run:      mamba-dqn train LunarLander-v3      (a minute, and it lands; half of that with --preset fast)
      Go on with it:    mamba-dqn resume runs/…
      How good is it:   mamba-dqn evaluate runs/…
      """,
    version: "mamba-dqn \(programVersion)",
    subcommands: [
      Train.self, Resume.self, Evaluate.self, Render.self, Watch.self, ExportCommand.self, Predict.self, Generate.self,
      ParityCommand.self, Rollout.self, Bench.self, List.self, StudyCommand.self, ReportCommand.self,
    ])

  /// As the default, but every error is one line; a user's slip exits with 64, everything else with 1.
  static func main() {
    machine_open_standard_descriptors()
    machine_say_crashes_in_one_line()
    // A reader that goes away shows in what `output` throws; a worker's, in what its pipe returns.
    signal(SIGPIPE, SIG_IGN)
    // Foundation traps where it cannot open what it needs.
    let files = machine_open_files()
    guard files >= 64 else { fail("only \(files) files may be open at once (ulimit -n); at least 64 are needed", 1) }
    GEMM.useOneThread()
    do {
      try run()
      Foundation.exit(0)
    } catch let code as ExitCode {
      Foundation.exit(code.rawValue)
    } catch is ReaderGone {
      Foundation.exit(128 + SIGPIPE)  // as a shell has it of a program that the signal ended
    } catch let interruption as EnvironmentInterruption {
      fail(interruption.description, stoppedBySignal.rawValue)
    } catch let error as UsageError {
      fail(error.description, 64)
    } catch {
      fail("\(error)", 1)
    }
  }

  private static func run() throws {
    do {
      var command = try parseAsRoot()
      try command.run()
    } catch  where !(error is ExitCode) && exitCode(for: error) == .success {
      try output(fullMessage(for: error))  // --help
    } catch  where fullMessage(for: error).contains("Usage:") {
      say(fullMessage(for: error))
      throw exitCode(for: error)
    }
  }

  private static func fail(_ message: String, _ code: Int32) -> Never {
    say("error: \(message)")
    Foundation.exit(code)
  }
}
