/// Environments that live elsewhere, so that several of them can work at once while one thread waits.

/// An environment whose resets and steps come in two halves: asking, which returns at once, and receiving.
///
///     for index in environments.indices { try environments[index].send(step: actions[index]) }
///     for index in environments.indices { results[index] = try environments[index].receive(into: rows[index]) }
///
/// What is received depends on the seed and the actions alone, never on who answered first. One request is under way at a
/// time: every `send` is followed by its `receive`, also where another environment failed in between. A class, because it
/// owns what lives elsewhere.
public protocol AsynchronousEnvironment: AnyObject, Environment {
  /// Begins a reset and returns at once; `receive` waits for it.
  func send(resetWithSeed seed: UInt64?) throws
  /// Begins a step and returns at once; `receive` waits for it.
  func send(step action: Int) throws
  /// Waits for the answer to the last `send`. After a reset the step has no reward and ends nothing.
  func receive(into observation: UnsafeMutableBufferPointer<Float>) throws -> Step
}

extension AsynchronousEnvironment {
  public func reset(seed: UInt64?, into observation: UnsafeMutableBufferPointer<Float>) throws {
    try send(resetWithSeed: seed)
    _ = try receive(into: observation)
  }

  public func step(_ action: Int, into observation: UnsafeMutableBufferPointer<Float>) throws -> Step {
    try send(step: action)
    return try receive(into: observation)
  }
}

/// One round of requests to environments that work at once. `ask` sends what there is for index i and says whether it did; then
/// `hear` receives from everyone who was asked, also after another one's failure, so that nothing stays under way.
///
/// - Returns: what went wrong, by index; the lowest first.
package func askAllThenHear(
  _ indices: Range<Int>, ask: (Int) throws -> Bool, hear: (Int) throws -> Void
) -> [(index: Int, error: any Error)] {
  var failures: [(index: Int, error: any Error)] = []
  func succeeds(_ index: Int, _ body: () throws -> Bool) -> Bool {
    do { return try body() } catch {
      failures.append((index, error))
      return false
    }
  }
  let asked = indices.filter { index in succeeds(index) { try ask(index) } }
  for index in asked {
    _ = succeeds(index) {
      try hear(index)
      return true
    }
  }
  return failures.sorted { $0.index < $1.index }
}
