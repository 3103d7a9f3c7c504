/// What commands that play an environment share.
import ArgumentParser
import Experiments
import Records

let environmentHelp: String =
  "The environment; `mamba-dqn list environments` shows all. Through Python: gymnasium:ID or gymnasium:MODULE:ID."

/// As people write it: 200000, 200_000 or 2e5.
func wholeNumber(_ text: String) throws -> Int {
  guard let value = Int(written: text) else { throw ValidationError("\(text) is not a whole number") }
  return value
}

/// Files are data: what one of them names is imported only if the user says so here.
struct TrustOptions: ParsableArguments {
  @Flag(help: "Import the Python module that the file names as its environment's (gymnasium:MODULE:ID).")
  var trust = false
}

struct WeightsOptions: ParsableArguments {
  @Option(
    parsing: .unconditional,
    help: ArgumentHelp("Which of a run's weights: best, last or a step. (default: the final ones)", valueName: "which"))
  var checkpoint: String?

  /// - Parameter policy: what acts instead of a network, if anything does.
  func choice(policy: String? = nil) throws -> WeightsChoice {
    guard policy == nil || checkpoint == nil else {
      throw UsageError("--checkpoint chooses among the weights of a run; a policy has none")
    }
    return try checkpoint.map { try WeightsChoice($0) } ?? .final
  }
}

struct TimeoutOptions: ParsableArguments {
  @Option(
    parsing: .unconditional,
    help: ArgumentHelp(
      "How long a reset or step of a gymnasium: environment may take. (default: 120 and 30)", valueName: "seconds"))
  var timeout: Double?

  func entry(_ name: String) throws -> EnvironmentEntry { try EnvironmentCatalog.entry(name, timeout: timeout) }
}
