/// Changed safetensors files against the `safetensors` package: the same verdict, and where both read a file, the same tensors.
/// `MAMBA_DQN_CASES=2000` in the environment asks for more of them.
import Foundation
import Randomness
import Records
import TestSupport
import Testing

@Suite struct MutatedSafetensorsTests {
  /// A file of ours, and one with every kind of type, with empty tensors and a scalar.
  private static let originals: [[UInt8]] = [
    file(
      #"{"__metadata__":{"encoder":"dqn","windowLength":"4"},"a.weight":{"dtype":"F32","shape":[2,3],"data_offsets":[0,24]},"#
        + #""b":{"dtype":"F32","shape":[2],"data_offsets":[24,32]}}  "#, data: 32),
    file(
      #"{"z":{"dtype":"F64","shape":[],"data_offsets":[12,20]},"e":{"dtype":"I16","shape":[0,7],"data_offsets":[0,0]},"#
        + #""h":{"dtype":"BF16","shape":[3,2],"data_offsets":[0,12]},"u\u00e9":{"dtype":"U8","shape":[1,1,4],"data_offsets":[20,24]},"#
        + #""s":{"dtype":"F6_E2M3","shape":[4],"data_offsets":[24,27]}}"#, data: 27),
  ]

  private static func file(_ header: String, data: Int) -> [UInt8] {
    withUnsafeBytes(of: UInt64(header.utf8.count).littleEndian) { Array($0) } + Array(header.utf8)
      + (0..<data).map { UInt8(truncatingIfNeeded: $0 &* 37) }
  }

  private static let pieces = [
    "\"a.weight\"", "\"b\"", "\"dtype\"", "\"shape\"", "\"F32\"", "\"F16\"", "\"F4\"", "\"__metadata__\"", "null", "[]", "{}",
    "0", "1", "24",
    "-1", "-0", "2.0", "1e1", "18446744073709551615", "4611686018427387904", ",", "}", "[", ":", " ", "\n", "\\ud800", "\\u0041",
    "\u{7f}",
    "\"x\":{\"dtype\":\"U8\",\"shape\":[0],\"data_offsets\":[0,0]},",
  ].map { Array($0.utf8) }

  /// One to three changes; the header's length follows the change, or not.
  private static func mutated(_ generator: inout SplitMix64) -> [UInt8] {
    func below(_ count: Int) -> Int { Int(generator.next(upperBound: UInt64(count))) }
    var bytes = originals[below(originals.count)]
    for _ in 0..<(below(3) == 0 ? 2 : 1) {
      let length = Int(bytes.prefix(8).reversed().reduce(UInt64(0)) { $0 << 8 | UInt64($1) } & 0xffff)
      let header = 8..<max(9, min(bytes.count, 8 + length))
      let place = header.lowerBound + below(header.count)
      let before = bytes.count
      var follows = below(8) > 0
      switch below(12) {
      case 0: bytes[place] ^= 1 << UInt8(below(8))
      case 1: bytes[below(bytes.count)] = UInt8(below(256))
      case 2: bytes.insert(contentsOf: pieces[below(pieces.count)], at: place)
      case 3:
        let piece = pieces[below(pieces.count)]
        bytes.replaceSubrange(place..<min(place + piece.count, bytes.count), with: piece)
      case 4: bytes.removeSubrange(place..<min(place + 1 + below(4), bytes.count))
      case 5:
        follows = false
        bytes.insert(contentsOf: Array(repeating: 0, count: 1 + below(8)), at: min(header.upperBound, bytes.count))
      case 6:
        follows = false
        bytes += Array(repeating: 0, count: 1 + below(16))
      case 7:
        follows = false
        bytes.removeLast(min(1 + below(16), bytes.count - 9))
      case 8:  // a digit for another
        let digits = header.filter { UInt8(ascii: "0")...UInt8(ascii: "9") ~= bytes[$0] }
        if let digit = digits.randomElement(using: &generator) { bytes[digit] = UInt8(ascii: "0") + UInt8(below(10)) }
      case 9:  // space where it is allowed, and where it is not
        let marks = header.filter { Array("{}[]:,\"".utf8).contains(bytes[$0]) }
        if let mark = marks.randomElement(using: &generator) { bytes.insert(UInt8(ascii: " "), at: mark) }
      case 10:  // a letter of a name or of metadata
        let letters = header.filter { Array("abezhuworil".utf8).contains(bytes[$0]) }
        if let letter = letters.randomElement(using: &generator) { bytes[letter] = UInt8(ascii: "k") }
      default: bytes.insert(contentsOf: bytes[place..<min(place + below(60), header.upperBound)], at: place)
      }
      // What was put in or taken out within the header is part of it, mostly.
      let grown = length + bytes.count - before
      if follows, (0..<65536).contains(grown), before != bytes.count {
        bytes.replaceSubrange(0..<8, with: withUnsafeBytes(of: UInt64(grown).littleEndian) { Array($0) })
      }
    }
    return bytes
  }

  @Test func theSameVerdict() throws {
    let space = try Workspace()
    let count = ProcessInfo.processInfo.environment["MAMBA_DQN_CASES"].flatMap { Int($0) } ?? 500
    var generator = SplitMix64(seed: 13)
    var ours: [String] = []
    for number in 0..<count {
      let path = try space.write("\(number)", Self.mutated(&generator))
      do {
        let file = try Safetensors(path: path)
        ours.append("ok " + file.names.map { "\($0) \(file.shape(of: $0) ?? [])" }.joined(separator: "; "))
      } catch let error as FileError {
        #expect(error.description.hasPrefix(path) && !error.description.contains("\n"))
        ours.append(error.description.contains("is given twice") ? "twice" : "refused")
      }
    }
    let result = try python(
      """
      import sys
      from safetensors import safe_open
      for number in range(int(sys.argv[2])):
          try:
              with safe_open(f"{sys.argv[1]}/{number}", "numpy") as f:
                  print("ok", "; ".join(f"{k} {f.get_slice(k).get_shape()}" for k in sorted(f.keys())).encode("ascii", "replace").decode())
          except Exception:
              print("refused")
      """, [space.path, "\(count)"])
    let theirs = result.output.split(separator: "\n", omittingEmptySubsequences: false).dropLast()
    #expect(theirs.count == count, "\(result.error) (`make test` installs the packages)")
    for (number, (mine, other)) in zip(ours, theirs).enumerated() where mine != "twice" {
      let plain = String(mine.unicodeScalars.map { $0.isASCII ? Character($0) : "?" })
      #expect(plain.trimmingCharacters(in: .whitespaces) == other.trimmingCharacters(in: .whitespaces), "file \(number)")
    }
    let accepted = ours.count { $0.hasPrefix("ok") }
    #expect(accepted > count / 20 && accepted < count * 3 / 4, "\(accepted) of \(count) accepted")
    #expect(ours.count { $0 == "twice" } < count / 10)
  }
}
