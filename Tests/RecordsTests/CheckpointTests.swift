/// A checkpoint is whole or refused: cut at every length and flipped at every byte.
import Foundation
import Records
import TestSupport
import Testing

@Suite struct CheckpointTests {
  private let sections: [(String, [UInt8])] = [("a", [1, 2, 3]), ("empty", []), ("b", Array(0..<40)), ("c", [9])]

  private func write(_ path: String) throws {
    var writer = try CheckpointWriter(path: path)
    for (name, bytes) in sections { try bytes.withUnsafeBytes { try writer.write(name, $0) } }
    try writer.commit()
  }

  @Test func roundTrip() throws {
    let space = try Workspace()
    try write(space.file("c"))
    let reader = try CheckpointReader(path: space.file("c"))
    for (name, bytes) in sections { #expect(try Array(reader.bytes(name)) == bytes) }
    #expect(throws: FileError.self) { try reader.bytes("absent") }
    #expect(!FileManager.default.fileExists(atPath: space.file("c.partial")))
  }

  @Test func everyDamageIsRefused() throws {
    let space = try Workspace()
    try write(space.file("c"))
    let whole = try #require(FileManager.default.contents(atPath: space.file("c")).map { [UInt8]($0) })
    for length in 0..<whole.count {
      let path = try space.write("cut", Array(whole[..<length]))
      #expect(throws: FileError.self, "cut at \(length)") { try CheckpointReader(path: path) }
    }
    for index in whole.indices {
      var damaged = whole
      damaged[index] ^= 1 << UInt8(index % 8)
      let path = try space.write("flipped", damaged)
      #expect(throws: FileError.self, "flipped at \(index)") { try CheckpointReader(path: path) }
    }
  }

  @Test func anUncommittedCheckpointLeavesNothing() throws {
    let space = try Workspace()
    do {
      var writer = try CheckpointWriter(path: space.file("c"))
      try [1, 2, 3].withUnsafeBytes { try writer.write("a", $0) }
    }
    #expect(try FileManager.default.contentsOfDirectory(atPath: space.path).isEmpty)
  }

  @Test func theStoreKeepsTwoAndFallsBack() throws {
    let space = try Workspace()
    let store = try CheckpointStore(directory: space.file("checkpoints"))
    #expect(store.newest() == nil)
    for step in [10, 200, 3000] {
      try store.save(step: step) { writer in try [UInt8(step & 255)].withUnsafeBytes { try writer.write("x", $0) } }
    }
    #expect(store.paths.count == 2)
    let newest = try #require(store.newest())
    #expect(try newest.reader.bytes("x")[0] == UInt8(3000 & 255) && newest.refused.isEmpty)
    try Data([1, 2]).write(to: URL(fileURLWithPath: store.paths[0]))
    let previous = try #require(store.newest())
    #expect(try previous.reader.bytes("x")[0] == 200)
    #expect(previous.refused.count == 1)
  }
}
