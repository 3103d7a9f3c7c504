/// The memory tasks against POPGym, bsuite and the T-Maze's own code: the same seed and actions, the same numbers.
import Environments
import Foundation
import Testing

@Suite struct MemoryTests {
  private func golden<File: Decodable>(_ name: String, as type: File.Type) throws -> File {
    let url = try #require(Bundle.module.url(forResource: "Golden/\(name)", withExtension: "json"))
    return try JSONDecoder().decode(File.self, from: Data(contentsOf: url))
  }

  // MARK: - POPGym, step by step

  private struct Recording: Decodable { var episodes: [Episode] }
  private struct Episode: Decodable {
    var seed: UInt64
    var actions: [Double]
    var observations: [Observation]
    var rewards: [Double]
    var terminated, truncated: Int?
  }
  /// One value; several; or one hexadecimal digit for each of many.
  private enum Observation: Decodable {
    case value(Int), values([Double]), digits(String)
    init(from decoder: any Decoder) throws {
      let container = try decoder.singleValueContainer()
      if let value = try? container.decode(Int.self) {
        self = .value(value)
      } else if let values = try? container.decode([Double].self) {
        self = .values(values)
      } else {
        self = .digits(try container.decode(String.self))
      }
    }
    /// As `gymnasium.spaces.flatten` has it, where each value is one of `kinds`; as it is where `kinds` is empty.
    func flattened(_ kinds: [Int]) -> [Float] {
      let values: [Double]
      switch self {
      case .value(let value): values = [Double(value)]
      case .values(let several): values = several
      case .digits(let text): values = text.map { Double(Int(String($0), radix: 16) ?? -1) }
      }
      if kinds.isEmpty { return values.map(Float.init) }
      return values.enumerated().flatMap { index, value in
        (0..<kinds[index % kinds.count]).map { Double($0) == value ? Float(1) : 0 }
      }
    }
  }

  @Test(arguments: [
    ("AutoencodeEasy", [2, 4]), ("AutoencodeMedium", [2, 4]), ("ConcentrationEasy", [3]), ("ConcentrationHard", [14]),
    ("CountRecallEasy", [2]), ("CountRecallMedium", [4]), ("RepeatFirstEasy", [4]), ("RepeatFirstMedium", [4]),
    ("RepeatPreviousEasy", [4]), ("RepeatPreviousMedium", [4]), ("RepeatPreviousHard", [4]), ("PositionOnlyCartPoleEasy", []),
    ("VelocityOnlyCartPoleEasy", []), ("NoisyPositionOnlyCartPoleEasy", []), ("PositionOnlyPendulumEasy", []),
    ("NoisyPositionOnlyPendulumEasy", []),
  ])
  func recordingsAreEqualStepByStep(_ task: String, _ kinds: [Int]) throws {
    let episodes = try golden("memory/memory-\(task)", as: Recording.self).episodes
    #expect(episodes.count >= 2)
    var world = try makeTask(task)
    for episode in episodes {
      let expected = episode.observations.map { $0.flattened(kinds) }
      #expect(try world.reset(seed: episode.seed) == expected[0], "seed \(episode.seed)")
      for (time, action) in episode.actions.enumerated() {
        let (observation, step) = try take(action, in: &world)
        #expect(observation == expected[time + 1], "seed \(episode.seed), step \(time)")
        #expect(abs(step.reward - episode.rewards[time]) <= 1e-12, "seed \(episode.seed), step \(time)")
        #expect(step.terminated == (time == episode.terminated) && step.truncated == (time == episode.truncated))
      }
      #expect(episode.actions.count - 1 == episode.terminated ?? episode.truncated)
    }
  }

  /// A recorded action: a number, or a Pendulum's torque.
  private func take(_ action: Double, in world: inout any Environment) throws -> (observation: [Float], step: Step) {
    guard var pendulum = world as? PartialPendulum else { return try world.step(Int(action)) }
    defer { world = pendulum }
    var observation: [Float] = [0, 0]
    let step = observation.withUnsafeMutableBufferPointer { pendulum.step(torque: action, into: $0) }
    return (observation, step)
  }

  private func makeTask(_ name: String) throws -> any Environment {
    let difficulty = try #require(Difficulty.allCases.first { name.hasSuffix($0.rawValue) })
    switch name.dropLast(difficulty.rawValue.count) {
    case "RepeatPrevious": return RepeatPrevious(difficulty)
    case "RepeatFirst": return RepeatFirst(difficulty)
    case "Autoencode": return Autoencode(difficulty)
    case "CountRecall": return CountRecall(difficulty)
    case "Concentration": return Concentration(difficulty)
    case "PositionOnlyCartPole": return PartialCartPole.positionOnly(difficulty)
    case "VelocityOnlyCartPole": return PartialCartPole.velocityOnly(difficulty)
    case "NoisyPositionOnlyCartPole": return PartialCartPole.noisyPositionOnly(difficulty)
    case "PositionOnlyPendulum": return PartialPendulum.positionOnly(difficulty)
    case "NoisyPositionOnlyPendulum": return PartialPendulum.noisyPositionOnly(difficulty)
    default: throw CocoaError(.fileReadCorruptFile, userInfo: [NSLocalizedDescriptionKey: "no task \(name)"])
    }
  }

  // MARK: - POPGym, every task and difficulty, also after a reset without a seed

  private struct Summaries: Decodable { var episodes: [Summary] }
  private struct Summary: Decodable {
    var task: String
    var seed: UInt64
    var episodes: [Played]
  }
  private struct Played: Decodable {
    var steps: Int
    var `return`: Double
    var terminated, truncated: Bool
    var hash: String
  }

