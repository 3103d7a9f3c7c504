/// Studies without processes: the list of tasks, files that describe one, locks, folders that an earlier try left, exports.
import Experiments
import Foundation
import Records
import TestSupport
import Testing
import Training

@Suite struct StudyTests {
  // MARK: - Tasks

  @Test func paperHighwayExpandsInOrder() throws {
    let tasks = try Studies.study("paper-highway").tasks
    #expect(tasks.count == 60 && tasks.map(\.index) == Array(0..<60) && Set(tasks.map(\.name)).count == 60)
    #expect(tasks.prefix(6).map(\.name) == (0..<5).map { "dqn-clip1.0-s\($0)" } + ["dqn-clip0.5-s0"])
    #expect(tasks[10].name == "dqn-clip0.1-s0" && tasks[15].name == "lstm-clip1.0-s0" && tasks[59].name == "mamba-clip0.1-s4")
    // The whole configuration of one: the preset's but for what the study says.
    var expected = try Presets.config(environment: "highway-fast-v0", preset: "paper")
    (expected.encoder, expected.gradientClip, expected.seed, expected.totalSteps) = (.mamba, 0.5, 3, 20_000)
    #expect(tasks[53].name == "mamba-clip0.5-s3" && tasks[53].config == expected)
  }

  @Test func paperLunarLanderNamesHoldOnlyWhatVaries() throws {
    let tasks = try Studies.study("paper-lunarlander").tasks
    #expect(tasks.count == 20 && tasks[16].name == "mamba-s1" && tasks[16].config.totalSteps == 200_000)
    #expect(tasks[16].config.cutBootstrapAtTruncation && tasks[16].config.clampPriorityError)
  }

  @Test(arguments: Studies.builtIn.map(\.name)) func tasksAreNumberedAndNamedApart(_ name: String) throws {
    let tasks = try Studies.study(name).tasks
    #expect(!tasks.isEmpty && tasks.map(\.index) == Array(tasks.indices))
    #expect(Set(tasks.map(\.name)).count == tasks.count && Set(tasks.map(\.command)).count == tasks.count)
  }

  @Test func whatBecomesOfLatentsIsAllThatDiffers() throws {
    let tasks = try Studies.study("latents").tasks
    func config(_ name: String) throws -> ExperimentConfig { try #require(tasks.first { $0.name == name }).config }
    var stored = try config("masked-lander-stored-mamba-s3")
    #expect(stored.latents == .state && stored.replay == .sequence && stored.inputs == "observation,differences")
    stored.latents = .refresh
    #expect(try config("masked-lander-refreshed-mamba-s3") == stored)
    (stored.latents, stored.burnIn) = (.none, stored.sequenceLength)
    #expect(try config("masked-lander-burn-in-mamba-s3") == stored)
    var window = try config("RepeatPreviousMedium-window-mamba3-s0")
    #expect(window.replay == .window && window.windowLength == 40)
    window.latents = .target
    #expect(try config("RepeatPreviousMedium-target-mamba3-s0") == window)
  }

  @Test func aFileIsAStudy() throws {
    let space = try Workspace()
    let study = try Studies.study(
      space.text(
        "own.yaml",
        """
        # everything a study can say
        name: own
        environment: LunarLander-v3
        preset: default
        models: [mamba, dqn]
        settings:
          batchSize: 32
          gradientClip: [1.0, 1e-1]
          learningRate: [0.001, 0.0005]
        seeds:
          - 7
          - 0
        """))
    let tasks = try study.tasks
    #expect(tasks.count == 16 && study.parts[0].steps == nil)
    #expect(
      tasks.prefix(5).map(\.name) == [
        "mamba-clip1.0-learningRate0.001-s7", "mamba-clip1.0-learningRate0.001-s0", "mamba-clip1.0-learningRate0.0005-s7",
        "mamba-clip1.0-learningRate0.0005-s0", "mamba-clip1e-1-learningRate0.001-s7",
      ])
    #expect(tasks.allSatisfy { $0.config.batchSize == 32 && $0.config.totalSteps == 200_000 })
    #expect(tasks[15].config.encoder == .dqn && tasks[15].config.gradientClip == 0.1 && tasks[15].config.learningRate == 0.0005)
  }

