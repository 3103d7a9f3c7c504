/// Against the real environment: every draw exact, free flight within tolerance, returns alike in distribution.
import Environments
import Foundation
import Testing

@Suite struct LunarLanderTests {
  private struct File: Decodable { var episodes: [Recorded] }
  private struct Recorded: Decodable {
    var seed, n: Int
    var height, force: [String]?
    var o0: [Float]?
    var actions, obs_f32_b64, rew_f64_b64: String

    /// Rows of eight, the reset's first where the file has it.
    var observations: [[Float]] {
      let data = Data(base64Encoded: obs_f32_b64) ?? Data()
      let values = data.withUnsafeBytes { raw in
        stride(from: 0, to: raw.count, by: 4).map { raw.loadUnaligned(fromByteOffset: $0, as: Float.self) }
      }
      let rows = stride(from: 0, to: values.count, by: 8).map { Array(values[$0..<$0 + 8]) }
      return o0.map { [$0] + rows } ?? rows
    }
  }

  private func data(_ name: String) throws -> Data {
    try Data(contentsOf: #require(Bundle.module.url(forResource: "Golden/\(name)", withExtension: "json")))
  }
  private func recorded(_ name: String) throws -> [Recorded] {
    try JSONDecoder().decode(File.self, from: data(name)).episodes
  }

  @Test func terrainAndInitialForceAreExact() throws {
    let episodes = try recorded("lunarlander_fixed")
    #expect(episodes.count == 50)
    for episode in episodes {
      let lander = LunarLander()
      _ = try lander.resetAndObserve(UInt64(episode.seed))
      #expect(lander.terrain?.draws == episode.height?.map { Double($0) ?? .nan }, "seed \(episode.seed)")
      let force = try #require(lander.initialForce)
      #expect([force.x, force.y] == episode.force?.map { Double($0) ?? .nan }, "seed \(episode.seed)")
    }
  }

  /// Until the first contact (a leg's flag, or the end) within 2e-2 of Gymnasium's, whose Box2D is older.
  @Test(arguments: [("lunarlander_fixed", false, 50), ("lunarlander_wind_fixed", true, 6)])
  func freeFlight(_ file: String, _ wind: Bool, _ count: Int) throws {
    let episodes = try recorded(file)
    #expect(episodes.count == count)
    var compared = 0
    for episode in episodes {
      var lander = LunarLander(wind: wind)
      var observation = try lander.resetAndObserve(UInt64(episode.seed))
      let expected = episode.observations
      for (step, action) in episode.actions.enumerated() {
        if expected[step][6] + expected[step][7] + observation[6] + observation[7] > 0 { break }
        let difference = zip(observation, expected[step]).map { abs($0 - $1) }.max() ?? 1
        #expect(difference <= 2e-2, "seed \(episode.seed), step \(step)")
        compared += 1
        let result = try lander.step(Int(String(action)) ?? 0)
        observation = result.observation
        if result.step.isLast { break }
      }
    }
    #expect(compared > 40 * count)
  }

  private struct Ending: Decodable {
    var seed, n: Int
    var ret: Double
  }

  @Test func theHeuristicReturnsAreAlikeInDistribution() throws {
    let golden = try JSONDecoder().decode([Ending].self, from: data("lunarlander_heuristic_returns200"))
    let lander = LunarLander()
    let returns = try golden.map { ending in
      var heuristic = LunarLanderHeuristic(), world = lander
      var observation = try world.resetAndObserve(UInt64(ending.seed))
      var total = 0.0
      while true {
        let action = observation.withUnsafeBufferPointer { heuristic.action(for: $0) }
        let result = try world.step(action)
        observation = result.observation
        total += result.step.reward
        if result.step.isLast { return total }
      }
    }
    #expect(golden.count == 200)
    #expect(kolmogorovSmirnov(returns, golden.map(\.ret)) > 0.05)
    // Shares of solved episodes: the two-proportion z statistic within its 95% bounds.
    let ours = Double(returns.filter { $0 >= 200 }.count) / 200, theirs = Double(golden.filter { $0.ret >= 200 }.count) / 200
    let pooled = (ours + theirs) / 2
    #expect(abs(ours - theirs) < 1.96 * (pooled * (1 - pooled) * 2 / 200).squareRoot())
  }

  /// What exact resume stands on: an episode rebuilt from its seed and actions is the same to the bit, whatever was played
  /// before it.
  @Test func sameSeedAndActionsSameBits() throws {
    for wind in [false, true] {
      func play(_ world: LunarLander) throws -> [UInt32] {
        var world = world
        var bits = try world.resetAndObserve(17).map(\.bitPattern)
        for step in 0..<120 {
          let result = try world.step(step * 7 % 4)
          bits += result.observation.map(\.bitPattern)
          if result.step.isLast { break }
        }
        return bits
      }
      let used = LunarLander(wind: wind)
      let first = try play(used)
      var other = used
      _ = try other.resetAndObserve(3)
      for _ in 0..<200 { _ = try other.step(2) }
      #expect(try play(used) == first)
      #expect(try play(LunarLander(wind: wind)) == first)
    }
  }

  @Test func theTimeLimitTruncates() throws {
    // Hovering: the main engine whenever the lander falls.
    var lander = LunarLander()
    var observation = try lander.resetAndObserve(2)
    var steps = 0
    while true {
      let tilt = observation[4] + observation[5]
      let action = observation[3] < -0.02 && abs(tilt) < 0.4 ? 2 : tilt > 0.05 ? 3 : tilt < -0.05 ? 1 : 0
      let result = try lander.step(action)
      observation = result.observation
      steps += 1
      if result.step.isLast {
        #expect(result.step.truncated == (steps == 1000))
        break
      }
    }
    #expect(steps <= 1000)
  }

  /// Two-sample Kolmogorov–Smirnov test, asymptotic p-value.
  private func kolmogorovSmirnov(_ a: [Double], _ b: [Double]) -> Double {
    func share(_ values: [Double], upTo x: Double) -> Double {
      Double(values.filter { $0 <= x }.count) / Double(values.count)
    }
    var distance = 0.0
    for x in a + b { distance = max(distance, abs(share(a, upTo: x) - share(b, upTo: x))) }
    let root = (Double(a.count * b.count) / Double(a.count + b.count)).squareRoot()
    let lambda = (root + 0.12 + 0.11 / root) * distance
    var total = 0.0
    for k in 1...100 {
      let term = exp(-2 * Double(k * k) * lambda * lambda)
      total += k % 2 == 1 ? term : -term
    }
    return min(1, 2 * total)
  }
}

extension LunarLander {
  fileprivate func resetAndObserve(_ seed: UInt64) throws -> [Float] {
    var world = self
    return try world.reset(seed: seed)
  }
}
