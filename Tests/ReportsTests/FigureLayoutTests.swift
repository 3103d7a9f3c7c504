/// What the figures are laid out with: ticks, thinning, and labels that share a column.
import Randomness
import Reports
import Testing

@Suite struct FigureLayoutTests {
  @Test(arguments: [
    (0.0...200_000, ["0", "50k", "100k", "150k", "200k"]),
    (0...1, ["0", "0.2", "0.4", "0.6", "0.8", "1.0"]),
    (-250...310, ["−200", "−100", "0", "100", "200", "300"]),
    (-500...(-100), ["−500", "−400", "−300", "−200", "−100"]),
    (0...1_200_000, ["0", "0.2M", "0.4M", "0.6M", "0.8M", "1.0M", "1.2M"]),
    (9990...10_010, ["9990", "9995", "10000", "10005", "10010"]),
    (0...0.001, ["0", "0.0002", "0.0004", "0.0006", "0.0008", "0.0010"]),
    (1e-5...3.1e-5, ["1.0e−5", "1.5e−5", "2.0e−5", "2.5e−5", "3.0e−5"]),
    (4.5...5.5, ["4.6", "4.8", "5.0", "5.2", "5.4"]),
  ])
  func linearTicks(range: ClosedRange<Double>, labels: [String]) {
    let ticks = Ticks.linear(in: range, about: 6)
    #expect(ticks.map(\.label) == labels)
    let slack = (range.upperBound - range.lowerBound) * 1e-9
    #expect(ticks.allSatisfy { $0.value > range.lowerBound - slack && $0.value < range.upperBound + slack })
  }

  @Test(arguments: [
    (0.001...20.0, ["0.001", "0.01", "0.1", "1", "10"]),
    (0.3...6, ["0.5", "1", "2", "5"]),
    (3...3.5, ["3.0", "3.1", "3.2", "3.3", "3.4", "3.5"]),
    (1e-6...1, ["1e−6", "1e−5", "0.0001", "0.001", "0.01", "0.1", "1"]),
    (1e-12...1, ["1e−12", "1e−10", "1e−8", "1e−6", "0.0001", "0.01", "1"]),
    (100...1e6, ["100", "1000", "10k", "100k", "1M"]),
  ])
  func logarithmicTicks(range: ClosedRange<Double>, labels: [String]) {
    #expect(Ticks.logarithmic(in: range, about: 6).map(\.label) == labels)
  }

  @Test func aDomainHoldsItsValues() {
    #expect(Scale.domain(of: [3, .nan, -1, .infinity]) == -1...3)
    #expect(Scale.domain(of: [0, 10], margin: 0.05) == -0.5...10.5)
    #expect(Scale.domain(of: [5, 5]) == 4.5...5.5 && Scale.domain(of: [0]) == -1...1)
    #expect(Scale.domain(of: [-5, 0, 0.1, 10], isLogarithmic: true) == 0.1...10)
    #expect(Scale.domain(of: [.nan]) == nil && Scale.domain(of: [-1, 0], isLogarithmic: true) == nil)
  }

  @Test func thinningKeepsTheEndsAndEveryColumnsExtremes() {
    var generator = SplitMix64(seed: 1)
    let x = (0..<50_000).map(Double.init)
    let y = x.map { _ in generator.uniform(-1, 1) }
    let domain = x[0]...x[x.count - 1]
    let kept = Thinning.indices(x: x, low: y, high: y, in: domain)
    #expect(kept.count <= 2 * Thinning.columns + 2 && kept.first == 0 && kept.last == 49_999)
    #expect(kept == kept.sorted() && Set(kept).count == kept.count)
    func columns(_ indices: some Sequence<Int>) -> [Int: [Double]] {
      Dictionary(grouping: indices) { Int(x[$0] / domain.upperBound * Double(Thinning.columns)) }.mapValues { $0.map { y[$0] } }
    }
    let (all, thin) = (columns(y.indices), columns(kept))
    for (column, values) in all {
      #expect(thin[column]?.min() == values.min() && thin[column]?.max() == values.max(), "column \(column)")
    }
    // Few points stay as they are.
    #expect(Thinning.indices(x: [0, 1, 2], low: [0, 0, 0], high: [0, 0, 0], in: 0...2) == [0, 1, 2])
  }

  @Test func labelsThatShareAColumnDoNotTouch() {
    #expect(TextLayout.spread([50, 52], heights: [16, 16], within: 0...100) == [43, 59])
    #expect(TextLayout.spread([90, 10], heights: [16, 16], within: 0...100) == [90, 10])
    #expect(TextLayout.spread([0, 100, 100], heights: [16, 16, 32], within: 0...100) == [8, 60, 84])
    var generator = SplitMix64(seed: 2)
    for count in 1...6 {
      let desired = (0..<count).map { _ in generator.uniform(0, 100) }
      let heights = (0..<count).map { _ in generator.uniform(10, 16) }
      let centres = TextLayout.spread(desired, heights: heights, within: 0...100)
      for one in 0..<count {
        #expect(centres[one] - heights[one] / 2 > -1e-9 && centres[one] + heights[one] / 2 < 100 + 1e-9)
        for other in 0..<one {
          #expect(abs(centres[one] - centres[other]) > (heights[one] + heights[other]) / 2 - 1e-9)
        }
      }
    }
  }

  @Test func longNamesBreakAndLongWordsEndInAnEllipsis() {
    #expect(TextLayout.lines(of: "Latent Mamba-DQN", size: 13, limit: 150) == ["Latent Mamba-DQN"])
    #expect(TextLayout.lines(of: "DQN (last observation)", size: 13, limit: 120) == ["DQN (last", "observation)"])
    let short = TextLayout.lines(of: String(repeating: "x", count: 50), size: 13, limit: 100)
    #expect(short.count == 1 && short[0].hasSuffix("…") && TextLayout.width(of: short[0], size: 13) <= 100)
  }
}
