/// A preset in a file: what it sets, and what a mistake in it costs.
import Experiments
import Foundation
import Records
import TestSupport
import Testing

@Suite struct PresetFileTests {
  private let space: Workspace
  init() throws { space = try Workspace() }

  @Test func itIsItsBuiltInPresetWithItsSettings() throws {
    let file = try space.text(
      "tuned.yaml",
      """
      environment: highway-fast-v0
      preset: paper
      steps: 500
      settings:
        discount: 0.9
        entities: 5
        observationScale: "1,15,3,15,15"
      """)
    var expected = try Presets.config(environment: "highway-fast-v0", preset: "paper")
    (expected.discount, expected.entities, expected.observationScale, expected.totalSteps) = (0.9, 5, "1,15,3,15,15", 500)
    expected.preset = "tuned"
    #expect(try Presets.config(environment: "highway-fast-v0", preset: file) == expected)
    expected.environment = "highway-v0"
    #expect(try Presets.config(environment: "highway-v0", preset: file) == expected)

    let shown = try mamba("list settings --json --env highway-fast-v0 --preset \(file) --set nStep=3")
    for line in [#""key":"discount".*"value":"0.9""#, #""key":"nStep".*"value":"3""#, #""key":"--steps".*"value":"500""#] {
      #expect(shown.output.range(of: line, options: .regularExpression) != nil, "\(line): \(shown.output) \(shown.error)")
    }
    #expect(try mamba("list settings --preset paper").status == 64)
  }

  /// A run of one, and a study of some, are trained on it.
  @Test func trainAndStudiesTakeIt() throws {
    let file = try space.text(
      "own.yaml",
      """
      environment: highway-fast-v0
      preset: fast
      steps: 300
      settings: {learningStarts: 100, evaluationEpisodes: 1, evaluationInterval: 300, hiddenSize: 16, modelSize: 16}
      """)
    let run = try mamba("train highway-fast-v0 --preset \(file) --seed 3 --out \(space.file("run"))")
    #expect(run.status == 0, "\(run.error)")
    let study = try space.text(
      "study.yaml", "name: own\nenvironment: highway-fast-v0\npreset: \(file)\nmodels: dqn\nseeds: [3]\n")
    let all = try mamba("study run \(study) --root \(space.file("runs"))")
    #expect(all.status == 0, "\(all.error)")
    let weights = ["run", "runs/own/dqn-s3"].map {
      FileManager.default.contents(atPath: RunFolder(path: space.file($0)).weights)
    }
    #expect(weights[0] != nil && weights[0] == weights[1])
  }

  @Test(arguments: [
    ("", "own.yaml:1: the file is empty; a preset is a list"),
    ("preset: paper", "own.yaml:1: the field environment is missing"),
    ("environment: highway-fast-v0\nsetings: {}", "own.yaml:2: unknown field setings; did you mean settings?"),
    ("environment: highway-fst-v0", "own.yaml:1: unknown environment highway-fst-v0; did you mean highway-fast-v0?"),
    ("environment: LunarLander-v3", "own.yaml:1: environment: the preset is one for LunarLander-v3, not for highway-fast-v0"),
    ("environment: highway-fast-v0\npreset: papr", "own.yaml:2: unknown preset papr for highway-fast-v0; did you mean paper?"),
    ("environment: highway-fast-v0\npreset: other.yaml", "own.yaml:2: preset: must be a built-in one"),
    ("environment: highway-fast-v0\nsteps: 0", "own.yaml:2: steps must be a whole number from 1"),
    (
      "environment: highway-fast-v0\nsettings:\n  discount: 0.9\n  learningrate: 1",
      "own.yaml:4: unknown setting learningrate; did you mean learningRate?"
    ),
    ("environment: highway-fast-v0\nsettings:\n  discount: 2", "own.yaml:3: discount=2: discount must be a number from 0"),
    ("environment: highway-fast-v0\nsettings:\n  discount: [1, 2]", "own.yaml:3: discount must be one value"),
    ("environment: highway-fast-v0\nsettings:\n  epsilonStart: 0.01", "own.yaml:2: epsilonEnd=0.05 lies above epsilonStart=0.01"),
  ])
  func aMistakeIsOneLineWithFileAndLine(text: String, expected: String) throws {
    let file = try space.text("own.yaml", text)
    let result = try mamba("train highway-fast-v0 --preset \(file) --out \(space.file("run"))")
    #expect(result.error.contains(expected), "\(result.error)")
    #expect(result.error.hasPrefix("error: ") && result.error.split(separator: "\n").count == 1, "\(result.error)")
    #expect(result.status != 0 && !FileManager.default.fileExists(atPath: space.file("run")))
  }
}