  /// What is wrong, and the line where it stands.
  @Test(arguments: [
    ("models: [dqn, mmaba]", 4, "unknown model mmaba; did you mean mamba?"),
    ("models:\n- dqn\n- dqn", 6, "models has dqn twice"),
    ("models: []", 4, "models must not be empty"),
    ("models: {dqn: 1}", 4, "models must be one value"),
    ("seeds: [0, 1, 0]", 5, "seeds has 0 twice"),
    ("seeds: [0, -1]", 5, "the seed -1 is not a whole number"),
    ("seeds: [0, 1.5]", 5, "the seed 1.5 is not a whole number"),
    ("seeds:", 5, "seeds must be one value"),
    ("environment: highway-fast-v1", 2, "unknown environment highway-fast-v1; did you mean highway-fast-v0?"),
    ("preset: papr", 3, "unknown preset papr for highway-fast-v0; did you mean paper?"),
    ("name: ../up", 1, "use letters, digits"),
    ("name: paper-highway", 1, "paper-highway is built in"),
    ("name: [a, b]", 1, "name must be one value"),
    ("steps: 0", 6, "steps must be a whole number from 1"),
    ("steps: many", 6, "not many"),
    ("steps: 3.5", 6, "not 3.5"),
    ("seedz: [1]", 6, "unknown field seedz; did you mean seeds?"),
    ("settings:\n  gradientclip: [1.0]", 7, "unknown setting gradientclip; did you mean gradientClip?"),
    ("settings:\n  gradientClip: [1.0, -1]", 7, "gradientClip must be a number from"),
    ("settings:\n  gradientClip:\n    - 1.0\n    - large", 9, "gradientClip must be a number from"),
    ("settings:\n  gradientClip: [0.5, 0.50]", 7, "gradientClip has 0.50 twice"),
    ("settings:\n  encoder: [dqn]", 7, "encoder is chosen by models"),
    ("settings: [gradientClip]", 6, "settings must be a list of `key: value`"),
    ("settings:\n  batchSize: [1]\n  epsilonEnd: [0.5]\n  epsilonStart: [0.1]", 6, "epsilonEnd=0.5 lies above epsilonStart=0.1"),
    ("settings: {gradientClip: [1.0}", 6, "malformed YAML: "),
    ("steps: 1\n\tsettings: 1", 7, "malformed YAML: "),
    ("steps: *nowhere", 6, "malformed YAML: found undefined alias"),
    ("steps: 5\nsteps: 6", 6, "steps is given twice"),
  ])
  func mistakesInAFileNameTheLine(_ line: String, _ number: Int, _ problem: String) throws {
    let space = try Workspace()
    // The line stands in for the field it names, or comes last.
    var lines = ["name: bad", "environment: highway-fast-v0", "preset: paper", "models: [dqn]", "seeds: [0]"]
    let field = line.prefix { $0 != ":" } + ":"
    if let index = lines.firstIndex(where: { $0.hasPrefix(field) }) { lines[index] = line } else { lines.append(line) }
    let path = try space.text("bad.yaml", lines.joined(separator: "\n") + "\n")
    let error = #expect(throws: FileError.self) { try Studies.study(path) }
    let text = error?.description ?? ""
    #expect(text.hasPrefix("\(path):\(number): ") && text.contains(problem) && !text.contains("\n"), "\(text)")
  }

  @Test func filesThatAreNoStudyAreRefused() throws {
    let space = try Workspace()
    let cases = [
      ("", "the file is empty"), ("- a\n- b\n", "must be a list of `key: value`"), ("just words", "must be a list"),
      ("name: a\n---\nname: b\n", "malformed YAML: "), ("name: a\n", "the field environment is missing"),
      ("name: a\u{1}b\n", "malformed YAML: "),
      (
        "name: a\nenvironment: highway-fast-v0\npreset: paper\nmodels: [dqn]\nseeds: [\(Array(0...10_000).map(String.init).joined(separator: ","))]",
        "more than 10000 tasks"
      ),
    ]
    for (text, problem) in cases {
      let path = try space.text("bad.yaml", text)
      let error = #expect(throws: FileError.self) { try Studies.study(path) }
      #expect(error?.description.contains(problem) == true, "\(text.prefix(40)): \(error?.description ?? "")")
    }
    _ = try space.write("bad.yaml", [0xff, 0xfe, 0xff])
    #expect(throws: FileError.self) { try Studies.study(space.file("bad.yaml")) }
    #expect(throws: FileError.self) { try Studies.study(space.file("absent.yaml")) }
  }

