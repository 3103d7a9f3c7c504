/// Every native environment by its name: what it promises about itself, and what a name that is wrong costs.
import Environments
import Experiments
import Foundation
import TestSupport
import Testing
import Training

@Suite struct MemoryCatalogTests {
  private static let names =
    EnvironmentCatalog.entries.map(\.name) + [
      "MemoryChain-1", "MemoryChain-30", "TMaze-1", "TMaze-20", "TMazeActive-1", "TMazeActive-20", "LunarLander-v3?mask=2,3,5",
      "TMaze-20?mask=1", "highway-fast-v0?mask=24",
    ]

  /// In a longer maze chance may act less often, and a sequence still holds a whole episode.
  @Test(arguments: [
    ("TMaze-50", 0.01, 512), ("TMaze-100", 0.005, 512), ("TMaze-250", 0.002, 512), ("TMazeActive-1000", 0.0005, 1016),
    ("TMaze-1000?mask=1", 0.0005, 1016), ("TMaze-1000000", 5e-7, 65_536),
  ])
  func aMazesPresetFitsItsLength(_ name: String, _ epsilonEnd: Double, _ sequenceLength: Int) throws {
    let config = try Presets.config(environment: name, preset: "default")
    #expect(config.epsilonEnd == epsilonEnd && config.sequenceLength == sequenceLength)
    let windows = try Presets.config(environment: name, preset: "window")
    #expect(windows.epsilonEnd == epsilonEnd && windows.sequenceLength == 512)
  }

  /// The recurrent preset remembers and looks ahead as far as the corridor asks; windows cannot.
  @Test(arguments: [
    ("TMaze-50", "default", 100, 10, 10.0, 300_000), ("TMaze-250", "default", 250, 25, 10, 500_000),
    ("TMaze-251", "default", 251, 25, 10, 502_000), ("TMaze-500", "default", 500, 50, 10, 1_000_000),
    ("TMaze-999", "default", 999, 99, 19.98, 1_998_000), ("TMaze-1000", "default", 1_000, 100, 20, 1_000_000),
    ("TMazeActive-2000", "default", 2_000, 100, 40, 1_000_000), ("TMaze-500", "window", 100, 10, 10, 300_000),
    ("TMaze-1001", "default", 1_001, 100, 20.02, 1_000_000), ("TMaze-1000000", "default", 1_000_000, 100, 20_000, 500_000_000),
  ])
  func aMazesPresetReachesItsEnd(
    _ name: String, _ preset: String, _ decaySteps: Int, _ nStep: Int, _ rewardScale: Double, _ totalSteps: Int
  ) throws {
    let config = try Presets.config(environment: name, preset: preset)
    #expect(config.decaySteps == decaySteps && config.nStep == nStep && config.rareEpsilon == 0.25)
    #expect(abs(config.rewardScale - rewardScale) < 1e-12 && config.totalSteps == totalSteps)
    #expect(config.loss == .squared && config.gradientClip == 100)
    #expect(config.encoder.rawValue == (decaySteps >= 1_000 ? "mamba2" : "mamba3"))
    try Settings.check(config)
  }

  /// Every task's: as long as one of some episodes was, or as a time limit allows.
  @Test func sequencesHoldWholeEpisodes() throws {
    for entry in MemoryCatalog.entries {
      var world = try entry.make(), longest = (world as? PartialCartPole)?.timeLimit ?? 0
      var observation = [Float](repeating: 0, count: world.observationSpace.count)
      for seed in 0..<3 as Range<UInt64> {
        try observation.withUnsafeMutableBufferPointer { row in
          try world.reset(seed: seed, into: row)
          var steps = 1
          while try !world.step(steps % world.actionSpace.count, into: row).isLast { steps += 1 }
          longest = max(longest, steps)
        }
      }
      let config = try Presets.config(environment: entry.name, preset: "default")
      #expect(config.sequenceLength >= longest, "\(entry.name): \(longest)")
    }
  }

  /// Where answers change nothing that comes only the next reward counts; where they do, the future does.
  @Test(arguments: [
    ("CountRecallEasy", 0.0), ("CountRecallHard", 0), ("AutoencodeMedium", 0), ("AutoencodeEasy?mask=1", 0),
    ("RepeatPreviousEasy", 0.99), ("ConcentrationEasy", 0.7), ("ConcentrationHard", 0.7), ("RepeatFirstMedium", 0.99),
    ("TMaze-50", 0.99),
  ])
  func aPresetLooksAheadWhereThereIsSomethingToSee(_ name: String, _ discount: Double) throws {
    for preset in ["default", "window"] {
      let config = try Presets.config(environment: name, preset: preset)
      #expect(config.discount == discount && config.inputs.contains("action") == (discount > 0))
      #expect(config.perAction == ["Concentration", "RepeatFirst"].contains { name.hasPrefix($0) })
    }
  }

