/// Files of ours, files of the reference implementation, and files that lie.
import Foundation
import Records
import TestSupport
import Testing

@Suite struct SafetensorsTests {
  private func file(header: String, data: [UInt8] = [], length: UInt64? = nil) -> [UInt8] {
    withUnsafeBytes(of: (length ?? UInt64(header.utf8.count)).littleEndian) { Array($0) } + Array(header.utf8) + data
  }

  @Test func roundTripAndEqualBytes() throws {
    let space = try Workspace()
    let tensors = [
      (name: "b", tensor: Safetensors.Tensor(shape: [2, 3], values: [1, -2, 3.5, 0, .leastNormalMagnitude, 6])),
      (name: "a \"quoted\"", tensor: Safetensors.Tensor(shape: [], values: [7])),
      (name: "empty", tensor: Safetensors.Tensor(shape: [0, 4], values: [])),
    ]
    for name in ["one", "two"] { try Safetensors.write(tensors, metadata: ["k": "v"], to: space.file(name)) }
    let read = try Safetensors(path: space.file("one"))
    #expect(read.metadata == ["k": "v"])
    for (name, tensor) in tensors { #expect(try read.tensor(name) == tensor) }
    #expect(FileManager.default.contents(atPath: space.file("one")) == FileManager.default.contents(atPath: space.file("two")))
    #expect(throws: FileError.self) { try read.tensor("missing") }
  }

  @Test func theReferenceReadsOurs() throws {
    let space = try Workspace()
    try Safetensors.write([("w", .init(shape: [2, 2], values: [1, 2, 3, 4.5]))], metadata: ["a": "b"], to: space.file("f"))
    let result = try python(
      """
      import sys, safetensors.numpy as s
      t = s.load_file(sys.argv[1]); print(t["w"].tolist(), t["w"].dtype)
      """, [space.file("f")])
    #expect(result.output == "[[1.0, 2.0], [3.0, 4.5]] float32\n", "\(result.error) (`make test` installs the packages)")
  }

  /// Every lie is refused with a line that says what is wrong; none crashes.
  @Test func liesAreRefused() throws {
    let space = try Workspace()
    let good = #"{"x":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}"#
    let cases: [(String, [UInt8])] = [
      ("only 3 bytes", [1, 2, 3]),
      ("header of", file(header: good, length: .max)),
      ("truncated", file(header: good, length: 5000)),
      ("not a JSON object", file(header: "[1,2,3]")),
      ("outside the 4 bytes", file(header: good, data: [0, 0, 0, 0])),
      ("outside", file(header: #"{"x":{"dtype":"F32","shape":[2],"data_offsets":[-8,0]}}"#)),
      ("outside", file(header: #"{"x":{"dtype":"F32","shape":[2],"data_offsets":[8,0]}}"#, data: Array(repeating: 0, count: 8))),
      (
        "does not fill",
        file(header: #"{"x":{"dtype":"F32","shape":[3],"data_offsets":[0,8]}}"#, data: Array(repeating: 0, count: 8))
      ),
      (
        "impossible shape",
        file(header: #"{"x":{"dtype":"F32","shape":[-2],"data_offsets":[0,8]}}"#, data: Array(repeating: 0, count: 8))
      ),
      (
        "impossible shape",
        file(
          header: #"{"x":{"dtype":"F32","shape":[4611686018427387904,8],"data_offsets":[0,8]}}"#,
          data: Array(repeating: 0, count: 8))
      ),
      (
        "unknown type",
        file(header: #"{"x":{"dtype":"Q8","shape":[8],"data_offsets":[0,8]}}"#, data: Array(repeating: 0, count: 8))
      ),
      ("lacks", file(header: #"{"x":{"dtype":"F32"}}"#)),
      (
        "overlap",
        file(
          header: #"{"x":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},"y":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}}"#,
          data: Array(repeating: 0, count: 8))
      ),
      ("not an object of strings", file(header: #"{"__metadata__":{"a":1}}"#)),
    ]
    for (index, (expected, bytes)) in cases.enumerated() {
      let path = try space.write("\(index)", bytes)
      do {
        _ = try Safetensors(path: path)
        Issue.record("case \(index) (\(expected)) was accepted")
      } catch let error as FileError {
        #expect(error.description.contains(expected), "case \(index): \(error)")
        #expect(error.description.contains(path) && !error.description.contains("\n"))
      }
    }
    #expect(throws: FileError.self) { try Safetensors(path: space.file("absent")) }
    #expect(throws: FileError.self) { try Safetensors(path: space.path) }
  }
}
