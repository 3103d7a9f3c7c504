/// What every command that trains shares: run to the end or to a signal, say what came of it.
import ArgumentParser
import Experiments
import Foundation
import MachineSupport
import Records
import Training

/// To a person: standard error, so that standard output stays for programs.
func say(_ text: String) { FileHandle.standardError.write(Data((text + "\n").utf8)) }

/// Trains to the end, or until a signal comes or `stopRequested`; `goOn` is the command that goes on with it.
func finish(
  _ run: Run, goOn: String, stopRequested: () -> Bool = { false }, report: (ProgressReport) -> Void = { _ in }
) throws -> Run.Outcome {
  machine_catch_stop_signals()
  for problem in run.refusedCheckpoints { say("warning: \(problem); going on from the one before") }
  let memory = run.trainer.agent.memoryEstimate
  say(
    "\(run.config.encoder.rawValue) on \(run.config.environment), preset \(run.config.preset), seed \(run.config.seed): \(run.folder.path)"
  )
  say(
    String(
      format: "memory when the replay is full: about %.0f MB (replay %.0f MB)", Double(memory.replay + memory.network) / 1e6 + 25,
      Double(memory.replay) / 1e6))
  let line = ProgressLine()
  let outcome = try run.complete(stopRequested: { machine_stop_signal() != 0 || stopRequested() }) {
    line.update($0)
    report($0)
  }
  line.end()
  switch outcome {
  case .stopped(let step): say("stopped at step \(step), checkpoint saved. Go on with:\n  \(goOn)")
  case .finished(let evaluation):
    print(evaluation.table)
    say(
      """
      weights      \(run.folder.weights)
      progress     \(run.folder.progress), \(run.folder.monitor)
      TensorBoard  tensorboard --logdir \(run.folder.path)
      """)
  }
  return outcome
}

/// The exit status of a run that was stopped by a signal, as a shell has it.
var stoppedBySignal: ExitCode { ExitCode(128 + (machine_stop_signal() != 0 ? machine_stop_signal() : SIGTERM)) }
