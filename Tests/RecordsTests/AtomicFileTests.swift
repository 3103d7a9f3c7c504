/// A file is there whole or not at all, and takes the place of a regular file only.
import Foundation
import Records
import TestSupport
import Testing

@Suite struct AtomicFileTests {
  @Test func onlyARegularFileIsReplaced() throws {
    let space = try Workspace(), pipe = space.file("pipe"), link = space.file("link")
    #expect(mkfifo(pipe, 0o600) == 0)
    try FileManager.default.createSymbolicLink(atPath: link, withDestinationPath: "pipe")
    func isPipe() -> Bool {
      var status = stat()
      return stat(pipe, &status) == 0 && status.st_mode & S_IFMT == S_IFIFO
    }
    for path in [pipe, link, space.path] {
      for write in [
        { try AtomicFile.write(Data([1]), to: path) }, { try Safetensors.write([], to: path) },
        { _ = try AtomicFile.temporaryFile(beside: path) },
      ] as [() throws -> Void] {
        let error = #expect(throws: FileError.self) { try write() }
        #expect(error?.description == "\(path): is there and no regular file: it is not replaced")
      }
    }
    #expect(throws: FileError.self) { try AtomicFile.temporaryFolder(beside: pipe) }
    #expect(isPipe())
    #expect(try FileManager.default.contentsOfDirectory(atPath: space.path).sorted() == ["link", "pipe"])

    for byte in [UInt8(1), 2] {
      try AtomicFile.write(Data([byte]), to: space.file("file"))
      #expect(FileManager.default.contents(atPath: space.file("file")) == Data([byte]))
    }
  }

  @Test func oneFileUnderTwoNames() throws {
    let space = try Workspace()
    for name in ["a", "b"] { _ = try space.write(name, [1]) }
    try FileManager.default.createSymbolicLink(atPath: space.file("link"), withDestinationPath: "a")
    #expect(isSameFile(space.file("a"), space.file("link")) && isSameFile(space.file("a"), space.path + "/./a"))
    #expect(!isSameFile(space.file("a"), space.file("b")) && !isSameFile(space.file("c"), space.file("c")))
  }
}