  @Test func timeLimits() throws {
    #expect(try TimeLimit.parse("90s") == 90 && TimeLimit.parse("150m") == 9000 && TimeLimit.parse("1.5h") == 5400)
    for bad in ["", "90", "m", "-1m", "0s", "infm", "nanm", "2d"] {
      #expect(throws: UsageError.self) { try TimeLimit.parse(bad) }
    }
  }

  // MARK: - Locks and folders

  @Test func aLockExcludesAndIsReleased() throws {
    let space = try Workspace(), path = space.file(".locks/a.lock")
    #expect(FileLock.holder(of: path) == nil)
    var lock: FileLock? = try FileLock(path: path)
    #expect(FileLock.holder(of: path)?.hasPrefix("process \(getpid()) on ") == true)
    let error = #expect(throws: FileError.self) { try FileLock(path: path) }
    #expect(error?.description.contains("process \(getpid())") == true)
    withExtendedLifetime(lock) {}
    lock = nil
    #expect(FileLock.holder(of: path) == nil)
    _ = try FileLock(path: path)
  }

  private func tiny(_ space: Workspace) throws -> (task: StudyTask, folder: StudyFolder) {
    let study = try Studies.study(
      space.text(
        "tiny.yaml",
        "{name: tiny, environment: highway-fast-v0, preset: paper, models: [dqn], seeds: [0], steps: 300}"))
    return (try study.tasks[0], StudyFolder(root: space.path, study: study))
  }

  @Test func aHalfMadeFolderBeginsAnew() throws {
    let space = try Workspace()
    let (task, folder) = try tiny(space)
    let run = folder.run(task)
    try FileManager.default.createDirectory(atPath: run.path, withIntermediateDirectories: true)
    for path in [run.log, run.status, run.config + ".partial"] {
      try Data("half".utf8).write(to: URL(fileURLWithPath: path))
    }
    #expect(TaskStatus(task, in: folder).state == .waiting)
    #expect(try task.open(in: folder)?.trainer.step == 0)
    #expect(try ExperimentConfig(path: run.config) == task.config)
    #expect(try String(contentsOfFile: run.log, encoding: .utf8) == "half")
    // The configuration alone: everything else is made.
    for path in [run.command, run.provenance, run.progress, run.checkpoints] { try FileManager.default.removeItem(atPath: path) }
    #expect(try task.open(in: folder)?.trainer.step == 0)
    #expect(FileManager.default.fileExists(atPath: run.command) && FileManager.default.fileExists(atPath: run.provenance))
    // Begun, and no checkpoint reached: from the start, not stuck.
    #expect(TaskStatus(task, in: folder).state == .stopped)
    #expect(try task.open(in: folder)?.trainer.step == 0)
  }

  @Test func aFolderWithSomethingElseIsLeftAlone() throws {
    let space = try Workspace()
    let (task, folder) = try tiny(space)
    let run = folder.run(task)
    try FileManager.default.createDirectory(atPath: run.path, withIntermediateDirectories: true)
    try Data("mine".utf8).write(to: URL(fileURLWithPath: run.path + "/thesis.tex"))
    let error = #expect(throws: FileError.self) { try task.open(in: folder) }
    #expect(error?.description.contains("has no config.json, but holds thesis.tex") == true)
  }

