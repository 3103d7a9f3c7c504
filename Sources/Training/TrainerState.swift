/// Everything of a run that the agent does not hold: counters, each actor's present episode, where the logs stand.
import Environments
import Randomness

/// One actor's present episode: what is needed to rebuild its environment in the middle of it.
struct ActorEpisode: Codable {
  var generator: SplitMix64
  var seed: UInt64 = 0
  var actions: [Int32] = []
  var `return` = 0.0

  init(generator: SplitMix64) { self.generator = generator }

  mutating func begin() {
    // 31 bits: what every environment's seeding takes
    seed = generator.next() >> 33
    actions.removeAll(keepingCapacity: true)
    `return` = 0
  }

  mutating func took(_ action: Int, _ reward: Double) {
    actions.append(Int32(action))
    `return` += reward
  }

  func finish(_ last: Step) -> Episode {
    Episode(return: `return`, length: actions.count, terminated: last.terminated, truncated: last.truncated)
  }
}

struct TrainerState: Codable {
  var step = 0
  var episodes = 0
  var actors: [ActorEpisode]
  var record = RecordPosition()

  init(actors: Int, seed: UInt64) {
    let generator = SplitMix64(seed: seed).split(stream: RandomStream.episodes)
    self.actors = (0..<actors).map { ActorEpisode(generator: $0 == 0 ? generator : generator.split(stream: UInt64($0))) }
  }
}
