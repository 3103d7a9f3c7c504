/// The programs of Examples/, as the articles in docs/LatentMambaDQN.docc have them.
import Agents
import Foundation
import Records
import TestSupport
import Testing

@Suite struct ExampleTests {
  private static let folder = URL(fileURLWithPath: builtProgram).deletingLastPathComponent().path

  /// An environment of one's own is learned, and the weights act in another program.
  @Test func anAgentIsTrainedAndEmbedded() throws {
    let space = try Workspace(), run = RunFolder(path: space.file("run"))
    let trained = try TestSupport.run(Self.folder + "/OwnEnvironment", [run.path])
    #expect(trained.status == 0, "\(trained.error)")
    let right = try #require(Int(trained.output.prefix { $0.isNumber }))
    #expect(right >= 95, "\(trained.output)")

    // Two episodes that differ in their sign alone: the other program does what the agent does here, and the sign decides.
    let agent = try ActingState(Safetensors(path: run.weights))
    var lines = "", expected: [[Int]] = []
    for sign in [1, -1] as [Float] {
      agent.begin([0, sign])
      var actions = [agent.greedyAction()]
      lines += "0 \(sign)\n"
      for place in [sign / 3, sign * 2 / 3] {
        agent.observe([place, 0], after: actions[actions.count - 1], reward: 0)
        actions.append(agent.greedyAction())
        lines += "0 \(place) 0\n"
      }
      lines += "\n"
      expected.append(actions)
    }
    #expect(expected[0][0] == 1 && expected[1][0] == 0)
    let seen = try space.text("observations", lines)
    let acted = try TestSupport.run("/bin/sh", ["-c", "\(Self.folder)/EmbedAgent \(run.weights) < \(seen)"])
    #expect(acted.output == expected.joined().map { "\($0)\n" }.joined(), "\(acted.output) \(acted.error)")
  }

  @Test func mistakesAreOneLine() throws {
    let space = try Workspace()
    let absent = try TestSupport.run(Self.folder + "/EmbedAgent", [space.file("absent")])
    #expect(absent.status == 1 && absent.error.hasPrefix("error: ") && absent.error.split(separator: "\n").count == 1)
    #expect(try TestSupport.run(Self.folder + "/OwnEnvironment", []).status == 64)
  }
}
