/// Run folders as reports find them: whole, running, empty, damaged.
import Foundation
import Records
import TestSupport
import Testing

@Suite struct RunRecordTests {
  private let progress = "step,train/loss,train/td_error,time_elapsed,time_fps\n"
  private let monitor = "#{\"t_start\": 1}\nr,l,t\n"

  private func folder(
    _ space: Workspace, _ name: String, progress: String? = nil, monitor: String? = nil, evaluation: String? = nil
  ) throws -> RunFolder {
    let run = RunFolder(path: space.file(name))
    try makeFolder(run.path)
    var config = ExperimentConfig()
    config.totalSteps = 100
    try AtomicFile.write(config.json, to: run.config)
    for (text, path) in [(progress, run.progress), (monitor, run.monitor), (evaluation, run.evaluation)] {
      if let text { try AtomicFile.write(Data(text.utf8), to: path) }
    }
    return run
  }

  @Test func aWholeRun() throws {
    let space = try Workspace()
    let run = try RunRecord(
      folder(
        space, "run", progress: progress + "50,,,1.5,33\n100,0.25,0.5,4,25\n", monitor: monitor + "-3.5,40,1\n2,60,4\n",
        evaluation: #"{"returns": [1, 2], "lengths": [3, 4], "shareTruncated": 0.5}"#))
    #expect(run.episodes.map(\.endStep) == [40, 100] && run.episodes.map(\.return) == [-3.5, 2])
    #expect(run.progress.map(\.loss) == [nil, 0.25] && run.progress.map(\.elapsed) == [1.5, 4])
    #expect(run.isFinished && run.step == 100 && run.provenance == nil && run.evaluation?.returns == [1, 2])
  }

  @Test func aRunUnderWay() throws {
    let space = try Workspace()
    let begun = try RunRecord(folder(space, "begun"))
    #expect(begun.step == 0 && !begun.isFinished)
    let cut = try RunRecord(
      folder(space, "cut", progress: progress + "50,0.5,0.5,1,50\n10", monitor: monitor + "1,30,1\n1,2"))
    #expect(cut.step == 50 && cut.episodes.count == 1 && !cut.isFinished)
  }

  @Test(arguments: [
    ("step,train/los,time_elapsed\n1,2,3\n", "has no column train/loss, did you mean train/los"),
    ("step,train/loss,time_elapsed\n1,2\n", "a row of 2 cells"),
    ("step,train/loss,time_elapsed\n1,two,3\n", "numbers are needed"),
  ]) func damageIsNamed(_ progress: String, _ message: String) throws {
    let space = try Workspace()
    let run = try folder(space, "run", progress: progress)
    #expect { try RunRecord(run) } throws: { "\($0)".contains(message.prefix(24)) && "\($0)".contains("progress.csv") }
  }

  @Test func everyFolderIsFound() throws {
    let space = try Workspace()
    _ = try folder(space, "study/b")
    _ = try folder(space, "study/a/deep", progress: "nonsense\n1\n")
    try AtomicFile.write(Data("{}".utf8), to: RunFolder(path: folder(space, "study/c").path).config)
    let found = try FoundRun.all(under: space.file("study"))
    #expect(found.count == 3)
    let names = found.map { run in
      switch run {
      case .readable(let run): "readable \(run.path.split(separator: "/").last ?? "")"
      case .unreadable(let path, let reason): "unreadable \(path.split(separator: "/").last ?? "") \(!reason.isEmpty)"
      }
    }
    #expect(names == ["unreadable deep true", "readable b", "unreadable c true"])
    #expect(try FoundRun.all(under: space.file("study/b")).count == 1)
    #expect(throws: FileError.self) { try FoundRun.all(under: space.file("nowhere")) }
    try FileManager.default.createDirectory(atPath: space.file("empty"), withIntermediateDirectories: true)
    #expect(throws: FileError.self) { try FoundRun.all(under: space.file("empty")) }
  }
}
