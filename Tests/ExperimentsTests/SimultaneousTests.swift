/// Ten at once: starts in one folder, starts without a name, resumes of one run, studies of one name. Each ends as it would alone, or with one line;
/// nothing is left over.
import Foundation
import Records
import TestSupport
import Testing

@Suite struct SimultaneousTests {
  private static let tiny =
    "train MemoryChain-5 --steps 300 --set encoder=dqn --set norm=none --set replay=window --set hiddenSize=8 --set modelSize=8 "
    + "--set batchSize=4 --set sequenceStart=anywhere --set latents=stored --set learningStarts=50 --set evaluationInterval=100 "
    + "--set evaluationEpisodes=1 --set logInterval=50 --set checkpointInterval=100"

  /// Ten processes of one command in the workspace; each one's status and last line. None of them, and nothing that they
  /// started, is left when they have ended, and no file that was not finished.
  private func ten(_ space: Workspace, _ command: String) throws -> [(status: Int, error: String)] {
    let mark = "SIMULTANEOUS_TEST_MARK=\(UUID().uuidString)"
    let script =
      "cd '\(space.path)'; export \(mark); for i in 0 1 2 3 4 5 6 7 8 9; do "
      + "( '\(builtProgram)' \(command) >out$i 2>err$i; echo $? >status$i ) & done; wait"
    let result = try run("/bin/bash", ["-c", script])
    #expect(result.status == 0 && processCount(with: mark) == 0)
    let files = FileManager.default.enumerator(atPath: space.path)?.compactMap { $0 as? String } ?? []
    #expect(!files.isEmpty && files.filter { $0.contains(".partial") || $0.hasSuffix("/.lock") } == [])
    return (0..<10).map { index in
      func text(_ name: String) -> String { (try? String(contentsOfFile: space.file("\(name)\(index)"), encoding: .utf8)) ?? "" }
      return (Int(text("status").trimmingCharacters(in: .newlines)) ?? -1, text("err"))
    }
  }

  private func content(_ path: String) -> Set<String> { Set((try? FileManager.default.contentsOfDirectory(atPath: path)) ?? []) }

  private static let whole: Set = [
    "best.safetensors", "checkpoints", "command.txt", "config.json", "episode.html", "evaluation.json", "evaluations.npz",
    "events.out.tfevents.0.mamba-dqn",
    "model.safetensors", "monitor.csv", "progress.csv", "provenance.json", "status.json",
  ]

