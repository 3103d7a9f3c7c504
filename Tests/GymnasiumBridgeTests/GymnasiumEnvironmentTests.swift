/// The bridge against the real gymnasium, and against environments that misbehave.
import Environments
import Foundation
import GymnasiumBridge
import Testing

@Suite struct GymnasiumEnvironmentTests {
  private static let here = URL(fileURLWithPath: #filePath).deletingLastPathComponent()

  // MARK: - Real environments

  @Test func lunarLanderEqualsItsRecordingBitForBit() throws {
    struct File: Decodable {
      struct Episode: Decodable {
        var seed: Int
        var o0: [Float]
        var actions, obs_f32_b64, rew_f64_b64: String
      }
      var episodes: [Episode]
    }
    let path = Self.here.appending(path: "../EnvironmentsTests/Golden/lunarlander_fixed.json")
    let episodes = try JSONDecoder().decode(File.self, from: Data(contentsOf: path)).episodes
    var lander = try gymnasium("LunarLander-v3")
    for episode in episodes.prefix(20) {
      #expect(try lander.reset(seed: UInt64(episode.seed)) == episode.o0)
      let observations = unpack(episode.obs_f32_b64, Float.self), rewards = unpack(episode.rew_f64_b64, Double.self)
      for (index, action) in episode.actions.enumerated() {
        let (observation, step) = try lander.step(try #require(action.wholeNumberValue))
        #expect(observation == Array(observations[index * 8..<index * 8 + 8]), "seed \(episode.seed), step \(index)")
        #expect(step.reward == rewards[index], "seed \(episode.seed), step \(index)")
        #expect(step.isLast == (index == episode.actions.count - 1))
      }
    }
  }

  @Test(arguments: [0, 77, 4_294_967_303] as [UInt64])
  func highwayEqualsTheNativeOneBitForBit(_ seed: UInt64) throws {
    var foreign = try gymnasium("highway-fast-v0"), native = Highway(options: .highwayFast)
    #expect(foreign.actionSpace == native.actionSpace)
    #expect(foreign.observationSpace == native.observationSpace)
    #expect(try foreign.reset(seed: seed) == native.reset(seed: seed))
    for index in 0..<12 {
      let action = [4, 1, 2, 3, 0][index % 5]
      let (a, b) = (try foreign.step(action), try native.step(action))
      #expect(a.observation == b.observation && a.step == b.step, "step \(index)")
      if a.step.isLast { break }
    }
  }

  @Test func argumentsReachTheRealEnvironment() throws {
    // Gymnasium refuses this gravity with an assertion that names it.
    let error = #expect(throws: GymnasiumError.self) { try gymnasium("LunarLander-v3?gravity=-50.0") }
    #expect(error?.description.contains("-50") == true)
    var windy = try gymnasium("LunarLander-v3?enable_wind=true"), calm = try gymnasium("LunarLander-v3")
    _ = (try windy.reset(seed: 1), try calm.reset(seed: 1))
    #expect(try windy.step(0).observation != calm.step(0).observation)
  }

  // MARK: - Spaces

  @Test(
    arguments: [
      ("discrete", [0, 0, 1, 0]), ("binary", [1, 0, 1]), ("multidiscrete", [0, 1, 0, 0, 1]), ("tuple", [0, 1, 0, 1, 2, 3]),
      ("dict", [0.5, 8, 0, 0, 1]), ("image", [0, 1, 2, 253, 254, 255]),
    ] as [(String, [Float])])
  func observationsAreFlattenedAsGymnasiumDoes(_ kind: String, _ expected: [Float]) throws {
    var world = try testEnvironment("Spaces-v0?kind=\(kind)")
    #expect(try world.reset(seed: nil) == expected)
    #expect(world.observationSpace.count == expected.count)
    #expect(try world.step(1).observation == expected)
  }

  @Test func actionsStartWhereTheSpaceDoesAndArgumentsAreTyped() throws {
    var echo = try testEnvironment("Echo-v0?gain=2.5&flag=true&label=abc")
    #expect(try echo.reset(seed: 3) == [2.5, 1, 3])
    #expect(echo.actionSpace.names == ["5", "6", "7"])
    #expect(try echo.step(0).step == Step(reward: 5, terminated: false, truncated: false))
    #expect(try echo.step(2).step == Step(reward: 7, terminated: false, truncated: true))
  }

  @Test func pongsGrayImageEqualsItsRecording() throws {
    var frame = try testEnvironment("Frame-v0?grayscale=84x84")
    #expect(frame.observationSpace.shape == [84, 84])
    let pixels = try Data(contentsOf: Self.here.appending(path: "Golden/pong_84x84.bin"))
    #expect(try frame.reset(seed: nil) == Array(pixels).map(Float.init))
  }

  // MARK: - Misbehaviour

  @Test(arguments: [
    ("Faulty-v0?fault=raises", "RuntimeError: the wheels came off\nTraceback"), ("Faulty-v0?fault=exits", "with status 3"),
    ("Faulty-v0?fault=hangs", "no answer to the step within 1 s"), ("Faulty-v0?fault=spins", "no answer to the step within 1 s"),
    ("Faulty-v0?fault=shape", "shape (4,)"), ("Faulty-v0?fault=garbage", "not a frame"),
  ])
  func aFaultIsAClearError(_ name: String, _ message: String) throws {
    var world = try testEnvironment(name, timeouts: .init(reset: 1, step: 1))
    _ = try world.reset(seed: 0)
    _ = (try world.step(0), try world.step(1))
    let error = #expect(throws: GymnasiumError.self) { try world.step(0) }
    #expect(error?.description.contains(message) == true, "\(error?.description ?? "")")
  }

  /// What a dead worker leaves behind holds its pipes; that must not be taken for a worker that thinks.
  @Test(arguments: [("exits", "with status 7"), ("crashes", "by signal 11")])
  func aWorkerThatDiesIsNotWaitedFor(_ how: String, _ message: String) throws {
    var world = try testEnvironment("Forks-v0?then=\(how)")
    _ = try world.reset(seed: 0)
    for _ in 0..<2 {  // and it stays dead
      let error = #expect(throws: GymnasiumError.self) { try world.step(0) }
      #expect(error?.description.contains(message) == true, "\(error?.description ?? "")")
    }
  }

  @Test func resetsHaveATimeoutOfTheirOwn() throws {
    var patient = try testEnvironment("Slow-v0?reset=1.5", timeouts: .init(reset: 60, step: 1))
    _ = try patient.reset(seed: 0)
    var hasty = try testEnvironment("Slow-v0?reset=1000", timeouts: .init(reset: 0.5, step: 60))
    let error = #expect(throws: GymnasiumError.self) { try hasty.reset(seed: 0) }
    #expect(error?.description.contains("no answer to the reset within 0.5 s") == true)
  }

  @Test func printsDoNotDisturb() throws {
    var world = try testEnvironment("Faulty-v0?fault=prints")
    _ = try world.reset(seed: 0)
    for _ in 0..<5 { #expect(try world.step(1).observation == [1, 0, 0]) }
  }

  @Test(arguments: [
    ("LunarLandr-v3", "LunarLander"), ("bridge_test_environments:Continuous-v0", "Box(-1.0, 1.0"),
    ("bridge_test_environments:Spaces-v0?kind=sequence", "Sequence"), ("no_such_module:X-v0", "no_such_module"),
    ("LunarLander-v3?grayscale=84x84", "grayscale needs"), ("LunarLander-v3?gravitation=3", "gravitation"),
    ("bridge_test_environments:OddSpaces-v0?kind=zero", "holds no numbers"),
    ("bridge_test_environments:OddSpaces-v0?kind=dict", "holds no numbers"), ("LunarLander-v2", "use `LunarLander-v3`"),
    ("no_such.module:X-v0", "PYTHONPATH=FOLDER"), ("a b", "Malformed"),
  ])
  func whatCannotBeMadeIsAUsageError(_ name: String, _ message: String) throws {
    let error = #expect(throws: GymnasiumError.self) { try gymnasium(name) }
    #expect(error?.isUsage == true)
    #expect(error?.description.contains(message) == true, "\(error?.description ?? "")")
  }

  @Test(arguments: [
    "gymnasium:", "gymnasium:X-v0?a", "gymnasium:X-v0?grayscale=84", "gymnasium:X-v0?grayscale=0x4", "gymnasium:X-v0?a=1&a=2",
    "gymnasium:X-v0?=1",
  ])
  func malformedNames(_ text: String) { #expect(throws: GymnasiumError.self) { try GymnasiumName(text) } }

  @Test func namesAreTakenApart() throws {
    let name = try #require(try GymnasiumName("gymnasium:module:ALE/Pong-v5?grayscale=84x80&frameskip=4"))
    #expect(name.id == "module:ALE/Pong-v5" && name.baseID == "Pong-v5")
    #expect(name.grayscale == [84, 80] && name.arguments == ["frameskip": "4"])
    #expect(try GymnasiumName("LunarLander-v3") == nil)
    #expect(name.module == "module")
  }

  @Test(arguments: [
    ("CartPole-v1", false), ("ALE/Pong-v5?grayscale=84x84&frameskip=4", false), ("X-v0?map=8x8&gain=-1.5&deep=1e-3", false),
    ("X-v0?size=(1.5, 2)&none=None", false), ("module:X-v0", true), ("a.b:X-v0", true), ("X-v0?inner=module:Y-v0", true),
    ("X-v0?kind=package.Class", true), ("X-v0?file=/etc/passwd", true), ("X-v0?config={'type': 'a.B'}", true),
  ])
  func codeIsSeenInNames(_ text: String, _ bringsCode: Bool) throws {
    #expect((try #require(try GymnasiumName("gymnasium:" + text)).codeThatItNames != nil) == bringsCode)
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
