/// Closed, full and abandoned descriptors: every command with every one of them. What a person reads may be lost, what a program
/// reads may not, and a run's files are the same whatever became of either.
import Foundation
import Records
import TestSupport
import Testing

@Suite struct StandardStreamTests {
  private func shell(_ command: String) throws -> ProcessResult {
    try run("/bin/bash", ["-c", command.replacingOccurrences(of: "PROGRAM", with: builtProgram)])
  }

  private static let printing = [
    "list settings", "list environments --json", "--help", "train --help", "study list", "study show paper-highway",
    "evaluate --policy random --env MemoryChain-5 --episodes 3 --json", "rollout LunarLander-v3 --seed 1 --policy random",
  ]

  @Test(arguments: printing) func commandsThatPrint(_ command: String) throws {
    let plain = try shell("PROGRAM \(command)")
    #expect(plain.status == 0 && !plain.output.isEmpty && plain.error.isEmpty)
    let full = try shell("PROGRAM \(command) >/dev/full")
    #expect(
      full.status == 1 && full.error == "error: standard output: cannot write it: No space left on device\n", "\(full.error)")
    for redirection in ["2>&-", "2>/dev/full", "<&- 2>&-"] {
      let result = try shell("PROGRAM \(command) \(redirection)")
      #expect(result.status == 0 && result.output == plain.output, "\(redirection)")
    }
    for redirection in [">&-", "<&- >&- 2>&-", ">/dev/full 2>/dev/full"] {
      let result = try shell("PROGRAM \(command) \(redirection)")
      #expect(result.status == (redirection.hasPrefix(">/dev/full") ? 1 : 0), "\(redirection)")
    }
    // Written before the reader was gone, or ended by it; never a crash, never endless.
    let gone = try shell("PROGRAM \(command) | true; exit ${PIPESTATUS[0]}")
    #expect([0, 141].contains(gone.status) && gone.error.isEmpty, "\(gone.status) \(gone.error)")
  }

  @Test func tooFewOpenFilesAreSaid() throws {
    for count in [5, 8, 16, 63] {
      let result = try shell("ulimit -n \(count); PROGRAM train MemoryChain-5 --out /nowhere")
      #expect(result.status == 1 && result.error.hasPrefix("error: only \(count) files may be open"), "\(result.error)")
    }
    #expect(try shell("ulimit -Sn 20; PROGRAM list presets").status == 0)
  }

  @Test func aMistakeIsOneEvenWhereNobodyReadsIt() throws {
    for redirection in ["2>&-", "2>/dev/full", "<&- >&- 2>&-", "2> >(true)"] {
      #expect(try shell("PROGRAM train NoSuchThing \(redirection)").status == 64, "\(redirection)")
    }
  }

  @Test func aRunIsTheSameWhateverBecomesOfItsWords() throws {
    let space = try Workspace()
    let train =
      "PROGRAM train MemoryChain-5 --steps 300 --set encoder=dqn --set norm=none --set replay=window --set hiddenSize=8 --set modelSize=8 "
      + "--set batchSize=4 --set sequenceStart=anywhere --set latents=stored --set learningStarts=50 --set evaluationInterval=100 "
      + "--set evaluationEpisodes=1 --set logInterval=50 --out \(space.path)/"
    func files(_ name: String) -> [String: Data] {
      let run = RunFolder(path: space.file(name))
      let texts = [run.progress, run.monitor].map { path in
        (try? String(contentsOfFile: path, encoding: .utf8))?.split(separator: "\n").filter { !$0.hasPrefix("#") }.map {
          $0.split(separator: ",", omittingEmptySubsequences: false).prefix(path == run.progress ? 12 : 2).joined(separator: ",")
        }.joined(separator: "\n") ?? ""
      }
      return [
        "weights": FileManager.default.contents(atPath: run.weights) ?? Data(), "progress": Data(texts[0].utf8),
        "monitor": Data(texts[1].utf8), "evaluations": FileManager.default.contents(atPath: run.evaluations) ?? Data(),
      ]
    }
    #expect(try shell("\(train)plain").status == 0)
    let expected = files("plain")
    #expect(expected.values.allSatisfy { !$0.isEmpty })
    let cases = [
      ("2>&-", 0), ("2>/dev/full", 0), ("<&- >&- 2>&-", 0), ("2> >(true)", 0), (">/dev/full", 1),
      ("| true; exit ${PIPESTATUS[0]}", 141),
    ]
    for (index, (redirection, status)) in cases.enumerated() {
      let result = try shell("\(train)\(index) \(redirection)")
      #expect(Int(result.status) == status, "\(redirection): \(result.error)")
      #expect(files("\(index)") == expected, "\(redirection)")
    }
  }
}
