/// The memory tasks' scenes show the state: what is seen, what is asked, where the agent is, what came of its answer.
import Environments
import Foundation
import Rendering
import Testing

@Suite struct MemorySceneTests {
  /// An episode with what was observed before each step.
  private func play(
    _ world: some Environment, _ player: some Policy, seed: UInt64 = 3
  ) throws -> (episode: EpisodeRecording, observed: [[Float]]) {
    var player = player, observed: [[Float]] = []
    let actor = RecordedActor { observation, _, _ in
      observed.append(Array(observation))
      return .init(action: player.action(for: observation))
    }
    let episode = try EpisodeRecording(of: actor, subject: "any", in: world, named: "any", seed: seed)
    return (episode, observed)
  }

  private func place(_ frame: Scene, _ value: Int, _ look: CardDrawing.Frame, _ face: CardFace = .suit) -> Bool {
    frame.item([CardDrawing.card(face, value, height: 15, frame: look)]) != nil
  }

  @Test func theSuitToBeNamed() throws {
    let world = RepeatPrevious(.easy)
    let (episode, observed) = try play(world, RepeatPreviousPlayer(distance: world.distance))
    #expect(abs(episode.total - 1) < 1e-9)
    for (step, frame) in episode.frames.dropLast().enumerated() {
      #expect(place(frame, try #require(observed[step].firstIndex(of: 1)), .plain), "step \(step)")
      if step + 1 >= world.distance { #expect(place(frame, episode.steps[step].decision.action, .open), "step \(step)") }
      if step >= world.distance { #expect(place(frame, episode.steps[step - 1].decision.action, .right), "step \(step)") }
    }
    let (wrong, _) = try play(RepeatFirst(.easy), Always(action: 0))
    for (step, frame) in zip(wrong.steps, wrong.frames.dropFirst()) {
      #expect(place(frame, 0, step.reward > 0 ? .right : .wrong))
    }
  }

  @Test func watchingAndReciting() throws {
    let (episode, _) = try play(Autoencode(.easy), AutoencodePlayer())
    #expect(abs(episode.total - 1) < 1e-9 && episode.frames.count == 104)
    for (index, frame) in episode.frames.enumerated() {
      let isWatching = index < 51
      #expect(frame.texts[0] == (isWatching ? "watch: remember every suit" : "play: name the suits backwards"))
      #expect(frame.texts[1] == (isWatching ? "card \(index + 1) of 52" : "named \(index - 51) of 52"))
      if !isWatching && index < 103 { #expect(place(frame, episode.steps[index].decision.action, .open)) }
    }
  }

  @Test func countsAreThoseDealt() throws {
    let (episode, observed) = try play(CountRecall(.hard), CountRecallPlayer())
    #expect(abs(episode.total - 1) < 1e-9)
    for (step, frame) in episode.frames.dropLast().enumerated() {
      let asked = try #require(observed[step][13...].firstIndex(of: 1)) - 13
      #expect(place(frame, asked, .open, .rank) && frame.texts.contains("\(episode.steps[step].decision.action)"))
    }
  }

  @Test func cardsThatAreSeenLieOpen() throws {
    for difficulty in Difficulty.allCases {
      let world = Concentration(difficulty), cards = world.actionSpace.count
      let (episode, observed) = try play(world, ConcentrationPlayer(positions: cards))
      #expect(episode.terminated)
      let values = world.observationSpace.count / cards
      for (step, frame) in episode.frames.dropLast().enumerated() {
        let table = frame.items.suffix(cards)
        for (position, item) in table.enumerated() {
          let isDown = observed[step][position * values + values - 1] == 1
          let isBack = if case .polygon? = item.sprite.shapes.last?.outline { true } else { false }
          #expect(isDown == isBack, "\(difficulty), step \(step), card \(position)")
          // All of it is in the picture, and no card on another.
          #expect((0...60).contains(item.placement.x) && (0...36).contains(item.placement.y))
        }
        #expect(Set(table.map { "\($0.placement.x) \($0.placement.y)" }).count == cards)
      }
    }
  }

  @Test(arguments: [1, 20, 100_000], [false, true]) func throughTheMaze(_ length: Int, _ active: Bool) throws {
    guard length < 1000 || !active else { return }
    var player = TMazePlayer(), signs = 0
    let actor = RecordedActor { observation, _, _ in
      signs += observation[0] == 0 && observation[1] != 0 ? 1 : 0
      return .init(action: player.action(for: observation))
    }
    // Not all of a long one.
    var steps = 0
    let episode = try EpisodeRecording(
      of: actor, subject: "any", in: TMaze(active ? .active(length) : .passive(length)), named: "maze", seed: 5,
      stopRequested: {
        steps += 1
        return steps > 100
      })
    #expect(signs == 1)
    let lit = TMaze.signs.map { $0[0] }
    #expect(episode.frames.filter { $0.item(lit) != nil }.count == 1 && (episode.opening.item(lit) != nil) == !active)
    let places = try episode.frames.map { try #require($0.item([CorridorDrawing.agent])?.placement) }
    #expect(places.allSatisfy { (1...47).contains($0.x) })
    guard length < 1000 else { return }
    #expect(episode.total == 1)
    // It stands in the right arm, which is lit.
    let goal = try #require(episode.frames.last?.item([TMaze.rightArms[1]])?.placement)
    #expect(places.last == goal && abs(goal.y - 5) == 2)
    #expect(episode.frames.dropLast().allSatisfy { $0.item([TMaze.rightArms[1], TMaze.wrongArms[1]]) == nil })
  }

  @Test(arguments: [1, 30]) func alongTheChain(_ length: Int) throws {
    let (episode, _) = try play(MemoryChain(length: length), MemoryChainPlayer())
    #expect(episode.total == 1 && episode.frames.count == length + 2)
    for (index, frame) in episode.frames.enumerated() {
      #expect((frame.item(MemoryChain.signs.map { $0[0] }) != nil) == (index < 2))
      #expect((frame.item(MemoryChain.answers.map { $0[0] }) != nil) == (index == length + 1))
      // Asked in the observation before the last action.
      #expect(frame.texts.contains("?") == (index == length || length == 1 && index == 0), "frame \(index)")
    }
  }

  @Test func cartAndPoleStandWhereTheyAre() throws {
    let (episode, observed) = try play(PartialCartPole.positionOnly(.easy), Always(action: 1))
    #expect(episode.terminated)
    for (step, frame) in episode.frames.dropLast().enumerated() {
      let cart = try #require(frame.item([PartialCartPole.cart])?.placement)
      let pole = try #require(frame.item([PartialCartPole.pole])?.placement)
      #expect(Float(cart.x) == observed[step][0] && pole.x == cart.x && Float(-pole.angle) == observed[step][1])
      #expect((frame.item([PartialCartPole.pushes[1]]) != nil) == (step > 0))
    }
  }

  @Test func thePendulumHangsAsItDoes() throws {
    let (episode, observed) = try play(PartialPendulum.positionOnly(.hard), Always(action: 4))
    for (step, frame) in episode.frames.dropLast().enumerated() {
      let angle = try #require(frame.item([PartialPendulum.rod])?.placement.angle)
      // What is up in the picture is the observed cosine; what is left its sine.
      let tip = Scene.Point(-sin(angle), cos(angle))
      #expect(abs(Float(tip.y) - observed[step][0]) < 1e-5 && abs(Float(-tip.x) - observed[step][1]) < 1e-5)
    }
  }

  @Test func whatIsMaskedIsDrawnWhole() throws {
    let masked = try MaskedEnvironment(LunarLander(), hiding: [2, 3, 5]), actor = RecordedActor { _, _, _ in .init(action: 2) }
    let episode = try EpisodeRecording(of: actor, subject: "any", in: masked, named: "masked", seed: 1)
    let whole = try EpisodeRecording(of: actor, subject: "any", in: LunarLander(), named: "whole", seed: 1)
    #expect(episode.frames == whole.frames && episode.framesPerSecond == 50)
    // Of one that does not draw itself, what is seen.
    #expect(try !MaskedEnvironment(Plain(), hiding: [0]).isDrawable)
  }

  /// Such frames pack smallest.
  @Test(arguments: [
    RepeatPrevious(.hard) as any Environment & Sendable, RepeatFirst(.easy), Autoencode(.hard), CountRecall(.easy),
    Concentration(.hard), TMaze(.active(50)), MemoryChain(length: 40, bits: 3), PartialCartPole.velocityOnly(.easy),
    PartialPendulum.noisyPositionOnly(.easy),
  ]) func everyFrameHasAsManyItems(_ world: any Environment & Sendable) throws {
    let actions = world.actionSpace.count
    var step = 0
    let actor = RecordedActor { _, _, _ in
      step += 1
      return .init(action: step * 7 % actions)
    }
    let episode = try EpisodeRecording(of: actor, subject: "any", in: world, named: "any", seed: 2)
    #expect(Set(episode.frames.map(\.items.count)).count == 1)
    #expect(EpisodePage([episode]).html.utf8.count < 1_000_000)
  }
}
