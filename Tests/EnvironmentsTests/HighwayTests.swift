import Environments
/// Against the real highway-env, bit for bit.
import Foundation
import Randomness
import Testing

@Suite struct HighwayTests {
  /// 50 seeds until the crash, floats as hexadecimal text.
  @Test func fixedActions() throws {
    struct File: Decodable {
      struct Episode: Decodable {
        var seed: UInt64
        var obs0: [Float]
        var steps: [Recorded]
      }
      struct Recorded: Decodable {
        var a: Int
        var o: [Float]
        var r, x, y, hd, speed: String
        var te, tr, crashed: Bool
      }
      var episodes: [Episode]
    }
    let episodes = try JSONDecoder().decode(File.self, from: golden("highway_fast_fixed")).episodes
    #expect(episodes.count == 50)
    for episode in episodes {
      var highway = Highway(options: .highwayFast)
      #expect(try highway.reset(seed: episode.seed) == episode.obs0, "seed \(episode.seed)")
      for (index, expected) in episode.steps.enumerated() {
        let (observation, step) = try highway.step(expected.a)
        let ego = highway.traffic.vehicles[0]
        let place: Comment = "seed \(episode.seed), step \(index)"
        #expect(observation == expected.o, place)
        #expect(
          [step.reward, ego.x, ego.y, ego.heading, ego.speed]
            == [expected.r, expected.x, expected.y, expected.hd, expected.speed].map { Double($0) ?? .nan }, place)
        #expect([step.terminated, step.truncated, ego.isCrashed] == [expected.te, expected.tr, expected.crashed], place)
      }
    }
  }

  /// Longer episodes, steps after the crash, fresh seeds, seeds above 2³², and `highway-v0`: the agent's vehicle at every
  /// step and all vehicles at the end.
  @Test(arguments: [
    ("highway_fast_safe_postcrash", 63), ("highway_fast_fresh", 20), ("highway_fast_large_seeds", 10), ("highway_v0", 20),
  ])
  func recordedEpisodes(_ name: String, _ count: Int) throws {
    let file = try JSONDecoder().decode(RecordedFile.self, from: golden(name))
    #expect(file.episodes.count == count)
    for episode in file.episodes {
      var highway = Highway(options: file.env == "highway-v0" ? .highway : .highwayFast)
      let observations = unpack(episode.obs_f32, Float.self), rows = unpack(episode.step_f64, Double.self)
      let flags = unpack(episode.flags_u8, UInt8.self).map { $0 != 0 }
      #expect(try highway.reset(seed: episode.seed) == Array(observations[..<25]), "seed \(episode.seed)")
      for (index, action) in episode.actions.enumerated() {
        let (observation, step) = try highway.step(try #require(action.wholeNumberValue))
        let ego = highway.traffic.vehicles[0]
        let place: Comment = "seed \(episode.seed), step \(index)"
        #expect(observation == Array(observations[(index + 1) * 25..<(index + 2) * 25]), place)
        #expect([step.reward, ego.speed, ego.x, ego.y, ego.heading] == Array(rows[index * 5..<index * 5 + 5]), place)
        #expect(
          [step.terminated, step.truncated, ego.isCrashed] == Array(flags[index * 3..<index * 3 + 3]), place)
      }
      let ends = unpack(episode.veh_f64, Double.self), choices = unpack(episode.veh_u8, UInt8.self)
      #expect(ends.count == highway.traffic.vehicles.count * 5)
      for (index, vehicle) in highway.traffic.vehicles.enumerated() {
        let place: Comment = "seed \(episode.seed), vehicle \(index) at the end"
        #expect(
          [vehicle.x, vehicle.y, vehicle.heading, vehicle.speed, vehicle.laneChangeTimer]
            == Array(ends[index * 5..<index * 5 + 5]), place)
        #expect(
          [vehicle.lane, vehicle.targetLane, vehicle.isCrashed ? 1 : 0]
            == choices[index * 3..<index * 3 + 3].map(Int.init), place)
      }
    }
  }

  /// The sorted search for neighbours against the pass over all vehicles that highway-env makes, ties included.
  @Test func neighboursAreThoseOfTheFullSearch() {
    var generator = SplitMix64(seed: 7)
    for _ in 0..<200 {
      var traffic = Traffic(road: Road(laneCount: 3))
      for _ in 0..<12 {
        // Few different x, so that many are abreast.
        let x = Double(generator.next() % 9) * 7, y = Double(generator.next() % 81) / 10
        traffic.add(Vehicle(x: x, y: y, speed: 20, on: traffic.road))
      }
      traffic.sort()
      for subject in 0..<12 {
        for lane in 0..<3 {
          let plain = plainNeighbours(traffic, of: subject, inLane: lane)
          #expect(traffic.withScene { $0.vehicleAhead(of: subject, inLane: lane) } == plain.ahead)
          #expect(traffic.withScene { $0.vehicleBehind(subject, inLane: lane) } == plain.behind)
        }
      }
    }
  }

  private func plainNeighbours(_ traffic: Traffic, of subject: Int, inLane lane: Int) -> (ahead: Int?, behind: Int?) {
    let x = traffic.vehicles[subject].x
    var ahead: Int?, behind: Int?
    for (index, other) in traffic.vehicles.enumerated()
    where index != subject && Road.isOn(lane: lane, x: other.x, y: other.y, margin: 1) {
      if x <= other.x && (ahead.map { other.x <= traffic.vehicles[$0].x } ?? true) { ahead = index }
      if other.x < x && (behind.map { other.x > traffic.vehicles[$0].x } ?? true) { behind = index }
    }
    return (ahead, behind)
  }

  // MARK: - Files

  private struct RecordedFile: Decodable {
    struct Episode: Decodable {
      var seed: UInt64
      var actions, obs_f32, step_f64, flags_u8, veh_f64, veh_u8: String
    }
    var env: String
    var episodes: [Episode]
  }

  private func golden(_ name: String) throws -> Data {
    try Data(contentsOf: #require(Bundle.module.url(forResource: "Golden/\(name)", withExtension: "json")))
  }

  private func unpack<Value>(_ text: String, _ type: Value.Type) -> [Value] {
    let data = Data(base64Encoded: text) ?? Data()
    return data.withUnsafeBytes { raw in
      stride(from: 0, to: raw.count, by: MemoryLayout<Value>.size).map {
        raw.loadUnaligned(fromByteOffset: $0, as: Value.self)
      }
    }
  }
}
