/// Against rliable 1.2.0's own output: Golden/record_rliable.py says how it was recorded.
import Foundation
import Statistics
import Testing

private struct Golden: Decodable {
  var resamples: Int
  var cases: [Case]

  struct Case: Decodable {
    var name: String
    var x, y: [[Double]]
    var thresholds: [Double]
    var interquartileMean, probabilityOfImprovement: Bounds
    var profile: [Bounds]
  }
  /// `low` and `high`: where the ends of another bootstrap of as many resamples lie, as quantiles of rliable's own.
  struct Bounds: Decodable {
    var value: Double
    var low, high: [Double]
  }

  static func read() throws -> Golden {
    let url = try #require(Bundle.module.url(forResource: "Golden/rliable", withExtension: "json"))
    return try JSONDecoder().decode(Golden.self, from: Data(contentsOf: url))
  }
}

@Suite struct RliableTests {
  /// Point estimates to 1e-12 of their size. An end of an interval lies between rliable's quantiles at its level ∓ 0.0062,
  /// four standard deviations of the difference of two bootstraps of 20000 resamples; 1e-12 is for rounding.
  private func expect(_ estimate: Estimate, equals golden: Golden.Bounds, _ what: String) {
    let rounding = 1e-12 * max(1, abs(golden.value))
    #expect(abs(estimate.value - golden.value) <= rounding, "\(what)")
    #expect(golden.low[0] - rounding <= estimate.low && estimate.low <= golden.low[1] + rounding, "\(what), low")
    #expect(golden.high[0] - rounding <= estimate.high && estimate.high <= golden.high[1] + rounding, "\(what), high")
  }

  @Test func aggregateInterquartileMean() throws {
    let golden = try Golden.read()
    for item in golden.cases {
      let estimate = Statistics.stratifiedBootstrap(
        item.x, resamples: golden.resamples, Statistics.aggregateInterquartileMean)
      expect(estimate, equals: item.interquartileMean, item.name)
    }
  }

  @Test func performanceProfile() throws {
    let golden = try Golden.read()
    for item in golden.cases {
      let profile = PerformanceProfile(item.x, thresholds: item.thresholds, resamples: golden.resamples)
      #expect(profile.thresholds == item.thresholds && profile.shares.count == item.profile.count)
      for (index, share) in profile.shares.enumerated() {
        expect(share, equals: item.profile[index], "\(item.name), above \(item.thresholds[index])")
      }
    }
  }

  @Test func probabilityOfImprovement() throws {
    let golden = try Golden.read()
    for item in golden.cases {
      let estimate = Statistics.probabilityOfImprovement(of: item.x, over: item.y, resamples: golden.resamples)
      expect(estimate, equals: item.probabilityOfImprovement, item.name)
      let reverse = Statistics.probabilityOfImprovement(of: item.y, over: item.x, resamples: 1)
      #expect(abs(estimate.value + reverse.value - 1) < 1e-12)
    }
  }

  @Test func equalSeedsGiveEqualIntervals() {
    let scores = [20, 30].map { runs in (0..<runs).map { Double($0 * 7 % runs) } }
    func estimate(_ seed: UInt64) -> Estimate {
      Statistics.stratifiedBootstrap(scores, seed: seed, Statistics.aggregateInterquartileMean)
    }
    #expect(estimate(1) == estimate(1))
    #expect(estimate(1) != estimate(2))
  }

  /// rliable has no such scores; the definition still holds: tasks weigh the same however many runs they have.
  @Test func tasksWithDifferentNumbersOfRunsWeighTheSame() {
    let scores = [[1.0], [0.0, 0, 0, 0]]
    #expect(PerformanceProfile(scores, thresholds: [0.5]).shares == [Estimate(value: 0.5, low: 0.5, high: 0.5)])
    #expect(Statistics.probabilityOfImprovement(of: scores, over: [[0.0, 0], [0.0]]).value == 0.75)
  }
}
