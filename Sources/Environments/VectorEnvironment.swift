/// Many copies of one environment, stepped together and spread over the cores.
import Dispatch
import MachineSupport

/// n environments behind one flat observation buffer, after Gymnasium's `VectorEnv`.
///
/// What an environment returns depends on its seed and actions only, never on how many cores there were.
public final class VectorEnvironment {
  /// When an environment whose episode has ended begins the next one (Gymnasium's `AutoresetMode`).
  public enum AutoresetMode: String, Sendable, CaseIterable {
    /// With the next step, whose action is ignored and whose reward is 0.
    case nextStep
    /// Within the step that ended it; the ended episode's last observation is in `finalObservations`.
    case sameStep
    /// Only when told to; until then it stands still.
    case disabled
  }

  /// Environments side by side.
  public let count: Int
  /// When an environment begins anew by itself.
  public let autoreset: AutoresetMode
  /// Of each environment.
  public let observationSpace: BoxSpace
  /// Of each environment.
  public let actionSpace: DiscreteSpace
  /// [count, feature], row-major; overwritten by every reset and step.
  public let observations: UnsafeMutableBufferPointer<Float>
  /// Like `observations`; with `.sameStep`, rows of environments that ended in the last step. Empty otherwise.
  public let finalObservations: UnsafeMutableBufferPointer<Float>
  /// What the last step returned; an environment that stands still keeps its last.
  public private(set) var results: [Step]

  private let environments: UnsafeMutableBufferPointer<any Environment>
  /// The same environments, where all of them live elsewhere.
  private let asynchronous: [any AsynchronousEnvironment]
  private let threads: Int
  /// Environments that one thread takes at a time: several, because handing out work costs about as much as a step.
  private let chunk: Int

  /// - Parameters:
  ///   - threads: how many cores to use at most; nil for all.
  ///   - make: called `count` times.
  public init(
    count: Int, autoreset: AutoresetMode = .nextStep, threads: Int? = nil, make: () throws -> any Environment
  ) throws {
    precondition(count > 0, "a vector environment needs at least one environment, not \(count)")
    let made = try (0..<count).map { _ in try make() }
    (self.count, self.autoreset) = (count, autoreset)
    (observationSpace, actionSpace) = (made[0].observationSpace, made[0].actionSpace)
    environments = .allocate(capacity: count)
    _ = environments.initialize(from: made)
    asynchronous = made.compactMap { $0 as? any AsynchronousEnvironment }
    observations = .allocate(capacity: count * observationSpace.count)
    observations.initialize(repeating: 0)
    finalObservations = .allocate(capacity: autoreset == .sameStep ? observations.count : 0)
    finalObservations.initialize(repeating: 0)
    results = Array(repeating: Step(reward: 0, terminated: false, truncated: false), count: count)
    self.threads = max(1, min(threads ?? Self.coreCount, count))
    chunk = self.threads == 1 ? count : max(1, min(16, count / self.threads))
  }

  deinit {
    environments.deinitialize()
    environments.deallocate()
    observations.deallocate()
    finalObservations.deallocate()
  }

  /// Begins an episode everywhere; environment i is seeded with `seed` + i, or goes on with its generator.
  public func reset(seed: UInt64?) throws { try reset(seeds: (0..<count).map { index in seed.map { $0 &+ UInt64(index) } }) }

  /// Begins an episode in the environments chosen by `only`, each with its own seed.
  public func reset(seeds: [UInt64?], only: [Bool]? = nil) throws {
    precondition(seeds.count == count && only?.count ?? count == count, "one seed for each of \(count) environments")
    try perform { index, _ in only?[index] ?? true ? .reset(seed: seeds[index]) : nil }
  }

  /// One action for each environment.
  public func step(_ actions: [Int]) throws {
    precondition(actions.count == count, "one action for each of \(count) environments, not \(actions.count)")
    try step { index, _ in actions[index] }
  }

  /// As `step(_:)`, where `choose` names environment i's action from its observation. It is called on several threads at
  /// once, for different i, or for one after the other where the environments are asynchronous.
  public func step(choosing choose: (_ index: Int, _ observation: UnsafeBufferPointer<Float>) -> Int) throws {
    try perform { index, last in
      if last.isLast && self.autoreset != .sameStep { return self.autoreset == .disabled ? nil : .reset(seed: nil) }
      return .step(choose(index, UnsafeBufferPointer(self.row(index, of: self.observations))))
    }
  }

