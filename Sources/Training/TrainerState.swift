/// Everything of a run that the agent does not hold: counters, the present episode, where the logs stand.
import Environments
import Randomness

struct TrainerState: Codable {
  var step = 0
  var episodes = 0
  var generator: SplitMix64
  var episodeSeed: UInt64 = 0
  var actions: [Int32] = []
  var episodeReturn = 0.0
  var record = RecordPosition()

  init(generator: SplitMix64) { self.generator = generator }

  mutating func beginEpisode() {
    // 31 bits: what every environment's seeding takes
    episodeSeed = generator.next() >> 33
    actions.removeAll(keepingCapacity: true)
    episodeReturn = 0
  }

  mutating func took(_ action: Int, _ reward: Double) {
    actions.append(Int32(action))
    episodeReturn += reward
  }

  mutating func finishEpisode(_ last: Step) -> Episode {
    episodes += 1
    return Episode(
      return: episodeReturn, length: actions.count, terminated: last.terminated, truncated: last.truncated)
  }
}
