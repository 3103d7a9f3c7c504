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
    #expect(store.paths.count == 1 && store.paths[0].contains("0000000250"))
  }

  @Test func mistakesExitWithSixtyFourAndLeaveNoFolder() throws {
    let space = try Workspace()
    let result = try mamba("train gymnasium:LunarLandr-v3 \(small)\(space.file("never"))")
    #expect(result.status == 64)
    #expect(result.error.contains("Did you mean: `LunarLander`"))
    #expect(!FileManager.default.fileExists(atPath: space.file("never")))
  }

  /// SIGKILL cannot be caught, so the worker itself must notice, even while its environment hangs.
  @Test func noWorkerOutlivesUs() throws {
    let mark = "BRIDGE_TEST_MARK=\(UUID().uuidString)"
    let parts = mark.split(separator: "=").map(String.init)
    let process = Process()
    process.executableURL = URL(fileURLWithPath: builtProgram)
    process.arguments = [
      "rollout", "gymnasium:bridge_test_environments:Faulty-v0?fault=hangs", "--seed", "0", "--actions", "0,0,0",
    ]
    process.environment = ProcessInfo.processInfo.environment.merging(
      [parts[0]: parts[1], "PYTHONPATH": packageRoot + "/Tests/GymnasiumBridgeTests/Python"]) { $1 }
    process.standardOutput = FileHandle.nullDevice
    try process.run()
    for _ in 0..<300 where marked(mark) < 2 { Thread.sleep(forTimeInterval: 0.1) }
    #expect(marked(mark) == 2, "the program and its worker")
    kill(process.processIdentifier, SIGKILL)
    process.waitUntilExit()
    for _ in 0..<80 where marked(mark) > 0 { Thread.sleep(forTimeInterval: 0.1) }
    #expect(marked(mark) == 0)
  }

  /// How many processes were started with this in their environment.
  private func marked(_ mark: String) -> Int {
    let processes = (try? FileManager.default.contentsOfDirectory(atPath: "/proc")) ?? []
    return processes.filter { name in
      Int(name) != nil
        && FileManager.default.contents(atPath: "/proc/\(name)/environ").map {
          String(decoding: $0, as: UTF8.self).contains(mark)
        } == true
    }.count
  }
}