  /// An episode of random actions: every number is within the bounds, and the same seed gives the same episode.
  @Test(arguments: names) func anEpisodeIsWithinItsSpaceAndRepeats(_ name: String) throws {
    let entry = try EnvironmentCatalog.entry(name)
    #expect(entry.name == name && entry.isNative)
    func play(_ world: inout any Environment) throws -> (numbers: [Float], rewards: [Double]) {
      let actions = world.actionSpace.count, space = world.observationSpace
      #expect(actions > 1 && space.shape.reduce(1, *) == space.count && Set(world.actionSpace.names).count == actions)
      var numbers: [Float] = [], rewards: [Double] = []
      var observation = try world.reset(seed: 5), isLast = false
      while !isLast {
        #expect(observation.count == space.count)
        // Gymnasium's own bounds hold only while the lander flies inside them.
        if !name.hasPrefix("LunarLander") {
          #expect(zip(observation, zip(space.low, space.high)).allSatisfy { $1.0...$1.1 ~= $0 }, "\(name): \(observation)")
        }
        numbers += observation
        let (next, step) = try world.step((rewards.count * 5 + rewards.count / 7) % actions)
        rewards.append(step.reward)
        (observation, isLast) = (next, step.isLast)
        try #require(rewards.count <= 1000)
      }
      return (numbers + observation, rewards)
    }
    var world = try entry.make(), other = try entry.make()
    let first = try play(&world)
    _ = try other.reset(seed: 6)
    let second = try play(&other), third = try play(&world)
    #expect(first == second && first == third)
    #expect(first.numbers.allSatisfy(\.isFinite) && first.rewards.allSatisfy(\.isFinite))
  }

  /// What remembering everything is worth, over 20 episodes: 1, but in Concentration, where cards must be turned to be known.
  @Test(arguments: [
    ("RepeatPrevious", 1.0), ("RepeatFirst", 1.0), ("Autoencode", 1.0), ("CountRecall", 1.0), ("Concentration", 0.6),
    ("MemoryChain-", 1.0), ("TMaze-", 1.0), ("TMazeActive-", 1.0),
  ])
  func perfectMemoryIsTheCeiling(_ family: String, _ least: Double) throws {
    for suffix in family.hasSuffix("-") ? ["1", "2", "40"] : ["Easy", "Medium", "Hard"] {
      let entry = try EnvironmentCatalog.entry(family + suffix)
      let player = try #require(entry.heuristic)
      let episodes = try evaluate({ EpisodeActor { _ in player() } }, in: entry.make, episodes: 20, seed: 0)
      for episode in episodes {
        #expect(episode.return >= least - 1e-9 && episode.return <= 1 + 1e-9 && episode.terminated, "\(entry.name)")
      }
    }
  }

  @Test func wrongNamesSayWhatWouldBeRight() {
    for (name, message) in [
      ("TMaze-0", "N of TMaze-N must be a whole number from 1 to 1000000, such as TMaze-100"),
      ("TMaze-1000001", "from 1 to 1000000"), ("TMaze", "such as TMaze-100"), ("TMazeActive-", "such as TMazeActive-100"),
      ("MemoryChain--3", "N of MemoryChain-N"), ("TMaze-007", "N of TMaze-N"), ("TMaze-1e2", "N of TMaze-N"),
      ("TMase-50", "did you mean TMaze-50?"), ("RepeatPrevious", "did you mean RepeatPreviousEasy?"),
      ("ConcentratoinHard", "did you mean ConcentrationHard?"), ("LunarLandr-v3?mask=1", "did you mean LunarLander-v3?"),
      ("LunarLander-v3?mask=8", "there is no feature 8 to hide; there are 0 to 7"),
      ("LunarLander-v3?mask=-1", "there is no feature -1"), ("TMaze-5?mask=0,1", "all 2 features are hidden"),
      ("LunarLander-v3?mask=3,3", "feature 3 is hidden twice"), ("LunarLander-v3?mask=", "numbers of features"),
      ("LunarLander-v3?mask=2,,3", "numbers of features"), ("LunarLander-v3?mask=x", "numbers of features"),
      ("LunarLander-v3?mask", "numbers of features"), ("LunarLander-v3?mask=1&mask=2", "mask is given 2 times"),
      ("LunarLander-v3?mask=+0", "numbers of features"), ("LunarLander-v3?mask=-0", "numbers of features"),
      ("LunarLander-v3?mask=2,03", "numbers of features"), ("LunarLander-v3?gravity=-5", "a native environment takes only mask="),
    ] {
      let error = #expect(throws: UsageError.self) { try EnvironmentCatalog.entry(name).make() }
      #expect(error?.description.contains(message) == true, "\(name): \(error?.description ?? "")")
      #expect(error?.description.contains("\n") == false)
    }
  }

  /// A mask is taken out of a Gymnasium name and its other arguments reach Python as they were.
  @Test func gymnasiumNamesKeepTheirArguments() throws {
    setenv("PYTHONPATH", packageRoot + "/Tests/GymnasiumBridgeTests/Python", 1)
    let name = "gymnasium:bridge_test_environments:Echo-v0?gain=2.5&flag=True&mask=1&label=a,b"
    // Its observation is its arguments: gain, flag, the label's length.
    var echo = try EnvironmentCatalog.entry(name).make()
    #expect(echo.observationSpace.count == 2)
    #expect(try echo.reset(seed: 1) == [2.5, 3])
    #expect(try echo.step(0).observation == [2.5, 3])
  }

  @Test func theListNamesFamilies() throws {
    let listed = try mamba("list environments")
    for name in ["RepeatPreviousEasy", "NoisyPositionOnlyPendulumHard", "MemoryChain-N", "TMaze-N", "TMazeActive-N"] {
      #expect(listed.output.contains("\n\(name) "), "\(name)")
    }
  }
}
