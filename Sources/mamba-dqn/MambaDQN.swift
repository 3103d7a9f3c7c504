/// The command line: one file a command, nothing but words in and words out.
import ArgumentParser
import Experiments
import Foundation

@main
struct MambaDQN: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "mamba-dqn",
    abstract: "Deep Q-learning with memory: a Mamba state space model over the agent's recent observations.",
    discussion: """
      A first run:      mamba-dqn train LunarLander-v3 --steps 20000
      Go on with it:    mamba-dqn resume runs/…
      How good is it:   mamba-dqn evaluate runs/…
      """,
    subcommands: [
      Train.self, Resume.self, Evaluate.self, Render.self, Predict.self, Rollout.self, Bench.self, List.self, StudyCommand.self,
      ReportCommand.self,
    ])

  /// As the default, but every error is one line; a user's slip exits with 64, everything else with 1.
  static func main() {
    do {
      var command = try parseAsRoot()
      try command.run()
    } catch let error as UsageError {
      fail(error.description, 64)
    } catch let code as ExitCode {
      Foundation.exit(code.rawValue)
    } catch  where exitCode(for: error) == .success || fullMessage(for: error).contains("Usage:") {
      exit(withError: error)
    } catch {
      fail("\(error)", 1)
    }
  }

  private static func fail(_ message: String, _ code: Int32) -> Never {
    FileHandle.standardError.write(Data("error: \(message)\n".utf8))
    Foundation.exit(code)
  }
}
