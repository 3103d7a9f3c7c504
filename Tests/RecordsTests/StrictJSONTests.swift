/// JSON as RFC 8259 has it: every prefix and every other byte of a text is refused or read, and never worse.
import Foundation
import Records
import Testing

@Suite struct StrictJSONTests {
  private let text = #"{"a": [1, -2.5e+3, true, false, null], "é\u00e9\ud83d\ude00\n": {"b": "", "c": []}}"#

  @Test func reads() throws {
    let value = try JSONValue(text.utf8)
    #expect(value["a"]?.elements?.first?.count == 1)
    #expect(value["a"]?.elements == [.number("1"), .number("-2.5e+3"), .bool(true), .bool(false), .null])
    #expect(value["éé😀\n"]?.fields?.map(\.key) == ["b", "c"])
    #expect(try JSONValue(" 0 ".utf8) == .number("0"))
  }

  @Test(arguments: [
    #"{"a":1,"a":1}"#, #"{"a":1,"\u0061":1}"#, "{\"a\":1,}", "[1,]", "[1 2]", "01", "1.", ".5", "+1", "1e", "1e999", "-", "NaN",
    #""\ud800""#, #""\udc00\ud800""#, #""\x""#, #""\u12g4""#, "\"\u{1}\"", "\"", "{\"a\"}", "{1:2}", "", "nul", "1 1", "// 1",
    String(repeating: "[", count: 100_000),
  ])
  func refuses(_ text: String) { #expect(throws: JSONError.self) { try JSONValue(text.utf8) } }

  @Test func refusesWhatIsNoText() { #expect(throws: JSONError.self) { try JSONValue([0x22, 0xff, 0x22]) } }

  /// Foundation refuses a subset of what we refuse: what we read, it reads as the same value.
  @Test func agreesWithFoundationOnEveryChangedByte() {
    let bytes = Array(text.utf8)
    for index in bytes.indices {
      for byte: UInt8 in [0, 0x20, 0x22, 0x2c, 0x30, 0x5c, 0x5d, 0x65, 0x7b, 0x7d, 0xff] {
        var changed = bytes
        changed[index] = byte
        for candidate in [changed, Array(changed[..<index])] where (try? JSONValue(candidate)) != nil {
          #expect((try? JSONSerialization.jsonObject(with: Data(candidate), options: .fragmentsAllowed)) != nil)
        }
      }
    }
  }
}
