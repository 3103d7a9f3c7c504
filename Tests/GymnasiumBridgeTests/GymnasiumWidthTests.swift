/// What environments do that others train on: actions, masks, arguments, rewards and exceptions of every kind.
import Environments
import Foundation
import GymnasiumBridge
import Testing

@Suite struct GymnasiumWidthTests {
  // MARK: - Actions

  @Test(arguments: [
    ("Named-v0", ["LEFT", "NOTHING", "RIGHT"]), ("Wrapped-v0?wrapper=plain", ["LEFT", "NOTHING", "RIGHT"]),
    ("Wrapped-v0?wrapper=fewer", ["0", "1"]), ("Wrapped-v0?wrapper=reversed", ["0", "1", "2"]),
    ("Wrapped-v0?wrapper=renamed", ["LEFT", "RIGHT"]), ("NumPyActions-v0?start=-1", ["-1", "0", "1"]),
  ])
  func namesAreThoseOfTheOutermostActions(_ name: String, _ expected: [String]) throws {
    #expect(try testEnvironment(name).actionSpace.names == expected)
  }

  @Test(arguments: ["int64", "uint8"])
  func actionsAreOfTheSpacesOwnType(_ type: String) throws {
    let start = type == "uint8" ? 3 : -2
    var world = try testEnvironment("NumPyActions-v0?type=\(type)&start=\(start)")
    _ = try world.reset(seed: 0)
    for action in 0..<3 { #expect(try world.step(action).step.reward == Double(action + start)) }
  }

  // MARK: - Masks

  @Test func masksPassAndMaskedActionsDoNot() throws {
    var world = try testEnvironment("Masked-v0")
    #expect(world.actionMask == nil)
    _ = try world.reset(seed: 0)
    #expect(world.actionMask == [true, false, true])
    for step in 1...7 {
      // The environment itself raises at a masked action; it is never asked.
      let error = #expect(throws: GymnasiumError.self) { try world.step(step % 3) }
      #expect(error?.description.contains("is masked here") == true)
      _ = try world.step((step + 1) % 3)
      #expect(world.actionMask == (0..<3).map { $0 != (step + 1) % 3 })
    }
  }

  @Test func aMaskMayComeAndGoAsAnyListOfTruths() throws {
    var list = try testEnvironment("Masked-v0?broken=list"), none = try testEnvironment("Masked-v0?broken=none")
    var ended = try testEnvironment("Masked-v0?broken=ended")
    _ = (try list.reset(seed: 0), try none.reset(seed: 0), try ended.reset(seed: 0))
    _ = (try list.step(0), try none.step(0), try ended.step(0))
    _ = (try list.step(1), try none.step(1))
    #expect(list.actionMask == [false, true, true])
    #expect(none.actionMask == nil)
    // At the end of an episode no action is to be taken: that none is allowed says nothing.
    #expect(try ended.step(1).step.truncated && ended.actionMask == nil)
  }

  @Test(arguments: [("shape", "shape (2,) for 3 actions"), ("empty", "allows no action")])
  func impossibleMasksAreErrors(_ kind: String, _ message: String) throws {
    var world = try testEnvironment("Masked-v0?broken=\(kind)")
    _ = (try world.reset(seed: 0), try world.step(0))
    let error = #expect(throws: GymnasiumError.self) { try world.step(1) }
    #expect(error?.description.contains(message) == true, "\(error?.description ?? "")")
  }

  // MARK: - Arguments

  /// Each text with what Python makes of it.
  @Test func argumentsArePythonLiterals() throws {
    let cases = [
      ("1", "1"), ("1.0", "1.0"), ("-2.5e-3", "-0.0025"), ("1_000", "1000"), ("True", "True"), ("true", "True"),
      ("false", "False"), ("None", "None"), ("null", "None"), ("(2, 3)", "(2, 3)"), ("[1, (2, None)]", "[1, (2, None)]"),
      ("{'a': {'b': 1.0}}", "{'a': {'b': 1.0}}"), (#"{"a": true}"#, "{'a': True}"), ("'8'", "'8'"), ("8x8", "'8x8'"),
      ("rgb_array", "'rgb_array'"), ("__import__('os')", #""__import__('os')""#), ("", "''"), ("[", "'['"), ("ü=é", "'ü=é'"),
      (String(repeating: "(", count: 300), "'\(String(repeating: "(", count: 300))'"),
    ]
    let text = cases.enumerated().map { "k\($0 + 10)=\($1.0)" }.joined(separator: "&")
    let names = try testEnvironment("Literals-v0?" + text).actionSpace.names
    #expect(names == cases.enumerated().map { "k\($0 + 10)=\($1.1)" })
  }

  // MARK: - Spaces

  @Test func spacesKnowThatTheyHoldBytes() throws {
    #expect(try testEnvironment("Spaces-v0?kind=image").observationSpace.element == .uint8)
    #expect(try testEnvironment("Frame-v0?grayscale=8x8").observationSpace.element == .uint8)
    #expect(try testEnvironment("Spaces-v0?kind=binary").observationSpace.element == .float32)
    #expect(try testEnvironment("Echo-v0").observationSpace.element == .float32)
  }

  // MARK: - What comes back

  /// One action for each thing that an environment should not do, or may.
  @Test func rewardsMayBeAnythingThatIsANumberAndTheRestIsSaid() throws {
    var world = try testEnvironment("Strange-v0")
    let names = world.actionSpace.names
    _ = try world.reset(seed: 0)
    for (what, reward) in [("array", 2.5), ("scalar", 2.5), ("whole", 2)] {
      #expect(try world.step(try #require(names.firstIndex(of: what))).step.reward == reward)
    }
    for (what, message) in [
      ("none", "a reward of None, which is not a number"), ("text", "a reward of '1'"),
      ("old", "step returned 4 values, not (observation, reward, terminated, truncated, info)"),
      ("surrogate", #"ValueError: no file \udcff\ud800"#), ("mute", "Mute: <Mute whose text raises RuntimeError>"),
      ("exit", "SystemExit: 4"),
    ] {
      let error = #expect(throws: GymnasiumError.self) { try world.step(try #require(names.firstIndex(of: what))) }
      #expect(error?.description.contains(message) == true, "\(error?.description ?? "")")
    }
    #expect(try world.step(try #require(names.firstIndex(of: "whole"))).step.reward == 2, "the worker lives on")
  }

  @Test func aConstructorsOwnErrorComesWithItsTraceback() throws {
    let error = #expect(throws: GymnasiumError.self) { try testEnvironment("Strange-v0?broken=true") }
    #expect(error?.isUsage == false)
    #expect(error?.description.contains("self.grid = 5 + None") == true, "\(error?.description ?? "")")
    #expect(error?.description.contains("was raised from the environment creator") == false)
  }
}
