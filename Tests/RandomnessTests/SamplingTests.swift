/// Shuffles, normal draws and the legacy generator against numpy's own, bit for bit.
import Foundation
import Randomness
import Testing

@Suite struct SamplingTests {
  private struct Golden: Decodable {
    var modern: [Modern]
    var legacy: [Legacy]
  }
  private struct Modern: Decodable {
    var seed: String
    var deck, long, again: [Int]
    var normals: [String]
    var normal_bits: String
  }
  private struct Legacy: Decodable {
    var seed: String
    var words: [UInt32]
    var uniform: [String]
    var below3, coin, choice: [Int]
    var below1: Int
  }

  private let golden: Golden

  init() throws {
    let url = try #require(Bundle.module.url(forResource: "Golden/sampling", withExtension: "json"))
    golden = try JSONDecoder().decode(Golden.self, from: Data(contentsOf: url))
  }

  /// One stream through shuffles of odd and even numbers of half draws, and 100,000 normal draws between.
  @Test func shufflesAndNormalDrawsEqualNumPys() throws {
    #expect(golden.modern.count == 5)
    for expected in golden.modern {
      var generator = NumPyGenerator(seed: try #require(UInt64(expected.seed)))
      func shuffled(_ count: Int) -> [Int] {
        var values = Array(0..<count)
        generator.shuffle(&values)
        return values
      }
      #expect(shuffled(52) == expected.deck, "seed \(expected.seed)")
      #expect(shuffled(832) == expected.long, "seed \(expected.seed)")
      let normals = (0..<100_000).map { _ in generator.normal(mean: 0, deviation: 0.1) }
      #expect(normals.prefix(16).elementsEqual(expected.normals.map { Double($0) ?? .nan }), "seed \(expected.seed)")
      #expect(String(normals.reduce(0) { $0 &+ $1.bitPattern }) == expected.normal_bits, "seed \(expected.seed)")
      #expect(shuffled(104) == expected.again, "seed \(expected.seed)")
    }
  }

  @Test func theLegacyGeneratorEqualsNumPys() throws {
    #expect(golden.legacy.count == 6)
    for expected in golden.legacy {
      var generator = LegacyNumPyGenerator(seed: try #require(UInt64(expected.seed)))
      let words = (0..<700).map { _ in generator.nextUInt32() }
      #expect(stride(from: 0, to: 700, by: 50).map { words[$0] } == expected.words, "seed \(expected.seed)")
      #expect(expected.uniform.map { Double($0) ?? .nan } == (0..<8).map { _ in generator.uniform() })
      #expect(expected.below3 == (0..<20).map { _ in generator.integer(below: 3) })
      #expect(expected.coin == (0..<20).map { _ in generator.coin() })
      #expect(expected.below1 == generator.integer(below: 1))
      #expect(expected.choice == (0..<20).map { _ in 2 * generator.integer(below: 2) - 1 })
    }
  }
}
