/// Many environments at once are the same environments one at a time.
import Environments
import Testing

@Suite struct VectorEnvironmentTests {
  private static let count = 5

  /// The same seeds and actions in single environments, with the resets that each mode asks for.
  @Test(arguments: VectorEnvironment.AutoresetMode.allCases, [1, 2])
  func copiesEqualSingleEnvironments(_ mode: VectorEnvironment.AutoresetMode, _ threads: Int) throws {
    let vector = try VectorEnvironment(count: Self.count, autoreset: mode, threads: threads) { Highway(options: .highwayFast) }
    var singles = (0..<Self.count).map { _ in Highway(options: .highwayFast) }
    var last = [Step](repeating: Step(reward: 0, terminated: false, truncated: false), count: Self.count)
    var rows: [[Float]] = try singles.indices.map { try singles[$0].reset(seed: 7 + UInt64($0)) }
    try vector.reset(seed: 7)
    #expect(Array(vector.observations) == rows.flatMap { $0 })
    var ends = 0
    for time in 0..<80 {
      let actions = (0..<Self.count).map { (time * 3 + $0 * 7) % 5 }
      try vector.step(actions)
      for index in 0..<Self.count {
        var final: [Float]?
        if last[index].isLast && mode != .sameStep {
          if mode == .disabled { continue }
          rows[index] = try singles[index].reset(seed: nil)
          last[index] = Step(reward: 0, terminated: false, truncated: false)
        } else {
          (rows[index], last[index]) = try singles[index].step(actions[index])
          ends += last[index].isLast ? 1 : 0
          if last[index].isLast && mode == .sameStep {
            final = rows[index]
            rows[index] = try singles[index].reset(seed: nil)
          }
        }
        #expect(vector.results[index] == last[index], "\(mode), environment \(index), step \(time)")
        if let final { #expect(Array(vector.finalObservations[index * 25..<(index + 1) * 25]) == final) }
      }
      #expect(Array(vector.observations) == rows.flatMap { $0 }, "\(mode), step \(time)")
    }
    #expect(ends >= Self.count)
  }

  @Test func chosenEnvironmentsAreReset() throws {
    let vector = try VectorEnvironment(count: 3, autoreset: .disabled) { Highway(options: .highwayFast) }
    try vector.reset(seed: 0)
    let before = Array(vector.observations)
    try vector.reset(seeds: [nil, 40, nil], only: [false, true, false])
    var single = Highway(options: .highwayFast)
    #expect(Array(vector.observations) == before[..<25] + (try single.reset(seed: 40)) + before[50...])
  }

  @Test func theErrorOfTheLowestIndexIsThrownAfterAllHaveRun() throws {
    let vector = try VectorEnvironment(count: 4, threads: 2) { Fragile() }
    try vector.reset(seed: 0)
    #expect(throws: Fragile.Broken(seed: 1)) { try vector.step([0, 1, 0, 1]) }
    #expect(vector.results[0].reward == 1 && vector.results[2].reward == 1)
  }
}

/// Fails at action 1 and says with which seed it was reset.
private struct Fragile: Environment {
  struct Broken: Error, Equatable { var seed: UInt64? }
  let observationSpace = BoxSpace(shape: [1], low: [-1], high: [1])
  let actionSpace = DiscreteSpace(names: ["fine", "broken"])
  private var seed: UInt64?

  mutating func reset(seed: UInt64?, into observation: UnsafeMutableBufferPointer<Float>) { self.seed = seed }
  mutating func step(_ action: Int, into observation: UnsafeMutableBufferPointer<Float>) throws -> Step {
    guard action == 0 else { throw Broken(seed: seed) }
    return Step(reward: 1, terminated: false, truncated: false)
  }
}
