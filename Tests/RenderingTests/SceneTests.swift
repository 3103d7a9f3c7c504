/// What the environments' scenes hold, and that looking at an episode does not change it.
import Environments
import Rendering
import Testing

@Suite struct SceneTests {
  @Test(arguments: [0, 5, 11] as [UInt64]) func theLanderIsAllThere(_ seed: UInt64) throws {
    let episode = try landing(seed: seed)
    #expect(episode.terminated && episode.total > 200)
    for (index, frame) in episode.frames.enumerated() {
      let hull = try #require(frame.item([LunarLander.hull])?.placement)
      for leg in [LunarLander.leftLeg, LunarLander.rightLeg] {
        let place = try #require(frame.item([leg.flying, leg.standing])?.placement)
        let distance = ((place.x - hull.x) * (place.x - hull.x) + (place.y - hull.y) * (place.y - hull.y)).squareRoot()
        // The leg hangs on the hull: Gymnasium's 20 and 18 pixels, and what the joint gives.
        #expect(abs(distance - 0.9) < 0.2, "frame \(index)")
      }
      // A flame where, and only where, its engine has just fired.
      let action = index == 0 ? 0 : episode.steps[index - 1].decision.action
      let flames = [LunarLander.leftFlames, LunarLander.mainFlames, LunarLander.rightFlames]
      for (engine, sprites) in flames.enumerated() { #expect((frame.item(sprites) != nil) == (action == engine + 1)) }
    }
    // Landed: no burst, and both feet have been lit.
    #expect(episode.frames.allSatisfy { $0.item([LunarLander.burst]) == nil })
    for leg in [LunarLander.leftLeg, LunarLander.rightLeg] {
      #expect(episode.frames.contains { $0.item([leg.standing]) != nil })
    }
  }

  @Test func twoFlagsStandOnThePad() throws {
    let landscape = try landing(seed: 3).opening.items[0].sprite
    let poles = landscape.shapes.compactMap { shape -> Double? in
      guard case .line(let points) = shape.outline, points.count == 2, points[0].x == points[1].x else { return nil }
      return points[0].x
    }
    #expect(poles == [8, 12])
    // The ground's line runs through the eleven corners and is flat between the flags.
    let ground = landscape.shapes.compactMap { shape -> [Scene.Point]? in
      if case .line(let points) = shape.outline, points.count == 11 { return points }
      return nil
    }
    let line = try #require(ground.first)
    #expect(line[4].x == 8 && line[6].x == 12 && line[4].y == line[5].y && line[5].y == line[6].y)
  }

  @Test func aCrashIsSeen() throws {
    let actor = RecordedActor { _, _, _ in .init(action: 0) }
    let episode = try EpisodeRecording(of: actor, subject: "falling", in: LunarLander(), named: "LunarLander-v3", seed: 1)
    #expect(episode.steps.last?.reward == -100 && episode.steps.last?.frames.last?.item([LunarLander.burst]) != nil)
  }

  /// The recorder sees the very episode that is played without it.
  @Test func lookingChangesNothing() throws {
    let worlds: [(String, () throws -> any Environment)] = [
      ("lander", { LunarLander() }), ("wind", { LunarLander(wind: true) }),
      ("highway", { Highway() }), ("fast", { Highway(options: .highwayFast) }), ("plain", { Plain() }),
      ("cards", { RepeatPrevious(.easy) }), ("pairs", { Concentration(.easy) }), ("maze", { TMaze(.active(9)) }),
      ("pole", { PartialCartPole.noisyPositionOnly(.easy) }), ("hidden", { try MaskedEnvironment(LunarLander(), hiding: [2]) }),
    ]
    for (name, make) in worlds {
      var seen: [[Float]] = [], world = try make(), number = 0
      let actions = world.actionSpace.count
      let actor = RecordedActor { observation, reward, _ in
        #expect((reward == nil) == seen.isEmpty)
        seen.append(Array(observation))
        return .init(action: seen.count * 7 % actions)
      }
      let episode = try EpisodeRecording(of: actor, subject: "any", in: try make(), named: name, seed: 4)
      var observation = try world.reset(seed: 4)
      while true {
        #expect(observation == seen[number])
        number += 1
        let (next, step) = try world.step(number * 7 % actions)
        #expect(step.reward == episode.steps[number - 1].reward)
        observation = next
        guard step.isLast else { continue }
        #expect(number == episode.steps.count && step.terminated == episode.terminated && step.truncated == episode.truncated)
        break
      }
    }
  }

  @Test func theRoadMovesWithTheAgent() throws {
    for options in [HighwayOptions.highwayFast, .highway] {
      let episode = try drive(options, seed: 2, action: .slower)
      #expect(episode.framesPerSecond == Double(options.simulationFrequency))
      for step in episode.steps { #expect(step.frames.count == options.simulationFrequency / options.policyFrequency) }
      var last = -Double.infinity
      for frame in episode.frames {
        let ego = try #require(frame.item(Highway.Drawing.egoSprites)?.placement), view = frame.viewport
        #expect(abs((ego.x - view.x) / view.width - 0.3) < 1e-9 && ego.x > last)
        last = ego.x
        // The road fills the picture; every vehicle has its place in the list.
        #expect(frame.items[0].placement.x <= view.x && frame.items.count == options.otherVehicleCount + 3)
      }
    }
  }

  @Test func aCrashOnTheRoadIsRed() throws {
    for seed in 0..<20 as Range<UInt64> {
      let episode = try drive(.highwayFast, seed: seed, action: .faster)
      let end = try #require(episode.frames.last?.item(Highway.Drawing.egoSprites))
      #expect((end.sprite === Highway.Drawing.egoSprites[2]) == episode.terminated)
    }
  }

  @Test func anyEnvironmentShowsWhatItSees() throws {
    let actor = RecordedActor { _, _, _ in .init(action: 1) }
    let episode = try EpisodeRecording(of: actor, subject: "any", in: Plain(), named: "plain", seed: 0)
    #expect(episode.opening.texts.contains("first observation") && episode.frames.count == 4)
    let last = try #require(episode.frames.last)
    for text in ["reward -0.50   return -1.50", "0.50", "-3.00", "FIRST", "SECOND"] { #expect(last.texts.contains(text)) }
    #expect(last.items.count == episode.opening.items.count)
  }
}
