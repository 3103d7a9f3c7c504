import ArgumentParser
import Experiments
import Foundation
import Records

struct Bench: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Measure this machine: medians with minimum and maximum, as JSON lines.",
    discussion: "Run it on an otherwise idle core (`taskset -c 1` on Linux); docs/benchmarks.md has our numbers.")

  enum Subject: String, ExpressibleByArgument, CaseIterable { case update, act, scan, environment, sequence, growth }

  @Argument(
    help: ArgumentHelp(
      "update (one gradient step), act (one environment step), scan, environment, sequence (a layer at all positions), or growth "
        + "(the same at lengths of 64 to 65,536)."))
  var subject: Subject
  @Option(
    help: ArgumentHelp(
      "Of sequence, growth, and scan over all positions of a sequence.", valueName: "batch,length,model,states"))
  var shape: String?
  @Option(help: "Which layers, separated by commas, sequence and growth measure: mamba, mamba2, mamba3, lstm, gru.")
  var layers: String?
  @Option(name: .customLong("env"), help: "The environment, natively or as gymnasium:ID or gymnasium:MODULE:ID.")
  var environment = "LunarLander-v3"
  @Option(help: "The preset whose sizes are measured.")
  var preset = "default"
  @Option(
    name: .customLong("set"), parsing: .singleValue, help: ArgumentHelp("Override a setting.", valueName: "key=value"))
  var assignments: [String] = []

  func run() throws {
    let entry = try EnvironmentCatalog.entry(environment)
    var config = try Presets.config(environment: environment, preset: preset)
    for assignment in assignments { try Settings.apply(assignment, to: &config) }
    try Settings.check(config)
    let world = try entry.make()
    let (features, actions) = (world.observationSpace.count, world.actionSpace.count)
    let lines: [BenchmarkLine]
    let sequence = try SequenceBenchmark(shape ?? (subject == .growth ? "1,64,128,16" : "16,64,64,16"))
    let layers = layers?.split(separator: ",").map(String.init)
    switch subject {
    case .sequence: lines = try Benchmark.sequence(sequence, layers: layers, threads: config.threads)
    case .growth: lines = try Benchmark.growth(sequence, layers: layers, threads: config.threads)
    case .scan where shape != nil: lines = try Benchmark.sequenceScan(sequence)
    case .update: lines = [try Benchmark.update(config, observationSize: features, actionCount: actions)]
    case .act: lines = [Benchmark.act(config, observationSize: features, actionCount: actions)]
    case .scan: lines = Benchmark.scan(config)
    case .environment: lines = try Benchmark.environment(entry)
    }
    for line in lines { try output(line.json) }
  }
}
