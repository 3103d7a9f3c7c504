/// The commands with an environment on the other side of the bridge.
import Foundation
import Records
import TestSupport
import Testing

@Suite(.serialized) struct BridgeCommandTests {
  init() { setenv("PYTHONPATH", packageRoot + "/Tests/GymnasiumBridgeTests/Python", 1) }

  private let small =
    "--set learningStarts=100 --set stateSize=8 --set modelSize=16 --set hiddenSize=16 --set checkpointInterval=250 "
    + "--set evaluationInterval=300 --set evaluationEpisodes=1 --out "

  @Test func trainingThroughTheBridgeResumesToTheSameBytes() throws {
    let space = try Workspace()
    let train = "train gymnasium:CartPole-v1 --steps 500 --seed 1 \(small)"
    let straight = try mamba(train + space.file("straight"))
    #expect(straight.status == 0, "\(straight.error)")
    let stopped = try mamba(train + space.file("stopped"), signal: SIGKILL) { savedSteps(space.file("stopped")) > 0 }
    #expect(stopped.status == SIGKILL)
    let resumed = try mamba("resume \(space.file("stopped"))")
    #expect(resumed.status == 0, "\(resumed.error)")
    let weights = ["straight", "stopped"].map { FileManager.default.contents(atPath: RunFolder(path: space.file($0)).weights) }
    #expect(weights[0] != nil && weights[0] == weights[1])
  }

  @Test func anEnvironmentThatRaisesLeavesTheCheckpoint() throws {
    let space = try Workspace()
    let result = try mamba(
      "train gymnasium:bridge_test_environments:Faulty-v0?fault=raises&at=400 \(small)\(space.file("run"))")
    #expect(result.status == 1)
    #expect(result.error.contains("the wheels came off") && result.error.contains("Traceback"))
    let store = try CheckpointStore(directory: RunFolder(path: space.file("run")).checkpoints)
    #expect(store.paths.count == 2 && store.paths[1].contains("0000000250") && store.paths[0].contains("0000000300"))
    #expect(result.error.contains("evaluation at step 300: ") && result.error.contains("what was learned until then is saved"))
  }

  /// Where there is no screen, SDL says nothing of it.
  @Test func drawingIsQuiet() throws {
    let space = try Workspace(), place = space.file("page.html")
    let render = "render --policy always:0 --env gymnasium:CartPole-v1 --out \(place)"
    let result = try run("/usr/bin/env", ["-u", "XDG_RUNTIME_DIR", builtProgram] + render.split(separator: " ").map(String.init))
    #expect(result.status == 0 && result.output == "\(place)\n" && result.error.isEmpty, "\(result.error)")
  }

  /// One that fails at its first step leaves nothing, and a folder that was there stays.
  @Test func aRunThatNeverTookAStepLeavesNothing() throws {
    let space = try Workspace()
    try makeFolder(space.file("there"))
    for name in ["new", "there"] {
      let result = try mamba("train gymnasium:bridge_test_environments:Faulty-v0?fault=raises&at=1 \(small)\(space.file(name))")
      #expect(result.status == 1 && result.error.contains("the wheels came off"), "\(result.error)")
    }
    #expect(try FileManager.default.contentsOfDirectory(atPath: space.path) == ["there"])
    #expect(try FileManager.default.contentsOfDirectory(atPath: space.file("there")).isEmpty)
  }

  /// One that hangs is given up when somebody wants to stop, and the run goes on later as if it had not been asked.
  @Test func anEnvironmentThatHangsCanBeStopped() throws {
    let space = try Workspace(), run = space.file("run")
    let result = try mamba(
      "train gymnasium:bridge_test_environments:Faulty-v0?fault=hangs&at=300 \(small)\(run)", signal: SIGTERM
    ) { lineCount(RunFolder(path: run).progress) >= 1 && savedSteps(run) >= 250 }
    #expect(result.status == 128 + SIGTERM && savedSteps(run) >= 250 && savedSteps(run) < 300, "\(result.error)")
  }

  /// The same of one that hangs in a reset, and of evaluations in one whose episodes never end: those during training, and the
  /// hundred episodes at the end.
  @Test(arguments: [("resets&at=4", 260, 150), ("none", 500, 300), ("none", 120, 120)])
  func whateverNeverEndsCanBeStopped(_ fault: String, _ steps: Int, _ saved: Int) throws {
    let space = try Workspace(), run = RunFolder(path: space.file("run"))
    let result = try mamba(
      "train gymnasium:bridge_test_environments:Faulty-v0?fault=\(fault) --steps \(steps) \(small)\(run.path) "
        + "--set resetTimeout=600 --set stepTimeout=600 --set logInterval=30", signal: SIGUSR1
    ) {
      // The third episode's row; the row before the evaluation; the weights, after which the hundred episodes come.
      fault != "none"
        ? lineCount(run.monitor) == 5
        : steps == saved ? FileManager.default.fileExists(atPath: run.weights) : lineCount(run.progress) > saved / 30
    }
    #expect(result.status == 128 + SIGUSR1 && savedSteps(run.path) == saved, "\(fault): \(result.error)")
    #expect(!FileManager.default.fileExists(atPath: run.evaluation))
  }

