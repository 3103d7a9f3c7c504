/// Episodes for the tests of this folder, and where a frame has what.
import Environments
import Foundation
import Rendering

/// The heuristic's landing, with made-up answers of a network where `isThinking`.
func landing(
  seed: UInt64, hoveringAt height: Float = 0, isThinking: Bool = false, subject: String = "policy heuristic"
) throws -> EpisodeRecording {
  var pilot = LunarLanderHeuristic(), step: Float = 0
  let actor = RecordedActor { observation, _, _ in
    step += 1
    var seen = Array(observation)
    seen[1] -= height
    let action = seen.withUnsafeBufferPointer { pilot.action(for: $0) }
    guard isThinking else { return .init(action: action) }
    return .init(
      action: action, values: (0..<4).map { 100 * sin(step / 20 + Float($0)) },
      latent: (0..<128).map { 3 * sin(step * 0.37 + Float($0)) },
      traces: (0..<6).map { .init("block \($0): mean Δ", 0.1 + 0.01 * cos(step + Float($0))) })
  }
  return try EpisodeRecording(of: actor, subject: subject, in: LunarLander(), named: "LunarLander-v3", seed: seed)
}

func drive(_ options: HighwayOptions, seed: UInt64, action: Highway.Action) throws -> EpisodeRecording {
  let actor = RecordedActor { _, _, _ in .init(action: action.rawValue) }
  return try EpisodeRecording(of: actor, subject: "always", in: Highway(options: options), named: "highway", seed: seed)
}

/// An environment without a drawing of its own: two numbers, one bounded, and a reward for naming the larger.
struct Plain: Environment {
  let observationSpace = BoxSpace(shape: [2], low: [0, -.infinity], high: [1, .infinity])
  let actionSpace = DiscreteSpace(names: ["FIRST", "SECOND"])
  private var steps = 0
  mutating func reset(seed: UInt64?, into observation: UnsafeMutableBufferPointer<Float>) {
    steps = 0
    observe(observation)
  }
  mutating func step(_ action: Int, into observation: UnsafeMutableBufferPointer<Float>) -> Step {
    steps += 1
    observe(observation)
    return Step(reward: action == 0 ? 0.25 : -0.5, terminated: steps == 3, truncated: false)
  }
  private func observe(_ observation: UnsafeMutableBufferPointer<Float>) {
    (observation[0], observation[1]) = (0.5, Float(-steps))
  }
}

struct Always: Policy {
  let action: Int
  mutating func action(for observation: UnsafeBufferPointer<Float>) -> Int { action }
}

extension Scene {
  /// The first item that shows one of these sprites.
  func item(_ sprites: [Sprite]) -> Item? { items.first { item in sprites.contains { $0 === item.sprite } } }
  var texts: [String] {
    items.flatMap(\.sprite.shapes).compactMap { if case .text(let text, _, _, _) = $0.outline { text } else { nil } }
  }
}
extension EpisodeRecording {
  var frames: [Scene] { [opening] + steps.flatMap(\.frames) }
}
