/// Pages of episodes as a person meets them: opened from the disk, without a network, in a browser.
import Environments
import Foundation
import Rendering
import TestSupport
import Testing

@Suite struct BrowserTests {
  /// An episode of made-up answers: Q-values, latent and what it remembers, as a trained network gives them.
  private func play(_ world: any Environment, _ name: String, _ policy: some Policy, seed: UInt64 = 1) throws -> EpisodeRecording
  {
    var policy = policy, step: Float = 0
    let actions = world.actionSpace.count
    let actor = RecordedActor { observation, _, _ in
      step += 1
      return .init(
        action: policy.action(for: observation), values: (0..<actions).map { sin(step / 9 + Float($0)) },
        latent: (0..<32).map { 3 * sin(step * 0.37 + Float($0)) }, traces: [.init("block 1: ‖state‖", step.squareRoot())])
    }
    return try EpisodeRecording(of: actor, subject: "any", in: world, named: name, seed: seed)
  }

  @Test(.enabled(if: chromium != nil, "\(noBrowser)"), .timeLimit(.minutes(10)))
  func pagesPlayInABrowserWithoutANetwork() throws {
    let previous = RepeatPrevious(.easy), pairs = Concentration(.easy)
    let pages: [(String, [EpisodeRecording])] = [
      ("lander", [try landing(seed: 5, isThinking: true, subject: "a run & \"more\""), try landing(seed: 6)]),
      ("road", [try drive(.highwayFast, seed: 3, action: .slower)]),
      ("cards", [try play(previous, "RepeatPreviousEasy", RepeatPreviousPlayer(distance: previous.distance))]),
      ("pairs", [try play(pairs, "ConcentrationEasy", ConcentrationPlayer(positions: pairs.actionSpace.count))]),
      ("counts", [try play(CountRecall(.hard), "CountRecallHard", CountRecallPlayer())]),
      ("maze", [try play(TMaze(.active(20)), "TMazeActive-20", TMazePlayer())]),
      ("chain", [try play(MemoryChain(length: 20), "MemoryChain-20", MemoryChainPlayer())]),
      ("observed", [try play(Plain(), "plain", Always(action: 1))]),
    ]
    let space = try Workspace()
    for (name, episodes) in pages {
      let page = EpisodePage(episodes)
      #expect(page.html.utf8.count < 1_000_000, "\(name)")
      try page.write(to: space.file("\(name).html"))
    }
    let script = try String(contentsOfFile: packageRoot + "/Tests/RenderingTests/play.py", encoding: .utf8)
    let result = try browse(script, pages.map { space.file("\($0.0).html") })
    #expect(result.status == 0 && result.output == "\(pages.count) pages\n", "\(result.output)\(result.error)")
  }
}
