/// Numbers as people write them, and what is none.
import Records
import Testing

@Suite struct WrittenNumbersTests {
  @Test func wholeNumbers() {
    let cases: [(String, Int?)] = [
      ("200000", 200_000), ("200_000", 200_000), ("2e5", 200_000), ("1E6", 1_000_000), ("1.5e3", 1_500), ("-5", -5),
      ("1e-1", nil),
      ("1.5", nil), ("_1", nil), ("1_", nil), ("1__0", nil), ("1e20", nil), ("nan", nil), ("inf", nil), ("0x10", nil), ("", nil),
      ("1 000", nil),
      ("9223372036854775807", .max), ("9223372036854775808", nil),
    ]
    for (text, value) in cases { #expect(Int(written: text) == value, "\(text)") }
  }
  @Test func realNumbersAndTruth() {
    let cases: [(String, Double?)] = [
      ("0.5", 0.5), ("1_000.25", 1000.25), ("1e-4", 1e-4), ("nan", nil), ("infinity", nil), ("0x1p3", nil), ("1e999", nil),
      ("5_.0", nil),
    ]
    for (text, value) in cases { #expect(Double(written: text) == value, "\(text)") }
    for (text, value) in [("true", true), ("True", true), ("FALSE", false), ("1", nil), ("yes", nil)] as [(String, Bool?)] {
      #expect(Bool(written: text) == value)
    }
  }
}
