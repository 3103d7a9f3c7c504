import ArgumentParser
import Environments
import Experiments
import Foundation
import MachineSupport
import Records

struct StudyCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "study", abstract: "Run a grid of models, settings and seeds, one process a task.",
    discussion: """
      A study is built in (`mamba-dqn study list`) or a .yaml file:
        name: clips                       # its folder below --root
        environment: highway-fast-v0
        preset: paper
        models: [dqn, mamba]
        settings: {gradientClip: [1.0, 0.5]}   # optional; `mamba-dqn list settings` shows all
        seeds: [0, 1, 2]
        steps: 20000                      # optional
      """,
    subcommands: [StudyList.self, StudyShow.self, StudyRun.self, StudyStatus.self, StudySlurm.self, StudyExportCommand.self])
}

/// Which study, and where its runs lie.
struct StudyOptions: ParsableArguments {
  @Argument(help: ArgumentHelp("A built-in study, or the path of a .yaml file.", valueName: "study"))
  var name: String
  @Option(help: "The folder that holds <study>/<task>/.")
  var root = "runs"

  func study() throws -> Study { try Studies.study(name) }
  func folder(_ study: Study) -> StudyFolder { StudyFolder(root: root, study: study) }
}

/// A part of a study; its tasks keep their numbers.
struct SeedOptions: ParsableArguments {
  @Option(help: ArgumentHelp("Only these of the study's seeds, separated by commas.", valueName: "seeds"))
  var seeds: String?

  func tasks(of study: Study) throws -> [StudyTask] {
    let all = try study.tasks
    guard let seeds else { return all }
    let chosen = try seeds.split(separator: ",", omittingEmptySubsequences: false).map { text in
      guard let seed = UInt64(text), study.seeds.contains(seed) else {
        throw UsageError("--seeds \(seeds): \(study.name) has the seeds \(study.seeds.map(String.init).joined(separator: ","))")
      }
      return seed
    }
    return all.filter { chosen.contains($0.config.seed) }
  }
}

struct StudyList: ParsableCommand {
  static let configuration = CommandConfiguration(commandName: "list", abstract: "List the built-in studies.")

  func run() throws {
    for study in Studies.builtIn {
      let models = study.models.map(\.rawValue).joined(separator: " ")
      let places = "\(study.environments.joined(separator: " ")), preset \(study.presets.joined(separator: " "))"
      try output("\(study.name): \(study.tasks.count) tasks; \(places); \(models)")
    }
  }
}

struct StudyShow: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "show", abstract: "Show a study's numbered tasks, each with the command that trains it alone.")

  @OptionGroup var options: StudyOptions

  func run() throws {
    let tasks = try options.study().tasks
    let width = tasks.map(\.name.count).max() ?? 0, digits = "\(tasks.count - 1)".count
    for task in tasks {
      let number = String(repeating: " ", count: digits - "\(task.index)".count) + "\(task.index)"
      let name = task.name.padding(toLength: width, withPad: " ", startingAt: 0)
      try output("\(number)  \(name)  \(task.command.joined(separator: " "))")
    }
  }
}

struct StudyStatus: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "status", abstract: "Show where every task stands, wherever it runs.")

  @OptionGroup var options: StudyOptions
  @OptionGroup var part: SeedOptions
  @Flag(help: "As JSON lines.")
  var json = false

  func run() throws {
    let study = try options.study(), folder = options.folder(study)
    let tasks = try part.tasks(of: study).map { TaskStatus($0, in: folder) }
    guard !json else {
      let encoder = JSONEncoder()
      encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
      for task in tasks { try output(String(decoding: encoder.encode(task), as: UTF8.self)) }
      return
    }
    for line in StudyTable.lines(tasks) { try output(line) }
    for task in tasks { if let error = task.error { try output("\(task.name): \(error)") } }
    for task in tasks { if let holder = task.holder { try output("\(task.name): run by \(holder)") } }
    try output(StudyTable.totals(tasks, of: study, jobs: VectorEnvironment.coreCount))
  }
}

struct StudyExportCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "export", abstract: "Copy the finished tasks, thinned, to where they can be committed.",
    discussion: "Configuration, evaluation and curves; six significant digits, at most 400 rows of progress.csv.")

  @OptionGroup var options: StudyOptions
  @Option(help: "Where to. (default: results/<study>)")
  var to: String?

  func run() throws {
    let study = try options.study(), tasks = try study.tasks
    let target = to ?? "results/\(study.name)"
    let count = try StudyExport.run(tasks, in: options.folder(study), to: target)
    try output("\(count) of \(tasks.count) tasks exported to \(target)")
  }
}
