import ArgumentParser
import Experiments
import Foundation
import Records

struct StudySlurm: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "slurm", abstract: "Print a study as an array job for Slurm's sbatch.",
    discussion: """
      mamba-dqn study slurm paper-highway --time 2:00:00 > paper-highway.slurm && sbatch paper-highway.slurm

      An element is a task. Before its time is over it saves, goes back into the queue and goes on from there, on whichever
      node; `study status` shows all of them. docs/scale.md says what the shared folder must be able to do.
      """)

  @OptionGroup var options: StudyOptions
  @OptionGroup var part: SeedOptions
  @Option(help: "The partition. (default: the cluster's)")
  var partition: String?
  @Option(help: "An element's time limit, as Slurm writes it; a task may take many of them.")
  var time = "4:00:00"
  @OptionGroup var trust: TrustOptions

  func run() throws {
    let study = try options.study()
    guard let executable = Bundle.main.executablePath else { throw UsageError("cannot find this program's own file") }
    let script = try SlurmScript(
      part.tasks(of: study), of: study, time: time, partition: partition,
      command: [executable, "study", "run", options.name, "--root", options.root] + (trust.trust ? ["--trust"] : []))
    try output(script.text, terminator: "")
  }
}
