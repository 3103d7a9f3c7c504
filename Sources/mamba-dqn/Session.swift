/// What every command that trains shares: run to the end or to a signal, say what came of it.
import ArgumentParser
import Experiments
import Foundation
import MachineSupport
import Records
import Training

/// Trains to the end, or until a signal comes or `stopRequested`; `goOn` is the command that goes on with it.
func finish(
  _ run: Run, goOn: String, stopRequested: () -> Bool = { false }, report: (ProgressReport) -> Void = { _ in }
) throws -> Run.Outcome {
  for warning in run.warnings { say("warning: \(warning)") }
  let memory = run.trainer.agent.memoryNeed
  say(
    "\(run.config.encoder.rawValue) on \(run.config.environment), preset \(run.config.preset), seed \(run.config.seed): \(run.folder.path)"
  )
  say(
    String(
      format: "memory when the replay is full: about %.0f MB (replay %.0f MB)", memory.total / 1e6 + 25, memory.replay / 1e6))
  if run.config.totalSteps < run.config.firstLearningStep {
    say(
      "warning: nothing will be learned: the first gradient step comes at step \(run.config.firstLearningStep), and there are "
        + "only \(run.config.totalSteps) steps; give more --steps or --set learningStarts=N")
  }
  let line = ProgressLine()
  func isStopped() -> Bool { machine_stop_signal() != 0 || stopRequested() }
  let outcome = try run.complete(stopRequested: isStopped) {
    line.update($0)
    report($0)
  }
  line.end()
  switch outcome {
  case .stopped(let step): say("stopped at step \(step), checkpoint saved. Go on with:\n  \(goOn)")
  case .finished(let evaluation, let episode):
    try output(evaluation.table)
    if run.trainer.agent.gradientSteps == 0, run.config.totalSteps >= run.config.firstLearningStep {
      say(
        "warning: nothing was learned: \(run.config.totalSteps) steps filled no sequence of burnIn=\(run.config.burnIn) and one "
          + "row more for each of \(run.config.actors) actors; give more --steps or a smaller burnIn")
    }
    let entry = try run.config.environmentEntry()
    let heuristic = try entry.heuristic.map { policy in
      try evaluate(
        { EpisodeActor { _ in policy() } }, in: entry.make, episodes: evaluation.episodes, seed: evaluation.seed,
        stopRequested: isStopped)
    }
    let whole = heuristic.flatMap { $0.count == evaluation.episodes ? $0 : nil }
    if let sentence = evaluation.sentence(heuristic: whole) { say("\n\(sentence)\n") }
    if let problem = episode.problem { say("no film of an episode: \(problem)") }
    say(
      """
      weights      \(run.folder.weights)
      one episode  \(episode.paths.joined(separator: ", "))
      more         \(programName) render \(shellQuoted(run.folder.path)) --episodes 5
      progress     \(run.folder.progress), \(run.folder.monitor)
      TensorBoard  tensorboard --logdir \(shellQuoted(run.folder.path))
      """)
  }
  return outcome
}

/// Writes the run's `status.json` while `body` trains, and what went wrong where anything did.
func withHeartbeat<Result>(_ folder: RunFolder, _ config: ExperimentConfig, _ body: (HeartbeatWriter) throws -> Result) throws
  -> Result
{
  let heartbeat = HeartbeatWriter(folder, config)
  do {
    let result = try body(heartbeat)
    heartbeat.end()
    return result
  } catch {
    heartbeat.end(error: error is ExitCode ? nil : "\(error)")
    throw error
  }
}

/// The exit status of a run that was stopped by a signal, as a shell has it.
var stoppedBySignal: ExitCode { ExitCode(128 + (machine_stop_signal() != 0 ? machine_stop_signal() : SIGTERM)) }
