/// What other programs read: TensorBoard's events by TensorBoard, .npz by NumPy, config.json strictly by ourselves.
import Foundation
import Records
import TestSupport
import Testing

@Suite struct LogTests {
  @Test func tensorBoardReadsOurEvents() throws {
    let space = try Workspace()
    let path = space.file("events.out.tfevents.0.test")
    var log: TensorBoardLog? = try TensorBoardLog(path: path, wallTime: 1)
    try log?.append(step: 1, wallTime: 2, [("train/loss", 0.5), ("rollout/ep_rew_mean", -100.25), ("nan", .nan)])
    let kept = try #require(log?.offset)
    try log?.append(step: 2, wallTime: 3, [("train/loss", 99)])
    log = try TensorBoardLog(path: path, resumingAt: kept, wallTime: 4)
    try log?.append(step: 300_000, wallTime: 5, [("train/loss", 0.25)])
    log = nil
    let result = try python(
      """
      import sys
      from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
      a = EventAccumulator(sys.argv[1]); a.Reload()
      for tag in sorted(a.Tags()["scalars"]):
          print(tag, [(e.step, e.value, e.wall_time) for e in a.Scalars(tag)])
      """, [space.path])
    #expect(
      result.output
        == "rollout/ep_rew_mean [(1, -100.25, 2.0)]\ntrain/loss [(1, 0.5, 2.0), (300000, 0.25, 5.0)]\n",
      "\(result.error) (`make test` installs the packages)")
  }

  @Test func numPyReadsOurArchive() throws {
    let space = try Workspace()
    try Npz.write(
      [
        ("timesteps", .int64([10, 20], shape: [2])),
        ("results", .float64([1, 2, 3, 4, 5, .infinity], shape: [2, 3])),
      ], to: space.file("evaluations.npz"))
    let result = try python(
      """
      import sys, zipfile, numpy as np
      assert zipfile.ZipFile(sys.argv[1]).testzip() is None
      a = np.load(sys.argv[1]); print(a["timesteps"].tolist(), a["timesteps"].dtype, a["results"].tolist(), a["results"].dtype)
      """, [space.file("evaluations.npz")])
    #expect(
      result.output == "[10, 20] int64 [[1.0, 2.0, 3.0], [4.0, 5.0, inf]] float64\n",
      "\(result.error) (`make test` installs the packages)")
  }

  @Test func aLogIsCutBackOnResume() throws {
    let space = try Workspace()
    var log: CSVLog? = try CSVLog(path: space.file("x.csv"))
    try log?.append(row: ["a", "b"])
    let kept = try #require(log?.offset)
    try log?.append(row: ["lost", "row"])
    log = try CSVLog(path: space.file("x.csv"), resumingAt: kept)
    try log?.append(row: ["c", "d"])
    log = nil
    #expect(try String(contentsOfFile: space.file("x.csv"), encoding: .utf8) == "a,b\nc,d\n")
    #expect(throws: FileError.self) { try CSVLog(path: space.file("x.csv"), resumingAt: 1000) }
  }

  @Test func configurationIsReadStrictly() throws {
    let space = try Workspace()
    var config = ExperimentConfig()
    config.encoder = .dqn
    config.learningRate = 0.1 + 0.2
    let text = String(decoding: try config.json, as: UTF8.self)
    func read(_ text: String) throws -> ExperimentConfig { try ExperimentConfig(path: space.write("c.json", Array(text.utf8))) }
    #expect(try read(text) == config)
    // As runs were recorded before there was the setting.
    #expect(try read(text.replacingOccurrences(of: "  \"threads\" : 1,\n", with: "")) == config)
    // And while there was one that is gone.
    let former = text.replacingOccurrences(of: "  \"threads\"", with: "  \"leastTries\" : 50,\n  \"threads\"")
    #expect(former != text, "the place was not found")
    #expect(try read(former) == config)
    #expect(ExperimentConfig.former(in: Array(former.utf8)).map { "\($0)=\($1)" } == "leastTries=50")
    let unused = former.replacingOccurrences(of: "\"leastTries\" : 50", with: "\"leastTries\" : 0")
    #expect(ExperimentConfig.former(in: Array(unused.utf8)) == nil && ExperimentConfig.former(in: Array(text.utf8)) == nil)
    let cases = [
      (text.replacingOccurrences(of: "\"batchSize\"", with: "\"batchsize\""), "unknown key batchsize; did you mean batchSize?"),
      (text.replacingOccurrences(of: "  \"batchSize\" : 64,\n", with: ""), "lacks the key batchSize"),
      (text.replacingOccurrences(of: "\"batchSize\" : 64", with: "\"batchSize\" : \"many\""), "wrong value for batchSize"),
      ("[]", "not a JSON object"),
    ]
    for (text, expected) in cases {
      do {
        _ = try read(text)
        Issue.record("accepted: \(expected)")
      } catch {
        #expect("\(error)".contains(expected), "\(error)")
      }
    }
  }

  @Test func nearestMatchFindsSlipsOnly() {
    #expect(nearestMatch(to: "learningrate", in: ["batchSize", "learningRate"]) == "learningRate")
    #expect(nearestMatch(to: "LunarLander-v2", in: ["LunarLander-v3", "highway-fast-v0"]) == "LunarLander-v3")
    #expect(nearestMatch(to: "xyz", in: ["batchSize", "learningRate"]) == nil)
  }
}
