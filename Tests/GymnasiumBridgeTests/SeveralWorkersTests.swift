/// Several workers at once are the same workers one at a time.
import Environments
import Foundation
import GymnasiumBridge
import TestSupport
import Testing

@Suite struct SeveralWorkersTests {
  /// Their steps take times of their own, so that whoever is asked first is not who answers first.
  @Test(arguments: VectorEnvironment.AutoresetMode.allCases)
  func resultsDoNotDependOnWhoAnswersFirst(_ mode: VectorEnvironment.AutoresetMode) throws {
    let vector = try VectorEnvironment(count: 3, autoreset: mode) { try testEnvironment("Slow-v0?wait=0.003") }
    let instant = try VectorEnvironment(count: 3, autoreset: mode, threads: 1) { Sequential(try testEnvironment("Slow-v0")) }
    try vector.reset(seed: 5)
    try instant.reset(seed: 5)
    #expect(Array(vector.observations) == Array(instant.observations))
    for time in 0..<20 {
      let actions = (0..<3).map { ($0 + time) % 2 }
      try vector.step(actions)
      try instant.step(actions)
      // The environment's waits are drawn from its generator too, and so are no different in time.
      #expect(vector.results == instant.results, "\(mode), step \(time)")
      #expect(Array(vector.observations) == Array(instant.observations), "\(mode), step \(time)")
      #expect(Array(vector.finalObservations) == Array(instant.finalObservations))
    }
  }

  /// Steps that wait for each other end only where all of them are under way.
  @Test func theyWorkAtOnce() throws {
    let space = try Workspace(), count = 3
    var index = 0
    let vector = try VectorEnvironment(count: count, autoreset: .disabled, threads: 1) {
      defer { index += 1 }
      return try testEnvironment("Meeting-v0?folder=\(space.path)&index=\(index)&count=\(count)")
    }
    try vector.reset(seed: 0)
    for _ in 0..<7 { try vector.step([1, 0, 1]) }
    #expect(vector.results.allSatisfy { $0.terminated })
  }

  @Test func afterOnesFaultAllOthersCanGoOn() throws {
    var made = 0
    let vector = try VectorEnvironment(count: 3, autoreset: .disabled) {
      defer { made += 1 }
      return try testEnvironment("Slow-v0?fault_at=\(made == 1 ? 2 : -1)")
    }
    try vector.reset(seed: 0)
    try vector.step([0, 0, 0])
    let before = Array(vector.observations)
    let error = #expect(throws: GymnasiumError.self) { try vector.step([1, 1, 1]) }
    #expect(error?.description.contains("the wheels came off") == true)
    #expect(vector.results.map(\.reward) == [1, 0, 1])
    #expect(vector.observations[0] != before[0] && vector.observations[3] == before[3] && vector.observations[6] != before[6])
    try vector.step([1, 1, 1])  // it raises once
    #expect(vector.results.map(\.reward) == [1, 1, 1])
  }
}

/// The same environment, but one that can only be waited for.
private struct Sequential: Environment {
  var inner: GymnasiumEnvironment
  init(_ inner: GymnasiumEnvironment) { self.inner = inner }
  var observationSpace: BoxSpace { inner.observationSpace }
  var actionSpace: DiscreteSpace { inner.actionSpace }
  func reset(seed: UInt64?, into observation: UnsafeMutableBufferPointer<Float>) throws {
    try inner.reset(seed: seed, into: observation)
  }
  func step(_ action: Int, into observation: UnsafeMutableBufferPointer<Float>) throws -> Step {
    try inner.step(action, into: observation)
  }
}
