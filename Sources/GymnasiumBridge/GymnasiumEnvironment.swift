/// Any Gymnasium environment with discrete actions, played by a Python process of its own. This room is the only one that
/// knows Python exists; `Worker/gymnasium_worker.py` is its other half and has the frames' layout.
import Environments
import Foundation

/// Seeds, rewards, time limits, `terminated` and `truncated` pass through unchanged; `info["action_mask"]` becomes
/// `actionMask`. Boxes arrive row-major, uint8 as 0 … 255; other spaces flattened as `gymnasium.spaces.flatten` does. A
/// class, because it owns a process.
public final class GymnasiumEnvironment: AsynchronousEnvironment {
  /// Seconds until a worker that does not answer is stopped.
  public struct Timeouts: Equatable, Sendable {
    /// Python, its imports and `gymnasium.make`.
    public var start: Double
    public var reset: Double
    public var step: Double
    public init(start: Double = 120, reset: Double = 120, step: Double = 30) {
      (self.start, self.reset, self.step) = (start, reset, step)
    }
  }

  public let observationSpace: BoxSpace
  public let actionSpace: DiscreteSpace
  public private(set) var actionMask: [Bool]?
  let name: GymnasiumName
  let timeouts: Timeouts
  let worker: WorkerProcess
  /// What was sent and not yet received.
  private var pending: (kind: UInt8, wait: WorkerProcess.Wait)?
  /// Whether `rgb_array` was asked for, and how many frames a second its author meant.
  let isRendering: Bool
  let renderFramesPerSecond: Double?

  enum Kind { static let make: UInt8 = 1, reset: UInt8 = 2, step: UInt8 = 3, render: UInt8 = 4, failed: UInt8 = 0xEE }

  /// - Parameter rendering: makes it with `render_mode=rgb_array`, so that it can be drawn.
  /// - Throws: `GymnasiumError`; `EnvironmentInterruption`, here and in every step, where a signal asked this program to stop.
  public init(_ given: GymnasiumName, timeouts: Timeouts = .init(), rendering: Bool = false) throws {
    let name = rendering ? given.rendering : given
    (self.name, self.timeouts, isRendering) = (name, timeouts, rendering)
    let worker = try WorkerProcess(
      executable: PythonInterpreter.path(), arguments: ["-c", Self.program], variables: PythonInterpreter.variables)
    try Self.named(name) { try worker.send(Kind.make, name.request) }
    self.worker = worker
    let reply = try Self.reply(
      of: worker, name, Kind.make, .init("gymnasium.make", seconds: timeouts.start, remedy: "--set startTimeout=SECONDS"))
    let description: Description
    do { description = try JSONDecoder().decode(Description.self, from: Data(reply)) } catch {
      throw GymnasiumError("the Python worker described \(name.id) in a way that cannot be read: \(error)")
    }
    let count = description.shape.reduce(1, *)
    func bounds(_ values: [Float?], _ infinity: Float) -> [Float] {
      let values = values.map { $0 ?? infinity }
      return values.count == 1 ? [Float](repeating: values[0], count: count) : values
    }
    observationSpace = BoxSpace(
      shape: description.shape, low: bounds(description.low, -.infinity), high: bounds(description.high, .infinity),
      element: description.type == "uint8" ? .uint8 : .float32)
    actionSpace = DiscreteSpace(names: description.actions)
    renderFramesPerSecond = description.framesPerSecond
  }

  private struct Description: Decodable {
    var shape: [Int]
    var type: String
    var low, high: [Float?]
    var actions: [String]
    var framesPerSecond: Double?
  }

  // MARK: - Asking

  public func send(resetWithSeed seed: UInt64?) throws {
    let payload = [seed == nil ? 0 : 1] + bytes(of: seed ?? 0)
    try send(
      Kind.reset, payload,
      .init("the reset", seconds: timeouts.reset, remedy: "--set resetTimeout=SECONDS or --timeout SECONDS"))
  }

  public func send(step action: Int) throws {
    try send(
      Kind.step, bytes(of: UInt64(bitPattern: Int64(action))),
      .init("the step", seconds: timeouts.step, remedy: "--set stepTimeout=SECONDS or --timeout SECONDS"))
  }

