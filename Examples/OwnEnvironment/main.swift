/// An environment of one's own, and an agent that learns it in a few seconds: docs/LatentMambaDQN.docc/OwnEnvironment.md goes
/// through it line by line. usage: OwnEnvironment FOLDER
import Agents
import Environments
import Foundation
import Records
import Training

/// A corridor with a sign at its beginning. The sign says at which end the reward is, and is seen once; the agent stands in the
/// middle and must walk the right way to the end.
struct Corridor: Environment {
  let observationSpace = BoxSpace(shape: [2], low: [-1, -1], high: [1, 1])
  let actionSpace = DiscreteSpace(names: ["LEFT", "RIGHT"])
  private static let length = 3
  /// A linear congruential generator is random enough for a sign.
  private var generator: UInt64 = 0
  private var sign = 1, position = 0, time = 0

  mutating func reset(seed: UInt64?, into observation: UnsafeMutableBufferPointer<Float>) {
    if let seed { generator = seed }
    generator = generator &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
    (sign, position, time) = (generator >> 63 == 0 ? -1 : 1, 0, 0)
    show(observation)
  }

  mutating func step(_ action: Int, into observation: UnsafeMutableBufferPointer<Float>) -> Step {
    position += action == 0 ? -1 : 1
    time += 1
    show(observation)
    let isAtEnd = abs(position) == Self.length
    return Step(
      reward: isAtEnd ? (position * sign > 0 ? 1 : -1) : 0, terminated: isAtEnd, truncated: !isAtEnd && time == 4 * Self.length)
  }

  /// Where it stands, and, at the beginning alone, the sign.
  private func show(_ observation: UnsafeMutableBufferPointer<Float>) {
    observation[0] = Float(position) / Float(Self.length)
    observation[1] = time == 0 ? Float(sign) : 0
  }
}

guard CommandLine.arguments.count == 2 else {
  say("usage: OwnEnvironment FOLDER")
  exit(64)
}
let folder = RunFolder(path: CommandLine.arguments[1])
try makeFolder(folder.path)

// The settings of `mamba-dqn list settings`; everything else stays as it comes.
var config = ExperimentConfig()
config.environment = "Corridor"
config.totalSteps = 4_000
(config.windowLength, config.hiddenSize, config.modelSize, config.stateSize) = (6, 32, 16, 8)
(config.learningStarts, config.learningRate, config.gradientInterval) = (200, 1e-3, 2)
(config.targetUpdate, config.polyakRate, config.doubleQ) = (.polyak, 0.01, true)
(config.epsilonEnd, config.epsilonDecaySteps) = (0.1, 2_000)
(config.evaluationInterval, config.checkpointInterval, config.logInterval) = (1_000, 2_000, 200)

let trainer = try Trainer(config: config, folder: folder) { Corridor() }
_ = try trainer.run()
try trainer.agent.writeWeights(step: trainer.step, to: folder.weights)

let episodes = try evaluate(
  { EpisodeActor(trainer.agent.makeActingState()) }, in: { Corridor() }, episodes: 100, seed: 1_000)
print("\(episodes.count { $0.return == 1 }) of 100 episodes ended where the sign had pointed")
print(folder.weights)
