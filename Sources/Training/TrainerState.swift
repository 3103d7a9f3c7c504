/// Everything of a run that the agent does not hold: counters, each actor's present episode, where the logs stand.
import Environments
import Randomness
import Records

/// One actor's present episode: what is needed to rebuild its environment in the middle of it.
struct ActorEpisode: Codable {
  var generator: SplitMix64
  var seed: UInt64 = 0
  var actions: [Int32] = []
  var `return` = 0.0
  /// The episode has ended and the next one's reset has not come about yet. Nil (of earlier checkpoints): no.
  var isOver: Bool?

  init(generator: SplitMix64) { self.generator = generator }

  mutating func begin() {
    // 31 bits: what every environment's seeding takes
    seed = generator.next() >> 33
    actions.removeAll(keepingCapacity: true)
    (`return`, isOver) = (0, nil)
  }

  mutating func took(_ action: Int, _ reward: Double) {
    actions.append(Int32(action))
    `return` += reward
  }

  func finish(_ last: Step) -> Episode {
    Episode(return: `return`, length: actions.count, terminated: last.terminated, truncated: last.truncated)
  }
}

/// The evaluation during training with the highest mean return, the first of equals.
struct BestEvaluation: Codable, Equatable {
  var step: Int
  var meanReturn: Double
}

struct TrainerState: Codable {
  var step = 0
  var episodes = 0
  var actors: [ActorEpisode]
  var record = RecordPosition()
  /// The evaluation of this step was interrupted and is still to come, and what else fell due since an earlier one.
  var evaluationIsDueSince: Int?
  /// The best evaluation during training; its weights stand in a section of their own.
  var best: BestEvaluation?

  init(actors: Int, seed: UInt64) {
    let generator = SplitMix64(seed: seed).split(stream: RandomStream.episodes)
    self.actors = (0..<actors).map { ActorEpisode(generator: $0 == 0 ? generator : generator.split(stream: UInt64($0))) }
  }
}

extension TrainerState {
  /// Refuses what a checkpoint brought where a count or an index of it does not fit the run.
  ///
  /// - Throws: `CheckpointError`.
  func check(_ config: ExperimentConfig, actionCount: Int) throws {
    guard actors.count == config.actors else {
      throw CheckpointError("the checkpoint has \(actors.count) actors, the configuration \(config.actors)")
    }
    guard (0...config.totalSteps).contains(step), (0...step).contains(episodes), (0...step).contains(evaluationIsDueSince ?? 0)
    else {
      throw CheckpointError("the checkpoint's trainer is at step \(step) of \(config.totalSteps), with \(episodes) episodes")
    }
    for actor in actors {
      guard actor.actions.count <= step, actor.actions.allSatisfy({ (0..<actionCount).contains(Int($0)) }), actor.return.isFinite
      else { throw CheckpointError("the checkpoint's episode has actions that are none of \(actionCount)") }
    }
    let evaluations = record.evaluations
    guard
      evaluations.allSatisfy({ $0.returns.count == config.evaluationEpisodes && $0.lengths.count == config.evaluationEpisodes }),
      record.recent.count <= 100, record.recent.allSatisfy({ (0...step).contains($0.length) })
    else { throw CheckpointError("the checkpoint's records have other numbers of episodes than its configuration") }
  }
}
