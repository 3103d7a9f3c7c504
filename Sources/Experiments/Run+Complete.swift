/// What `train`, `resume` and a study's task share: to the end or to a request to stop, then weights and evaluation.
import Environments
import Foundation
import Records
import Rendering
import Training

extension Run {
  /// How a run came to its end.
  public enum Outcome {
    /// A checkpoint was written at this step.
    case stopped(step: Int)
    /// With the files that show an episode, and why one of them is missing where it is.
    case finished(EvaluationReport, episode: (paths: [String], problem: String?))
  }

  /// Trains; at the end writes the weights, plays 100 greedy episodes with them and writes evaluation.json, which therefore
  /// stands for a run that is complete.
  public func complete(stopRequested: () -> Bool, report: (ProgressReport) -> Void) throws -> Outcome {
    let entry = try config.environmentEntry()
    let archive = EpisodeArchive(folder, entry)
    let outcome = try trainer.run(
      stopRequested: stopRequested, report: report,
      recordEpisode: {
        try archive.record(RecordedActor(trainer.agent.makeActingState()), step: $0, stopRequested: stopRequested)
      })
    if case .stopped(let step) = outcome { return .stopped(step: step) }
    try trainer.agent.writeWeights(step: trainer.step, to: folder.weights)
    var episodes: [Episode] = []
    do {
      episodes = try evaluate(
        { EpisodeActor(trainer.agent.makeActingState()) }, in: entry.make, episodes: 100, seed: 0, stopRequested: stopRequested)
    } catch is EnvironmentInterruption {}
    // The last step's checkpoint is there: going on from it plays them again.
    guard episodes.count == 100 else { return .stopped(step: trainer.step) }
    var evaluation = EvaluationReport(subject: folder.weights, environment: config.environment, seed: 0, episodes)
    (evaluation.trainingSeed, evaluation.trainedSteps) = (config.seed, trainer.step)
    try AtomicFile.write(evaluation.json, to: folder.evaluation)
    let actor = RecordedActor(trainer.agent.makeActingState())
    return .finished(
      evaluation, episode: try leaveEpisode(of: actor, in: entry, seed: 0, to: folder, stopRequested: stopRequested))
  }
}
