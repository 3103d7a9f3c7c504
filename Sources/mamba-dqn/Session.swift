/// What `train` and `resume` share: run to the end or to a signal, then evaluate.
import ArgumentParser
import Environments
import Experiments
import Foundation
import MachineSupport
import Records
import Training

/// To a person: standard error, so that standard output stays for programs.
func say(_ text: String) { FileHandle.standardError.write(Data((text + "\n").utf8)) }

func finish(_ run: Run) throws {
  machine_catch_stop_signals()
  let memory = run.trainer.agent.memoryEstimate
  say(
    "\(run.config.encoder.rawValue) on \(run.config.environment), preset \(run.config.preset), seed \(run.config.seed): \(run.folder.path)"
  )
  say(
    String(
      format: "memory when the replay is full: about %.0f MB (replay %.0f MB)", Double(memory.replay + memory.network) / 1e6 + 25,
      Double(memory.replay) / 1e6))
  let line = ProgressLine()
  let outcome = try run.trainer.run(stopRequested: { machine_stop_signal() != 0 }, report: line.update)
  line.end()
  switch outcome {
  case .stopped(let step):
    say("stopped at step \(step), checkpoint saved. Go on with:\n  mamba-dqn resume \(run.folder.path)")
    throw ExitCode(128 + machine_stop_signal())
  case .finished:
    try run.writeWeights()
    let entry = try EnvironmentCatalog.entry(run.config.environment)
    let episodes = try evaluate(
      { EpisodeActor(run.trainer.agent.makeActingState()) }, in: entry.make, episodes: 100, seed: 0)
    let report = EvaluationReport(subject: run.folder.weights, environment: run.config.environment, seed: 0, episodes)
    try AtomicFile.write(report.json, to: run.folder.evaluation)
    print(report.table)
    say(
      """
      weights      \(run.folder.weights)
      progress     \(run.folder.progress), \(run.folder.monitor)
      TensorBoard  tensorboard --logdir \(run.folder.path)
      """)
  }
}
