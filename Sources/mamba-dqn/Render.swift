import ArgumentParser
import Experiments
import Foundation
import MachineSupport
import Records

struct Render: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Show greedy episodes: as a page that plays them, as films or as pictures.",
    discussion: """
      Of a run, of a .safetensors file (with --env), or of a policy without a network (--policy, --env). --checkpoint chooses
      among a run's weights, also while it trains: best, last or an environment step.

      html   one page that needs nothing else; several episodes are chosen from a list
      gif    a film an episode, 25 frames a second at most, by ffmpeg
      mp4    a film an episode, every frame, by ffmpeg
      png    a folder of pictures an episode: 00000.png on
      """)

  @Argument(help: "A run folder, or a .safetensors file.")
  var subject: String?
  @Option(help: "random, heuristic or always:ACTION, instead of a network.")
  var policy: String?
  @Option(name: .customLong("env"), help: "The environment. (default: the run's)")
  var environment: String?
  @OptionGroup var weights: WeightsOptions
  @Option(parsing: .unconditional, help: "Episodes.")
  var episodes = 1
  @Option(parsing: .unconditional, help: "Seed of the first episode; the others count up from it.")
  var seed: UInt64 = 0
  @Option(help: "html, gif, mp4 or png. (default: as --out ends, or else html)")
  var format: EpisodeFormat?
  @Option(
    help:
      "Where to write. (default: episode.html and so on in the run folder, episode-best.html of --checkpoint best, episode-seed7.html of --seed 7; several films carry their seeds)"
  )
  var out: String?
  @Flag(help: "Draw Q-values, action and return below films and pictures; a page has them anyway.")
  var overlay = false
  @OptionGroup var trust: TrustOptions

  func run() throws {
    guard episodes > 0, episodes <= 10_000 else {
      throw UsageError("--episodes \(episodes): must be a whole number from 1 to 10000")
    }
    let choice = try weights.choice(policy: policy), format = try EpisodeFormat(format, for: out)
    machine_catch_stop_signals()
    let recorder = try EpisodeRecorder(
      subject: subject, policy: policy, choice, environment: environment, isTrusted: trust.trust)
    let paths = try writeEpisodes(
      recorder, count: episodes, seed: seed, format: format, overlay: overlay, to: out,
      stopRequested: { machine_stop_signal() != 0 })
    for path in paths { try output(path) }
    if machine_stop_signal() != 0 { throw stoppedBySignal }
  }
}

extension EpisodeFormat: ExpressibleByArgument {}