  /// Environment i's `actionMask`.
  public func actionMask(of index: Int) -> [Bool]? { environments[index].actionMask }
  /// Environment i's `speed`.
  public func speed(of index: Int) -> Double? { environments[index].speed }

  // MARK: - Doing it

  private enum Request { case reset(seed: UInt64?), step(Int) }

  /// Does what `decide` asks of each environment; nil leaves it standing still.
  private func perform(_ decide: (_ index: Int, _ last: Step) -> Request?) throws {
    if asynchronous.count == count { return try performAtOnce(decide) }
    try forEach { index, last in
      let row = self.row(index, of: self.observations)
      switch decide(index, last) {
      case nil: return nil
      case .reset(let seed):
        try self.environments[index].reset(seed: seed, into: row)
        return Step(reward: 0, terminated: false, truncated: false)
      case .step(let action):
        let result = try self.environments[index].step(action, into: row)
        if result.isLast && self.autoreset == .sameStep {
          _ = self.row(index, of: self.finalObservations).update(fromContentsOf: row)
          try self.environments[index].reset(seed: nil, into: row)
        }
        return result
      }
    }
  }

  /// The same for environments that live elsewhere: all are asked before the first answer is awaited, on this thread alone.
  /// Throws the error of the lowest index, after all have answered.
  private func performAtOnce(_ decide: (_ index: Int, _ last: Step) -> Request?) throws {
    var failures: [(index: Int, error: any Error)] = []
    /// Asks those that `request` names something for; what `answered` is told has been written into the row.
    func round(_ request: (Int) -> Request?, answered: (Int, Step) -> Void) {
      failures += askAllThenHear(asynchronous.indices) { index in
        switch request(index) {
        case nil: return false
        case .reset(let seed): try asynchronous[index].send(resetWithSeed: seed)
        case .step(let action): try asynchronous[index].send(step: action)
        }
        return true
      } hear: { index in
        answered(index, try asynchronous[index].receive(into: row(index, of: observations)))
      }
    }
    var ended: Set<Int> = []
    round({ decide($0, results[$0]) }) { index, result in
      results[index] = result
      guard result.isLast && autoreset == .sameStep else { return }
      _ = row(index, of: finalObservations).update(fromContentsOf: row(index, of: observations))
      ended.insert(index)
    }
    if !ended.isEmpty { round({ ended.contains($0) ? .reset(seed: nil) : nil }) { _, _ in } }
    if let first = failures.min(by: { $0.index < $1.index }) { throw first.error }
  }

  private func row(_ index: Int, of buffer: UnsafeMutableBufferPointer<Float>) -> UnsafeMutableBufferPointer<Float> {
    let size = observationSpace.count
    return UnsafeMutableBufferPointer(rebasing: buffer[index * size..<(index + 1) * size])
  }

  /// Runs `body` for every environment; what it returns becomes the environment's result. Throws the error of the
  /// lowest index, after all have run.
  private func forEach(_ body: (Int, _ last: Step) throws -> Step?) throws {
    let (count, chunk) = (count, chunk)
    let chunks = (count + chunk - 1) / chunk
    let failures = UnsafeMutableBufferPointer<(any Error)?>.allocate(capacity: chunks)
    failures.initialize(repeating: nil)
    defer {
      failures.deinitialize()
      failures.deallocate()
    }
    results.withUnsafeMutableBufferPointer { results in
      // Safe, because a chunk is one thread's alone: it touches its own environments, rows, results and failure.
      nonisolated(unsafe) let (results, failures, body) = (results, failures, body)
      // One chunk runs here, without a thread.
      DispatchQueue.concurrentPerform(iterations: chunks) { part in
        for index in part * chunk..<min((part + 1) * chunk, count) {
          do { if let step = try body(index, results[index]) { results[index] = step } } catch {
            failures[part] = error
            return
          }
        }
      }
    }
    if let error = failures.lazy.compactMap({ $0 }).first { throw error }
  }

  /// Cores that this process may run on.
  public static var coreCount: Int { Int(machine_core_count()) }
}