  /// Every key of config.json, so that a setting added later cannot be forgotten.
  @Test func anotherConfigurationIsRefusedByTheKeyThatDiffers() throws {
    let space = try Workspace()
    let (task, folder) = try tiny(space)
    let run = folder.run(task)
    try FileManager.default.createDirectory(atPath: run.path, withIntermediateDirectories: true)
    let json = try #require(try JSONSerialization.jsonObject(with: task.config.json) as? [String: Any])
    #expect(json.count > 25)
    let flags = Set(Settings.all.filter { $0.type == "true or false" }.map(\.key))
    let choices = [
      "encoder": "mamba", "norm": "rms", "loss": "squared", "targetUpdate": "polyak", "replay": "sequence", "latents": "none",
      "sequenceStart": "episode",
    ]
    for (key, value) in json {
      var other = json
      switch key {
      case _ where choices[key] != nil: other[key] = choices[key]
      case _ where value is String: other[key] = "another"
      case _ where flags.contains(key): other[key] = !(value as? Bool ?? true)
      default: other[key] = (value as? NSNumber ?? 0).doubleValue + 1
      }
      try JSONSerialization.data(withJSONObject: other).write(to: URL(fileURLWithPath: run.config))
      let error = #expect(throws: FileError.self) { try task.check(in: folder) }
      #expect(error?.description.contains(": \(key) is ") == true, "\(key): \(error?.description ?? "")")
      let status = TaskStatus(task, in: folder)
      #expect(status.state == .failed && status.error == error?.description)
    }
  }

  // MARK: - Export

  @Test func anExportIsThinAndStillARunFolder() throws {
    let space = try Workspace()
    let (task, folder) = try tiny(space)
    let run = folder.run(task)
    try FileManager.default.createDirectory(atPath: run.path, withIntermediateDirectories: true)
    try task.config.json.write(to: URL(fileURLWithPath: run.config))
    let rows = (1...1500).map { "\($0 * 1000),,\(Double($0) / 7),1e-05,0.0005\n" }
    _ = try space.text("tiny/\(task.name)/progress.csv", "step,a,b,c,d\n" + rows.joined())
    _ = try space.text("tiny/\(task.name)/monitor.csv", "#{\"t_start\": 1795536784.7215762}\nr,l,t\n8.263412226966711,12,0.003\n")
    #expect(try StudyExport.run([task], in: folder, to: space.file("out")) == 0)
    let episode = Episode(return: 12.5, length: 70, terminated: true, truncated: false)
    let evaluation = EvaluationReport(subject: run.weights, environment: task.config.environment, seed: 0, [episode])
    try evaluation.json.write(to: URL(fileURLWithPath: run.evaluation))
    try FileManager.default.createDirectory(atPath: space.file("out/\(task.name)"), withIntermediateDirectories: true)
    _ = try space.text("out/\(task.name)/evaluation-gymnasium.json", "kept")
    #expect(try StudyExport.run([task], in: folder, to: space.file("out")) == 1)

    let copy = RunFolder(path: space.file("out/\(task.name)"))
    #expect(try ExperimentConfig(path: copy.config) == task.config)
    // The same evaluation, of weights that no machine's folder names.
    let evaluated = try String(contentsOfFile: copy.evaluation, encoding: .utf8), original = try evaluation.json
    let expected = String(decoding: original, as: UTF8.self)
      .replacingOccurrences(of: run.weights, with: "tiny/\(task.name)/model.safetensors")
    #expect(evaluated == expected && !evaluated.contains(space.file("")))
    let progress = try String(contentsOfFile: copy.progress, encoding: .utf8).split(separator: "\n").map(String.init)
    #expect(progress.count == 401 && progress[0] == "step,a,b,c,d")
    #expect(progress[1] == "1000,,0.142857,1e-05,0.0005" && progress[400] == "1500000,,214.286,1e-05,0.0005")
    let steps = progress.dropFirst().compactMap { Int($0.prefix { $0 != "," }) }
    let gaps = Set(zip(steps, steps.dropFirst()).map { $1 - $0 })
    #expect(steps.count == 400 && gaps == [3000, 4000])
    #expect(
      try String(contentsOfFile: copy.monitor, encoding: .utf8) == "#{\"t_start\": 1795536784.7215762}\nr,l,t\n8.26341,12,0.003\n"
    )
    #expect(try String(contentsOfFile: copy.path + "/evaluation-gymnasium.json", encoding: .utf8) == "kept")
  }
}

extension Workspace {
  func text(_ name: String, _ text: String) throws -> String { try write(name, Array(text.utf8)) }
}
