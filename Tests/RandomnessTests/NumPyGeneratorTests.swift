/// Against numpy's own draws, bit for bit.
import Foundation
import Randomness
import Testing

@Suite struct NumPyGeneratorTests {
  private struct Golden: Decodable {
    var seed: String
    var seedseq_u32: [UInt32]
    var seedseq_u64, raw_u64, random, uniform_pm1000, uniform_terrain12: [String]
    var choice3, integers_pm9999: [Int]
  }

  private func goldens() throws -> [(UInt64, Golden)] {
    let url = try #require(Bundle.module.url(forResource: "Golden/pcg64", withExtension: "json"))
    let all = try JSONDecoder().decode([Golden].self, from: Data(contentsOf: url))
    return all.compactMap { golden in UInt64(golden.seed).map { ($0, golden) } }
  }

  @Test func everyDrawEqualsNumPys() throws {
    let goldens = try goldens()
    #expect(goldens.count >= 13 && goldens.contains { $0.0 > 1 << 32 })
    for (seed, golden) in goldens {
      let sequence = SeedSequence(seed)
      #expect(sequence.words(8) == golden.seedseq_u32, "seed \(seed)")
      #expect(sequence.doubleWords(4).map(String.init) == golden.seedseq_u64, "seed \(seed)")
      func draws<Value>(_ count: Int, _ draw: (inout NumPyGenerator) -> Value) -> [Value] {
        var generator = NumPyGenerator(seed: seed)
        return (0..<count).map { _ in draw(&generator) }
      }
      func bits(_ hex: [String]) -> [Double?] { hex.map { Double($0) } }
      #expect(draws(golden.raw_u64.count) { String($0.next()) } == golden.raw_u64, "seed \(seed)")
      #expect(draws(golden.random.count) { $0.uniform() } == bits(golden.random), "seed \(seed)")
      #expect(draws(golden.uniform_pm1000.count) { $0.uniform(-1000, 1000) } == bits(golden.uniform_pm1000), "seed \(seed)")
      #expect(
        draws(golden.uniform_terrain12.count) { $0.uniform(0, 400 / 30.0 / 2) } == bits(golden.uniform_terrain12),
        "seed \(seed)")
      #expect(draws(golden.choice3.count) { $0.choice(3) } == golden.choice3, "seed \(seed)")
      #expect(draws(golden.integers_pm9999.count) { $0.integers(-9999, 9999) } == golden.integers_pm9999, "seed \(seed)")
    }
  }

  @Test func aGeneratorGoesOnAfterCoding() throws {
    var generator = NumPyGenerator(seed: 5)
    _ = generator.nextUInt32()  // leaves half a word in the buffer
    var copy = try JSONDecoder().decode(NumPyGenerator.self, from: JSONEncoder().encode(generator))
    for _ in 0..<10 { #expect(copy.nextUInt32() == generator.nextUInt32()) }
    #expect(copy.next() == generator.next())
  }

  @Test func splitStreamsDiffer() {
    let root = SplitMix64(seed: 0)
    var a = root.split(stream: 0), b = root.split(stream: 1), again = root.split(stream: 0)
    let first = (0..<4).map { _ in a.next() }
    #expect(first == (0..<4).map { _ in again.next() })
    #expect(first != (0..<4).map { _ in b.next() })
  }
}