  /// The environment itself refuses an action that it masks.
  @Test func maskedActionsAreNeverTaken() throws {
    let space = try Workspace()
    let result = try mamba("train gymnasium:bridge_test_environments:Masked-v0 --steps 400 \(small)\(space.file("run"))")
    #expect(result.status == 0, "\(result.error)")
    #expect(try mamba("evaluate \(space.file("run")) --trust --episodes 2").status == 0)
  }

  @Test func mistakesExitWithSixtyFourAndLeaveNoFolder() throws {
    let space = try Workspace()
    let result = try mamba("train gymnasium:LunarLandr-v3 \(small)\(space.file("never"))")
    #expect(result.status == 64)
    #expect(result.error.contains("Did you mean: `LunarLander`"))
    #expect(!FileManager.default.fileExists(atPath: space.file("never")))
  }

  // MARK: - Nothing is left running

  /// Whatever the environment started, in its process group or as a daemon, with all that the worker had open.
  @Test(arguments: ["", "closes slowly", "exits", "crashes", "hangs", "holds"])
  func nothingOutlivesACommand(_ then: String) throws {
    let (process, mark) = try start("Forks-v0?then=\(then)", "--timeout", "5")
    process.waitUntilExit()
    #expect((process.terminationStatus == 0) == ["", "closes slowly"].contains(then))
    for _ in 0..<80 where marked(mark) > 0 { Thread.sleep(forTimeInterval: 0.1) }
    #expect(marked(mark) == 0)
  }

  /// SIGKILL cannot be caught, so the other side itself must notice, even while the environment hangs.
  @Test(arguments: ["hangs", "holds"])
  func nothingOutlivesUs(_ then: String) throws {
    let (process, mark) = try start("Forks-v0?then=\(then)")
    for _ in 0..<600 where marked(mark) < 5 { Thread.sleep(forTimeInterval: 0.05) }
    #expect(marked(mark) == 5, "the program, the guardian, the worker and its two children")
    kill(process.processIdentifier, SIGKILL)
    process.waitUntilExit()
    for _ in 0..<80 where marked(mark) > 0 { Thread.sleep(forTimeInterval: 0.1) }
    #expect(marked(mark) == 0)
  }

  /// A request to stop does not wait for an environment's time-out.
  @Test func aHangingEnvironmentIsGivenUpWhenAskedToStop() throws {
    let space = try Workspace()
    let stopped = try mamba(
      "train gymnasium:bridge_test_environments:Faulty-v0?fault=hangs&at=260 --set stepTimeout=600 "
        + "--set resetTimeout=600 \(small)\(space.file("run"))", signal: SIGTERM
    ) { savedSteps(space.file("run")) > 0 }
    #expect(stopped.status != 0 && !stopped.error.contains("within"), "\(stopped.error)")
  }

  private func start(_ environment: String, _ arguments: String...) throws -> (process: Process, mark: String) {
    let mark = UUID().uuidString
    let process = Process()
    process.executableURL = URL(fileURLWithPath: builtProgram)
    process.arguments =
      ["rollout", "gymnasium:bridge_test_environments:\(environment)", "--seed", "0", "--actions", "0,0,0"] + arguments
    process.environment = ProcessInfo.processInfo.environment.merging(
      ["BRIDGE_TEST_MARK": mark, "PYTHONPATH": packageRoot + "/Tests/GymnasiumBridgeTests/Python"]) { $1 }
    process.standardOutput = FileHandle.nullDevice
    process.standardError = FileHandle.nullDevice
    try process.run()
    return (process, mark)
  }

  private func marked(_ mark: String) -> Int { processCount(with: "BRIDGE_TEST_MARK=\(mark)") }

  // MARK: - Files are data, folders are not trusted

  @Test func modulesThatAFileNamesAreImportedOnlyIfTheUserSaysSo() throws {
    let space = try Workspace(), run = space.file("run"), name = "gymnasium:bridge_test_environments:Slow-v0"
    let trained = try mamba("train \(name) --steps 120 \(small)\(run)")
    #expect(trained.status == 0, "\(trained.error)")
    try FileManager.default.removeItem(atPath: RunFolder(path: run).evaluation)
    let study = try space.write(
      "s.yaml", Array("name: s\nenvironment: \(name)\npreset: default\nmodels: [dqn]\nseeds: [0]\nsteps: 5\n".utf8))
    let weights = RunFolder(path: run).weights, root = space.file("root")
    for command in [
      "evaluate \(run) --episodes 1", "evaluate \(weights) --episodes 1", "evaluate \(run) --episodes 1 --checkpoint last",
      "render \(run)", "render \(weights) --out \(space.file("page.html"))", "render \(run) --checkpoint last", "resume \(run)",
      "study run \(study) --root \(root)",
      "study run \(study) --root \(root) --index 0",
    ] {
      let refused = try mamba(command)
      #expect(refused.status == 64 && refused.error.contains("imports the Python module bridge_test_environments"), "\(command)")
      #expect(refused.error.contains("--trust") && refused.error.count { $0 == "\n" } == 1)
      let trusted = try mamba(command + " --trust")
      #expect(trusted.status == 0, "\(command): \(trusted.error)")
    }
    let named = try mamba("evaluate \(weights) --episodes 1 --env \(name)")
    #expect(named.status == 0, "\(named.error)")
  }

