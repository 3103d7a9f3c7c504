import ArgumentParser
import Environments
import Experiments
import Foundation
import Networks
import Records
import Rendering

struct Render: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Show greedy episodes: as a page that plays, as a film or as pictures.",
    discussion: """
      Of a run, of a .safetensors file (with --env), or of a policy without a network (--policy, --env).
      """)

  @Argument(help: "A run folder, or a .safetensors file.")
  var subject: String?
  @Option(help: "random, heuristic or always:ACTION, instead of a network.")
  var policy: String?
  @Option(name: .customLong("env"), help: "The environment. (default: the run's)")
  var environment: String?
  @Option(help: "Episodes.")
  var episodes = 1
  @Option(help: "Seed of the first episode; the others count up from it.")
  var seed: UInt64 = 0
  @Option(help: "Where to write. (default: episode.html in the run folder)")
  var out: String?

  func run() throws {
    guard episodes > 0, episodes <= 1000 else {
      throw UsageError("--episodes \(episodes): must be a whole number from 1 to 1000")
    }
    let recorder = try EpisodeRecorder(subject: subject, policy: policy, environment: environment)
    let path = out ?? recorder.defaultPath
    let recordings = try (0..<episodes).map { try recorder.record(seed: seed + UInt64($0)) }
    try EpisodePage(recordings).write(to: path)
    print(path)
  }
}