  @Test func everyTaskPlaysTheSameTwoEpisodes() throws {
    let recorded = try golden("memory", as: Summaries.self).episodes
    #expect(recorded.count == 60)
    for recording in recorded {
      var world = try makeTask(recording.task)
      for (index, expected) in recording.episodes.enumerated() {
        var hash = FNV(), total = 0.0, time = 0
        var step = Step(reward: 0, terminated: false, truncated: false)
        hash.add(try world.reset(seed: index == 0 ? recording.seed : nil))
        while !step.isLast {
          let (observation, result) = try world.step((7 * time + time / 5) % world.actionSpace.count)
          (step, total, time) = (result, total + result.reward, time + 1)
          hash.add(observation)
        }
        let place: Comment = "\(recording.task), seed \(recording.seed), episode \(index)"
        #expect(String(hash.value) == expected.hash && time == expected.steps, place)
        #expect(step.terminated == expected.terminated && step.truncated == expected.truncated, place)
        #expect(abs(total - expected.return) <= 1e-12, place)
      }
    }
  }

  private struct FNV {
    var value: UInt64 = 0xcbf2_9ce4_8422_2325
    mutating func add(_ floats: [Float]) {
      floats.withUnsafeBytes { for byte in $0 { value = (value ^ UInt64(byte)) &* 0x100_0000_01b3 } }
    }
  }

  // MARK: - bsuite and the T-Maze

  private struct Chains: Decodable { var runs: [Chain] }
  private struct Chain: Decodable {
    var memory_length, num_bits: Int
    var seed: UInt64
    var episodes: [ChainEpisode]
  }
  private struct ChainEpisode: Decodable {
    var actions: [Int]
    var observations: [[Double]]
    var rewards: [Double]
    var last: [Bool]
  }

  @Test func memoryChainIsBsuites() throws {
    let runs = try golden("memory/memory-MemoryChain", as: Chains.self).runs
    #expect(runs.count == 2)
    for run in runs {
      var world = MemoryChain(length: run.memory_length, bits: run.num_bits)
      for (index, episode) in run.episodes.enumerated() {
        let expected = episode.observations.map { $0.map(Float.init) }
        #expect(try world.reset(seed: index == 0 ? run.seed : nil) == expected[0], "episode \(index)")
        for (time, action) in episode.actions.enumerated() {
          let (observation, step) = try world.step(action)
          #expect(observation == expected[time + 1] && step.reward == episode.rewards[time], "episode \(index), step \(time)")
          #expect(step.terminated == episode.last[time] && !step.truncated)
        }
      }
    }
  }

  private struct Mazes: Decodable { var episodes: [Maze] }
  private struct Maze: Decodable {
    var seed: UInt64
    var `class`: String
    var episode_length, corridor_length, oracle_length: Int
    var goal_reward, penalty, distract_reward: Double
    var ambiguous_position, add_timestep: Bool
    var actions: [Int]
    var observations: [[Float]]
    var rewards: [Double]
    var done_at: Int

    var options: TMaze.Options {
      var options = TMaze.Options(episodeLength: episode_length, corridorLength: corridor_length)
      (options.oracleLength, options.goalReward, options.penalty) = (oracle_length, goal_reward, penalty)
      options.distractReward = distract_reward
      (options.hasAmbiguousPosition, options.showsTime) = (ambiguous_position, add_timestep)
      return options
    }
  }

  @Test func theTMazeIsTheOriginals() throws {
    let episodes = try golden("memory/memory-TMaze", as: Mazes.self).episodes
    #expect(episodes.count == 6)
    for episode in episodes {
      var named = episode.options
      named.distractReward = 0
      if episode.class == "TMazeClassicPassive" { #expect(named == .passive(episode.corridor_length)) }
      if episode.class == "TMazeClassicActive" { #expect(named == .active(episode.corridor_length)) }
      var world = TMaze(episode.options)
      #expect(try world.reset(seed: episode.seed) == episode.observations[0], "seed \(episode.seed)")
      for (time, action) in episode.actions.enumerated() {
        let (observation, step) = try world.step(action)
        #expect(observation == episode.observations[time + 1], "seed \(episode.seed), step \(time)")
        #expect(step.reward == episode.rewards[time], "seed \(episode.seed), step \(time)")
        #expect(step.terminated == (time == episode.done_at) && !step.truncated)
      }
    }
  }

  // MARK: - Masks

  @Test func aMaskRemovesFeaturesAndNothingElse() throws {
    var whole = LunarLander(), masked = try MaskedEnvironment(LunarLander(), hiding: [5, 2, 3])
    let shown = [0, 1, 4, 6, 7]
    #expect(masked.observationSpace.shape == [5] && masked.actionSpace == whole.actionSpace)
    #expect(masked.observationSpace.high == shown.map { whole.observationSpace.high[$0] })
    let first = try whole.reset(seed: 3)
    #expect(try masked.reset(seed: 3) == shown.map { first[$0] })
    for time in 0..<50 {
      let (observation, step) = try whole.step(time % 4)
      let (visible, maskedStep) = try masked.step(time % 4)
      #expect(visible == shown.map { observation[$0] } && step == maskedStep, "step \(time)")
    }
  }

  @Test func masksThatMakeNoSenseAreRefused() {
    for (mask, message) in [
      ([8], "there is no feature 8 to hide; there are 0 to 7"), ([-1], "there is no feature -1 to hide; there are 0 to 7"),
      ([2, 3, 2], "feature 2 is hidden twice"), (Array(0..<8), "all 8 features are hidden; at least one must remain"),
    ] {
      #expect(throws: FeatureMaskError(message)) { try MaskedEnvironment(LunarLander(), hiding: mask) }
    }
  }
}
