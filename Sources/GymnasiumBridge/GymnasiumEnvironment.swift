/// Any Gymnasium environment with discrete actions, played by a Python process of its own. This room is the only one that
/// knows Python exists; `Worker/gymnasium_worker.py` is its other half and has the frames' layout.
import Environments
import Foundation

/// Seeds, rewards, time limits, `terminated` and `truncated` pass through unchanged. Boxes arrive row-major, uint8 as
/// 0 … 255; other spaces flattened as `gymnasium.spaces.flatten` does. A class, because it owns a process.
public final class GymnasiumEnvironment: Environment {
  /// Seconds until a worker that does not answer is stopped.
  public struct Timeouts: Sendable {
    /// Python, its imports and `gymnasium.make`.
    public var start = 120.0
    /// One reset or step.
    public var reply = 30.0
    public init(start: Double = 120, reply: Double = 30) { (self.start, self.reply) = (start, reply) }
  }

  public let observationSpace: BoxSpace
  public let actionSpace: DiscreteSpace
  let name: GymnasiumName
  let timeouts: Timeouts
  let worker: WorkerProcess
  private let isByte: Bool
  /// Whether `rgb_array` was asked for, and how many frames a second its author meant.
  let isRendering: Bool
  let renderFramesPerSecond: Double?

  enum Kind { static let make: UInt8 = 1, reset: UInt8 = 2, step: UInt8 = 3, render: UInt8 = 4, failed: UInt8 = 0xEE }

  /// - Parameter rendering: makes it with `render_mode=rgb_array`, so that it can be drawn.
  /// - Throws: `GymnasiumError`.
  public init(_ given: GymnasiumName, timeouts: Timeouts = .init(), rendering: Bool = false) throws {
    let name = rendering ? given.rendering : given
    (self.name, self.timeouts, isRendering) = (name, timeouts, rendering)
    worker = try WorkerProcess(executable: Self.python, arguments: ["-c", Self.program])
    let reply = try Self.exchange(worker, name, Kind.make, try name.request, timeouts.start)
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
      shape: description.shape, low: bounds(description.low, -.infinity), high: bounds(description.high, .infinity))
    actionSpace = DiscreteSpace(names: description.actions)
    isByte = description.type == "uint8"
    renderFramesPerSecond = description.framesPerSecond
  }

  private struct Description: Decodable {
    var shape: [Int]
    var type: String
    var low, high: [Float?]
    var actions: [String]
    var framesPerSecond: Double?
  }

  public func reset(seed: UInt64?, into observation: UnsafeMutableBufferPointer<Float>) throws {
    let payload = [seed == nil ? 0 : 1] + bytes(of: seed ?? 0)
    let reply = try Self.exchange(worker, name, Kind.reset, payload, timeouts.reply)
    try read(reply[...], into: observation)
  }

  public func step(_ action: Int, into observation: UnsafeMutableBufferPointer<Float>) throws -> Step {
    let reply = try Self.exchange(worker, name, Kind.step, bytes(of: UInt64(bitPattern: Int64(action))), timeouts.reply)
    guard reply.count >= 10 else {
      throw GymnasiumError("\(name.id): the Python worker sent a step of \(reply.count) bytes, too few")
    }
    let reward = reply.withUnsafeBytes { Double(bitPattern: UInt64(littleEndian: $0.loadUnaligned(as: UInt64.self))) }
    try read(reply[10...], into: observation)
    return Step(reward: reward, terminated: reply[8] != 0, truncated: reply[9] != 0)
  }

  private func read(_ bytes: ArraySlice<UInt8>, into observation: UnsafeMutableBufferPointer<Float>) throws {
    let count = observationSpace.count
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

  private func bytes(of value: UInt64) -> [UInt8] { (0..<8).map { UInt8(truncatingIfNeeded: value >> (8 * UInt64($0))) } }

  // MARK: - The other side

  /// `MAMBA_DQN_PYTHON`, or the virtual environment that `make gymnasium` sets up here, or the system's.
  static var python: String {
    if let chosen = ProcessInfo.processInfo.environment["MAMBA_DQN_PYTHON"] { return chosen }
    let own = ".venv/bin/python3"
    return FileManager.default.isExecutableFile(atPath: own) ? own : "python3"
  }

  private static let program = String(decoding: PackageResources.gymnasium_worker_py, as: UTF8.self)

  static func exchange(
    _ worker: WorkerProcess, _ name: GymnasiumName, _ kind: UInt8, _ payload: [UInt8], _ timeout: Double
  ) throws -> [UInt8] {
    let reply: (kind: UInt8, payload: [UInt8])
    do { reply = try worker.exchange(kind, payload, timeout: timeout) } catch let error as GymnasiumError {
      throw GymnasiumError("\(name.id): \(error)")
    }
    if reply.kind == kind { return reply.payload }
    guard reply.kind == Kind.failed, let failure = try? JSONDecoder().decode(Failure.self, from: Data(reply.payload)) else {
      throw GymnasiumError("\(name.id): the Python worker answered request \(kind) with a frame of kind \(reply.kind)")
    }
    throw failure.error(name, isMake: kind == Kind.make)
  }

  private struct Failure: Decodable {
    var type, message, traceback: String
    var isUnregistered: Bool

    func error(_ name: GymnasiumName, isMake: Bool) -> GymnasiumError {
      switch type {
      case "ModuleNotFoundError" where isMake:
        return GymnasiumError(
          "\(name.id): \(message) in \(GymnasiumEnvironment.python); `make gymnasium` installs what is usual into .venv, and "
            + "MAMBA_DQN_PYTHON names another Python", isUsage: true)
      case "DependencyNotInstalled":
        return GymnasiumError("\(name.id): \(message) (`make gymnasium` installs what is usual)", isUsage: true)
      case _ where isMake && isUnregistered: return GymnasiumError("\(name.id): \(message)", isUsage: true)
      case "TypeError" where isMake: return GymnasiumError("\(name.id): \(message)", isUsage: true)
      default: return GymnasiumError("\(name.id): Python raised \(type): \(message)\n\(traceback)")
      }
    }
  }
}
