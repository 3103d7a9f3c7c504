/// The programs of Examples/, as the articles in docs/LatentMambaDQN.docc have them.
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

    // Two episodes that differ in their sign alone: it walks to the other end.
    let episodes = [1.0, -1].map { sign in "0 \(sign)\n0 \(sign / 3) 0\n0 \(sign * 2 / 3) 0\n" }
    let seen = try space.text("observations", episodes.joined(separator: "\n"))
    let acted = try TestSupport.run(
      "/bin/sh", ["-c", "\(Self.folder)/EmbedAgent \(run.weights) < \(seen)"])
    #expect(acted.output == "1\n1\n1\n0\n0\n0\n", "\(acted.output) \(acted.error)")
  }

  @Test func mistakesAreOneLine() throws {
    let space = try Workspace()
    let absent = try TestSupport.run(Self.folder + "/EmbedAgent", [space.file("absent")])
    #expect(absent.status == 1 && absent.error.hasPrefix("error: ") && absent.error.split(separator: "\n").count == 1)
    #expect(try TestSupport.run(Self.folder + "/OwnEnvironment", []).status == 64)
  }
}
