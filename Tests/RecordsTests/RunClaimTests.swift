/// A run folder has one owner, temporary files are new, and what comes to nothing leaves nothing.
import Foundation
import Records
import TestSupport
import Testing

@Suite struct RunClaimTests {
  private func content(_ path: String) -> [String] {
    ((try? FileManager.default.contentsOfDirectory(atPath: path)) ?? ["absent"]).sorted()
  }

  @Test func twoDoNotGetOneFolder() throws {
    let space = try Workspace(), folder = RunFolder(path: space.file("a/b/run"))
    var first: RunClaim? = try RunClaim(new: folder)
    for makeSecond in [RunClaim.init(new:), RunClaim.init(existing:)] {
      #expect { try makeSecond(folder) } throws: { "\($0)".contains("the run is being run by process \(getpid()) on ") }
    }
    #expect(first?.warning == nil && content(folder.path) == [".lock"])
    first = nil
    #expect(content(folder.path) == [])
    let other = RunFolder(path: space.file("a/c"))
    first = try RunClaim(new: other)
    try AtomicFile.write(Data("x".utf8), to: other.config)
    first?.abandon()
    first = nil
    #expect(content(other.path) == ["absent"] && content(space.file("a")) == ["b"])
  }

  @Test func whatWasThereBeforeStays() throws {
    let space = try Workspace()
    try makeFolder(space.file("empty"))
    try FileManager.default.createSymbolicLink(atPath: space.file("link"), withDestinationPath: space.file("empty"))
    for name in ["empty", "link"] {
      let claim = try RunClaim(new: RunFolder(path: space.file(name)))
      try AtomicFile.write(Data("x".utf8), to: claim.folder.config)
      _ = try space.write("\(name)/stranger", [1])
      claim.abandon()
      #expect(content(space.file(name)) == ["stranger"])
      unlink(space.file("\(name)/stranger"))
    }
    _ = try space.write("file", [1])
    for (name, reason) in [
      ("file", "is a file"), ("file/run", "Not a directory"), (String(repeating: "x", count: 300), "File name too long"),
    ] {
      #expect { try RunClaim(new: RunFolder(path: space.file(name))) } throws: { "\($0)".contains(reason) }
    }
    _ = try space.write("empty/x", [1])
    #expect { try RunClaim(new: RunFolder(path: space.file("empty"))) } throws: { "\($0)".contains("exists and is not empty") }
    #expect(content(space.file("empty")) == ["x"])
  }

  @Test func namesOfTheTimeAreUnique() throws {
    let space = try Workspace()
    let claims = try (0..<5).map { _ in try RunClaim(unique: space.file("runs/now")) }
    #expect(claims.map(\.folder.path) == ["", "-2", "-3", "-4", "-5"].map { space.file("runs/now\($0)") })
  }

  /// A link planted where a temporary file might be does not lead to its target; leftovers of the dead go, those of the living
  /// stay.
  @Test func temporaryFilesAreNew() throws {
    let space = try Workspace(), victim = try space.write("victim", [7])
    for name in ["x.partial", ".\(getpid())-0.partial", ".\(getpid())-1.partial"] {
      try FileManager.default.createSymbolicLink(atPath: space.file(name), withDestinationPath: victim)
    }
    try AtomicFile.write(Data("y".utf8), to: space.file("x"))
    #expect(FileManager.default.contents(atPath: victim) == Data([7]))
    #expect(FileManager.default.contents(atPath: space.file("x")) == Data("y".utf8))
    try FileManager.default.createSymbolicLink(atPath: space.file("log"), withDestinationPath: victim)
    #expect(throws: FileError.self) { try CSVLog(path: space.file("log")) }

    let folder = RunFolder(path: space.file("run"))
    try makeFolder(folder.checkpoints)
    let dead = try run("/bin/sh", ["-c", "echo $$"]).output.trimmingCharacters(in: .whitespacesAndNewlines)
    for name in [".\(dead)-0.partial", "checkpoints/.\(dead)-3.partial", ".1-0.partial"] {
      _ = try space.write("run/\(name)", [1])
    }
    let claim = try RunClaim(existing: folder)
    #expect(content(folder.path) == [".1-0.partial", ".lock", "checkpoints"] && content(folder.checkpoints) == [])
    withExtendedLifetime(claim) {}
  }
}