  private func send(_ kind: UInt8, _ payload: [UInt8], _ wait: @autoclosure () -> WorkerProcess.Wait) throws {
    precondition(pending == nil, "\(name.id) was asked again before its answer was received")
    try Self.named(name) { try worker.send(kind, payload) }
    pending = (kind, wait())
  }

  private func bytes(of value: UInt64) -> [UInt8] { (0..<8).map { UInt8(truncatingIfNeeded: value >> (8 * UInt64($0))) } }

  /// The frame of a RENDER request: sent and received at once.
  func picture() throws -> [UInt8] {
    try Self.named(name) { try worker.send(Kind.render, []) }
    return try Self.reply(
      of: worker, name, Kind.render,
      .init("the picture", seconds: timeouts.step, remedy: "--set stepTimeout=SECONDS or --timeout SECONDS"))
  }

  // MARK: - Receiving

  public func receive(into observation: UnsafeMutableBufferPointer<Float>) throws -> Step {
    guard let (kind, wait) = pending else { preconditionFailure("\(name.id) was asked for nothing") }
    pending = nil
    var rest = try Self.reply(of: worker, name, kind, wait)[...]
    var result = Step(reward: 0, terminated: false, truncated: false)
    if kind == Kind.step {
      let head = try take(10, of: &rest)
      let reward = head.withUnsafeBytes { UInt64(littleEndian: $0.loadUnaligned(as: UInt64.self)) }
      (result.terminated, result.truncated) = (head[head.startIndex + 8] != 0, head[head.startIndex + 9] != 0)
      result.reward = Double(bitPattern: reward)
    }
    let isMasked = try take(1, of: &rest).first != 0
    actionMask = isMasked ? try take(actionSpace.count, of: &rest).map { $0 != 0 } : nil
    try read(rest, into: observation)
    return result
  }

  private func take(_ count: Int, of bytes: inout ArraySlice<UInt8>) throws -> ArraySlice<UInt8> {
    guard bytes.count >= count else { throw GymnasiumError("\(name.id): the Python worker sent a frame that is too short") }
    defer { bytes = bytes.dropFirst(count) }
    return bytes.prefix(count)
  }

  private func read(_ bytes: ArraySlice<UInt8>, into observation: UnsafeMutableBufferPointer<Float>) throws {
    let count = observationSpace.count, isByte = observationSpace.element == .uint8
    precondition(observation.count == count, "\(name.id) has \(count) features, not \(observation.count)")
    guard bytes.count == count * (isByte ? 1 : 4) else {
      throw GymnasiumError(
        "\(name.id): the Python worker sent an observation of \(bytes.count) bytes, not of \(count * (isByte ? 1 : 4))")
    }
    if isByte {
      for (index, byte) in bytes.enumerated() { observation[index] = Float(byte) }
    } else {
      bytes.withUnsafeBytes { UnsafeMutableRawBufferPointer(observation).copyMemory(from: $0) }
    }
  }

  // MARK: - The other side

  private static let program =
    String(decoding: PackageResources.guardian_py, as: UTF8.self)
    + String(decoding: PackageResources.gymnasium_worker_py, as: UTF8.self)

  private static func reply(
    of worker: WorkerProcess, _ name: GymnasiumName, _ kind: UInt8, _ wait: WorkerProcess.Wait
  ) throws -> [UInt8] {
    let reply = try named(name) { try worker.receive(wait) }
    if reply.kind == kind { return reply.payload }
    guard reply.kind == Kind.failed,
      let failure = try? JSONDecoder().decode(GymnasiumError.Reported.self, from: Data(reply.payload))
    else { throw GymnasiumError("\(name.id): the Python worker answered request \(kind) with a frame of kind \(reply.kind)") }
    throw failure.error(name)
  }

  /// Errors of the process say whose it is.
  private static func named<Result>(_ name: GymnasiumName, _ body: () throws -> Result) throws -> Result {
    do { return try body() } catch let error as GymnasiumError {
      throw GymnasiumError("\(name.id): \(error)", isUsage: error.isUsage)
    } catch let error as EnvironmentInterruption { throw EnvironmentInterruption("\(name.id): \(error)") }
  }
}