  @Test func startsInOneFolder() throws {
    let space = try Workspace()
    let ended = try ten(space, "\(Self.tiny) --out same")
    #expect(ended.count { $0.status == 0 } == 1)
    for other in ended where other.status != 0 {
      #expect(
        other.status == 1 && other.error.split(separator: "\n").count == 1 && other.error.hasPrefix("error: same"), "\(other)")
    }
    #expect(content(space.file("same")).subtracting(["episode.gif"]) == Self.whole)
  }

  @Test func startsWithoutAName() throws {
    let space = try Workspace()
    let ended = try ten(space, Self.tiny)
    #expect(ended.allSatisfy { $0.status == 0 }, "\(ended)")
    let runs = content(space.file("runs"))
    #expect(runs.count == 10)
    for run in runs { #expect(content(space.file("runs/\(run)")).subtracting(["episode.gif"]) == Self.whole) }
  }

  @Test func resumesOfOneRun() throws {
    let space = try Workspace()
    #expect(try mamba("\(Self.tiny) --out \(space.file("whole"))").status == 0)
    let run = RunFolder(path: space.file("run"))
    let first = try mamba("\(Self.tiny) --out \(run.path)", signal: SIGKILL) { savedSteps(run.path) >= 100 }
    // A fast machine may be through before the signal comes: then all ten find a finished run, which is as good.
    #expect(first.status == SIGKILL || first.status == 0)
    let ended = try ten(space, "resume run")
    #expect(ended.contains { $0.status == 0 })
    for other in ended where other.status != 0 {
      #expect(
        other.status == 1 && other.error.contains("the run is being run by process")
          && other.error.split(separator: "\n").count == 1)
    }
    #expect(
      FileManager.default.contents(atPath: run.weights)
        == FileManager.default.contents(atPath: space.file("whole/model.safetensors")))
    #expect(content(run.path).subtracting(["episode.gif"]) == Self.whole && content(run.checkpoints).count == 2)
  }

  /// Whoever finds a task taken leaves it to its holder; together they do what one alone would.
  @Test func studiesInOneFolder() throws {
    let space = try Workspace()
    let settings = Self.tiny.split(separator: "--set ").dropFirst().map { pair in
      pair.trimmingCharacters(in: .whitespaces).replacingOccurrences(of: "=", with: ": ")
    }
    let study =
      "name: small\nenvironment: MemoryChain-5\npreset: default\nmodels: [dqn, lstm]\nseeds: [0, 1]\nsteps: 300\n"
      + "settings: {\(settings.filter { !$0.hasPrefix("encoder") }.joined(separator: ", "))}\n"
    _ = try space.write("small.yaml", Array(study.replacingOccurrences(of: "norm: none", with: "norm: rms").utf8))
    let alone = try mamba("study run \(space.file("small.yaml")) --root \(space.file("alone"))")
    #expect(alone.status == 0, "\(alone.error)")
    let ended = try ten(space, "study run small.yaml --root together")
    for one in ended {
      #expect(one.status == 0 && !one.error.contains("failed: ") && !one.error.contains("error:"), "\(one.error)")
    }
    let names: Set = ["dqn-s0", "dqn-s1", "lstm-s0", "lstm-s1"]
    #expect(content(space.file("together/small")).filter { !$0.hasPrefix(".") } == names)
    for name in names {
      let run = RunFolder(path: space.file("together/small/\(name)"))
      #expect(content(run.path).subtracting(["episode.gif", "log.txt"]) == Self.whole)
      #expect(
        FileManager.default.contents(atPath: run.weights)
          == FileManager.default.contents(atPath: space.file("alone/small/\(name)/model.safetensors")))
    }
  }

  /// On a file system without locks everything runs, and says that it cannot keep others away.
  @Test func withoutLocks() throws {
    let space = try Workspace()
    _ = try space.write("none.c", Array("#include <errno.h>\nint flock(int f, int o) { errno = ENOSYS; return -1; }\n".utf8))
    let compiled = try run("/usr/bin/env", ["cc", "-shared", "-fPIC", "-o", space.file("none.so"), space.file("none.c")])
    #expect(compiled.status == 0, "\(compiled.error)")
    let result = try run(
      "/usr/bin/env",
      ["LD_PRELOAD=\(space.file("none.so"))", builtProgram]
        + "\(Self.tiny) --out \(space.file("run"))".split(separator: " ").map(String.init))
    #expect(result.status == 0 && result.error.contains("this file system has no locks"), "\(result.error)")
    #expect(content(space.file("run")).subtracting(["episode.gif"]) == Self.whole)
  }

  /// A start that fails removes what it made and nothing else.
  @Test func failedStartsLeaveNothing() throws {
    let space = try Workspace()
    try makeFolder(space.file("pre"))
    for folder in ["pre", "new"] {
      let result = try mamba("train gymnasium:NoSuchThing-v0 --out \(space.file(folder))")
      #expect(result.status != 0)
    }
    #expect(content(space.file("pre")).isEmpty && content(space.path) == ["pre"])
    let long = "gymnasium:CartPole-v1?x=" + String(repeating: "a\"&=?", count: 100)
    let result = try run("/bin/bash", ["-c", "cd '\(space.path)' && '\(builtProgram)' train '\(long)' --steps 10"])
    #expect(result.status != 0 && !result.error.contains("File name too long"), "\(result.error)")
  }
}