  /// A folder with a Python, a NumPy and a module of its own, in which commands are given.
  @Test func theCurrentFolderIsNotTrusted() throws {
    let space = try Workspace()
    try FileManager.default.createDirectory(atPath: space.file(".venv/bin"), withIntermediateDirectories: true)
    for name in [".venv/bin/python3", "numpy.py", "json.py", "ctypes.py", "gymnasium.py", "sitecustomize.py", "trap.py"] {
      let text = name.hasSuffix(".py") ? "open('sprung', 'w')\n" : "#!/bin/sh\ntouch sprung\n"
      _ = try space.write(name, Array(text.utf8))
    }
    try FileManager.default.setAttributes([.posixPermissions: 0o755], ofItemAtPath: space.file(".venv/bin/python3"))
    func here(_ command: String) throws -> ProcessResult {
      try run("/bin/sh", ["-c", "cd '\(space.path)' && \(command)", "sh"])
    }
    for path in ["unset PYTHONPATH", "export PYTHONPATH=", "export PYTHONPATH=:/nowhere:"] {
      let plain = try here("\(path); '\(builtProgram)' rollout gymnasium:CartPole-v1 --seed 0 --actions 0")
      #expect(plain.status == 0, "\(plain.error)")
      let own = try here("\(path); '\(builtProgram)' rollout gymnasium:trap:X-v0 --seed 0 --actions 0")
      #expect(own.status == 64 && own.error.contains("PYTHONPATH=. mamba-dqn"), "\(own.error)")
    }
    #expect(!FileManager.default.fileExists(atPath: space.file("sprung")))
  }

  @Test func theInterpreterIsThePackagesOwnOrTheOneThatIsNamed() throws {
    let space = try Workspace()
    try FileManager.default.createSymbolicLink(atPath: space.file("link"), withDestinationPath: builtProgram)
    try FileManager.default.copyItem(atPath: builtProgram, toPath: space.file("copy"))
    let arguments = ["rollout", "gymnasium:CartPole-v1", "--seed", "0", "--actions", "0"]
    #expect(try run(space.file("link"), arguments).status == 0)
    let copied = try run(space.file("copy"), arguments)
    #expect(copied.status == 64 && copied.error.contains("MAMBA_DQN_PYTHON"), "\(copied.error)")
    let named = try run(
      "/usr/bin/env", ["MAMBA_DQN_PYTHON=\(packageRoot)/.venv/bin/python3", space.file("copy")] + arguments)
    #expect(named.status == 0, "\(named.error)")
    let missing = try run("/usr/bin/env", ["MAMBA_DQN_PYTHON=/no/python", builtProgram] + arguments)
    #expect(missing.status == 64 && missing.error.contains("cannot start /no/python"), "\(missing.error)")
  }

  // MARK: - Words

  @Test(arguments: [
    ("CartPole-v1", "gymnasium:CartPole-v1"), ("ALE/Pong-v5", "gymnasium:ALE/Pong-v5"), ("own:X-v0", "gymnasium:own:X-v0"),
    ("LunarLandr-v3", "LunarLander-v3"),
  ])
  func unknownNamesAreSuggested(_ name: String, _ suggestion: String) throws {
    let result = try mamba("train \(name)")
    #expect(result.status == 64 && result.error.contains("did you mean \(suggestion)?"), "\(result.error)")
  }

  @Test(arguments: ["train", "rollout", "evaluate", "bench"])
  func helpSaysHowGymnasiumsAreNamed(_ command: String) throws {
    let help = try mamba("\(command) --help").output.split(separator: /\s+/).joined(separator: " ")
    #expect(help.contains("gymnasium:ID") && help.contains("gymnasium:MODULE:ID"), "\(help)")
  }

  @Test func masksAreShownAndKept() throws {
    let masked = "rollout gymnasium:bridge_test_environments:Masked-v0 --seed 0"
    let given = try mamba("\(masked) --actions 0,1,2")
    #expect(given.status == 0 && given.output.contains("\"action_mask\":[1,0,1]}"), "\(given.output)\(given.error)")
    let wrong = try mamba("\(masked) --actions 1")
    #expect(wrong.status == 64 && wrong.error.contains("step 1: the action 1 is masked here; allowed: 0, 2"), "\(wrong.error)")
  }
}
